import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.label_sets import every_label, indicators, joined, labels_of, require_sets

LABELS = st.text(st.characters(blacklist_characters=";", blacklist_categories=("Zs", "Cc", "Cs")), min_size=1)


@given(st.lists(st.lists(LABELS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_sets_are_written_and_read_back(clips):
    texts = [joined(labels) for labels in clips]
    assert [set(labels_of(text)) for text in texts] == [set(labels) for labels in clips]
    classes = every_label(texts)
    told = indicators(texts, classes)
    assert [{classes[column] for column in np.flatnonzero(row)} for row in told] == [set(labels) for labels in clips]
    require_sets(dict(zip("abcdef", texts, strict=False)), "here")


@pytest.mark.parametrize("text", ["rain;dog", "dog;dog", "dog; rain", "dog;;rain", ";dog", "dog;"])
def test_a_text_that_is_no_set_is_named_with_what_it_should_be(text):
    with pytest.raises(UserError, match=r"clip 'b' read .* no spaces between: 'dog") as raised:
        require_sets({"a": "dog", "b": text}, "ledger")
    assert text in str(raised.value)
