import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from avbench.core.hashing import hash64
from avbench.core.rng import generator, uniforms


def splitmix64(state: int) -> int:
    """SplitMix64's output for a state, in Python's own integers."""
    mask = 2**64 - 1
    z = state & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@given(st.integers(0, 1000), st.integers(0, 1000), st.lists(st.integers(0, 2**40), min_size=1, max_size=20))
def test_uniforms_are_splitmix64(seed, epoch, index):
    key = hash64(seed, "p", epoch)
    expected = [(splitmix64(key + 0x9E3779B97F4A7C15 * (i + 1)) >> 11) * 2.0**-53 for i in index]
    assert uniforms(seed, "p", epoch, np.array(index)).tolist() == expected


@given(st.permutations(list(range(30))))
def test_a_draw_depends_on_its_index_alone(order):
    order = np.array(order)
    assert (uniforms(3, "p", 1, order) == uniforms(3, "p", 1, np.arange(30))[order]).all()


def test_uniforms_are_uniform_and_independent_between_epochs():
    draws = [uniforms(0, "window", epoch, np.arange(20_000)) for epoch in (0, 1)]
    assert stats.kstest(draws[0], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(*draws)[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]) < 0.03


def test_generators_repeat_and_differ_by_key():
    assert generator(1, "a", 2).random() == generator(1, "a", 2).random()
    assert len({generator(*key).random() for key in [(1, "a"), (2, "a"), (1, "b"), (1, "a", 0), (1, "a", 1)]}) == 5
