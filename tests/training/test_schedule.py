from dataclasses import replace

import pytest

from avbench.training.schedule import learning_rate
from tests.support.training import (
    SETTINGS,
)


def test_cosine_falls_from_the_full_rate_to_zero():
    settings = replace(SETTINGS, schedule="cosine")
    rates = [learning_rate(settings, step, 100) for step in range(101)]
    assert rates[0] == settings.learning_rate
    assert rates[50] == pytest.approx(settings.learning_rate / 2)
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)
