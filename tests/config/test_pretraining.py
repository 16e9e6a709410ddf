from dataclasses import replace

import pytest

from avbench.core.errors import UserError
from tests.support.training import (
    SETTINGS,
)


@pytest.mark.parametrize("key", ["schedule", "flip", "batch_order", "partner_time", "precision"])
def test_an_unknown_word_among_the_settings_is_refused(key):
    with pytest.raises(UserError, match=f"pretraining.{key}: 'sometimes' is unknown. Allowed are "):
        replace(SETTINGS, **{key: "sometimes"})
