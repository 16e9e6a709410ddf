"""Scores on the test clips that all parts of a study have, where some of these survived elsewhere only."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.evaluation import scores
from avbench.evaluation.scores import ACCURACY_COLUMNS, SCORED
from avbench.provenance import record as provenance
from avbench.results import tables
from avbench.sharing.scored import AMONG_OTHERS

Key = tuple[str, ...]


def common_clips(files: Sequence[Path]) -> dict[Key, set[str]]:
    """Return the test clips that all score files have in common, of each task, protocol and modality that differs.

    Args:
        files: score files, with their predictions beside them.

    Raises:
        UserError: they have none in common.
    """
    common: dict[Key, set[str]] = {}
    differ: set[Key] = set()
    for path in files:
        for key, part in scores.read(path.with_name(scores.FILE)).groupby(SCORED, sort=False):
            clips = set(part["clip_id"])
            if clips != common.setdefault(key, clips):
                differ.add(key)
                common[key] = common[key] & clips
    for key in differ:
        if not common[key]:
            raise UserError(f"{', '.join(key)}: the parts have no test clip in common.")
    return {key: common[key] for key in common if key in differ}


def score_again(path: Path, source: Path, common: Mapping[Key, set[str]]) -> int:
    """Write a score file, its predictions and their record, on common clips.

    Accuracy is again the mean of the predictions. The mean average precision, whose class scores are not kept, is
    missing, and so are scores that rank a clip among the others, ``AMONG_OTHERS``.

    Args:
        path: the score file to write.
        source: the one to read, with predictions beside it. It stays, for the record.
        common: of :func:`common_clips`.

    Returns:
        How many scores are left.
    """
    told = scores.read(source.with_name(scores.FILE))
    keys = list(map(tuple, told[SCORED].to_numpy()))
    kept = [
        key not in common or (clip in common[key] and key[1] not in AMONG_OTHERS)
        for key, clip in zip(keys, told["clip_id"], strict=True)
    ]
    left = told[kept].reset_index(drop=True)
    right = {key: part["correct"] for key, part in left.groupby(SCORED, sort=False)}
    rows = []
    for row in tables.read(source).to_dict("records"):
        key = tuple(row[name] for name in SCORED)
        if key in common and key in right:
            count = len(right[key])
            about = {"n_test": count, "coverage": row["coverage"] * count / row["n_test"]}
            row |= {"accuracy": right[key].mean(), "mean_average_precision": None, **about}
        if key in right:
            rows.append(row)
    beside = path.with_name(scores.FILE)
    scores.write(beside, left)
    write_csv(path, pd.DataFrame(rows, columns=ACCURACY_COLUMNS))
    read = [source, source.with_name(scores.FILE), source.with_name(provenance.FILE)]
    settings = {"common_clips": {", ".join(key): len(clips) for key, clips in common.items()}}
    provenance.record(path.with_name(provenance.FILE), read, [path, beside], settings)
    return len(rows)
