import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.training.batch_norm import group_sizes


@pytest.mark.parametrize(("batch", "sizes"), [(309, [78, 78, 78, 75]), (123, [31, 31, 31, 30]), (13, [4, 4, 5])])
def test_batches_are_cut_for_four_groups_of_batch_norm(batch, sizes):
    assert group_sizes(batch, 4) == sizes
    assert group_sizes(batch, 1) == [batch]


@given(batch=st.integers(2, 400), groups=st.integers(1, 16))
def test_groups_are_those_of_data_parallel(batch, groups):
    if batch < 2 * groups and groups > 1:
        with pytest.raises(UserError, match=f"^m: a batch of {batch} clips is too small for {groups} groups"):
            group_sizes(batch, groups, "m")
        return
    made = group_sizes(batch, groups)
    assert sum(made) == batch
    assert min(made) >= 2
    assert len(made) <= groups
    chunks = [len(part) for part in torch.zeros(batch).chunk(groups)]  # what DataParallel scatters
    assert made == (chunks if chunks[-1] > 1 else [*chunks[:-2], chunks[-2] + 1])
