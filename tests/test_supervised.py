import csv

from avbench.supervised import SupervisedSettings, supervised
from avbench.tasks import read_tasks
from tests.downstream import FEATURES, write_dataset

SETTINGS = SupervisedSettings(model="small", epochs=12, batch_size=12, learning_rate=2e-3)


def test_learns_what_there_is_to_learn_and_repeats_itself(tmp_path):
    write_dataset(tmp_path)
    (task,) = read_tasks(
        {"toys": {"dataset": "toys", "role": "out-of-domain", "train": "all", "modalities": ["audio"]}}
    )
    outputs = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"]
    supervised(task, tmp_path, None, SETTINGS, FEATURES, [0, 0, 1], outputs, "all")
    rows = []
    for output in outputs:
        with output.open(newline="") as stream:
            rows += csv.DictReader(stream)
    assert float(rows[0]["accuracy"]) > 0.8  # three tones; chance is 0.33
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert rows[2]["seed"] == "1"
    assert (rows[0]["method"], rows[0]["protocol"], rows[0]["subset"]) == ("supervised", "supervised", "all")
    assert (rows[0]["n_train"], rows[0]["n_test"]) == ("36", "12")
