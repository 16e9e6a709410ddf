import pytest

from avbench.config.paper_switches import PRESETS
from avbench.core.errors import UserError
from avbench.evaluation.classifier.training_run import trained_parts
from tests.support.classifier import FINETUNE, FROZEN, TRAIN_MODE

CORRECTED, PUBLISHED = PRESETS["corrected"], PRESETS["published"]


def test_each_protocol_trains_what_it_says():
    assert trained_parts("linear-sgd", CORRECTED) == FROZEN
    assert trained_parts("linear-sgd", PUBLISHED) == TRAIN_MODE
    assert trained_parts("finetune", CORRECTED) == trained_parts("supervised", PUBLISHED) == FINETUNE
    with pytest.raises(UserError, match="'linear' trains no classifier"):
        trained_parts("linear", CORRECTED)
