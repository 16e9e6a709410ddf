import pytest

from avbench.config.mismatches import MISMATCHES, MismatchSettings, apart, beside
from avbench.core.errors import UserError


@pytest.mark.parametrize("kind", MISMATCHES)
def test_every_kind_is_taken_with_what_it_needs(kind):
    assert MismatchSettings(kind, 1.0, **({"shift_s": 2} if kind == "shifted" else {})).rate == 1.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "mixed", "rate": 0.1}, "'mixed' is unknown. Allowed are swapped, shifted, muted, frozen"),
        ({"kind": "muted", "rate": 1.2}, "rate: 1.2 is not allowed; it must be a number from 0 to 1"),
        ({"kind": "shifted", "rate": 0.1}, "kind: shifted and shift_s go together"),
        ({"kind": "muted", "rate": 0.1, "shift_s": 1.0}, "kind: shifted and shift_s go together"),
        ({"kind": "shifted", "rate": 0.1, "shift_s": 0}, "shift_s"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(UserError, match=message):
        MismatchSettings(**values)


def test_runs_are_named_by_labels_and_mismatches():
    assert apart(beside("true", "swapped-10")) == ("true", "swapped-10")
    assert apart("none") == ("none", "")
