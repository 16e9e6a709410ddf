import pytest

from avbench.config.models import PRESETS
from avbench.models.encoders import AVModel
from avbench.models.summary import describe, parameter_count, table


@pytest.mark.parametrize(("encoder", "parameters", "gflop"), [("video", 15_379_136, 58.6), ("audio", 4_725_696, 8.0)])
def test_paper_encoders_have_the_published_size(encoder, parameters, gflop):
    row = next(row for row in describe("paper") if row["encoder"] == encoder)
    assert row["parameters"] == parameters
    assert round(row["gflop"], 1) == gflop
    assert row["input"] == {"video": "3×8×112×112", "audio": "1×100×128"}[encoder]
    assert (row["features"], row["head"]) == (512, 512 * 128 + 128)


def test_small_encoders_are_small():
    for row in describe("small"):
        assert row["parameters"] <= 110_000
        assert row["gflop"] < 0.02


def test_flops_by_hand():
    # Forward: 2 × outputs × (inputs × kernel); backward: the same for weights and again for inputs, but
    # no gradient for the clip itself.
    rows = {row["encoder"]: row for row in describe("small")}
    stem = 2 * 16 * 16 * 16 * 9
    stages = sum(
        2 * after * size * size * before * 9
        for before, after, size in ((16, 16, 8), (16, 32, 4), (32, 64, 2), (64, 128, 2))
    )
    assert rows["audio"]["gflop"] * 1e9 == pytest.approx(2 * stem + 3 * stages)


def test_table_for_reading():
    lines = table().splitlines()
    assert lines[0].split() == [
        "preset",
        "encoder",
        "input",
        "features",
        "parameters",
        "head",
        "GFLOP",
        "per",
        "clip",
    ]
    assert lines[2].split() == ["paper", "video", "3×8×112×112", "512", "15,379,136", "65,664", "58.6"]
    assert len(lines) == 2 + 2 * len(PRESETS)
    assert max(map(len, lines)) <= 80


def test_parameter_count_counts_heads_too():
    model = AVModel(PRESETS["small"])
    assert parameter_count(model) == sum(row["parameters"] + row["head"] for row in describe("small"))
