"""Leaks: what of a pretraining subset is in a task's test set, too."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.files import read_csv, write_csv
from avbench.data import duplicates, ledger, recordings
from avbench.data.manifest import read_manifest

COLUMNS = ("subset", "task", "dataset", "shared_clips", "shared_recordings", "example")
_HASHES = ["clip_id", "frame_hash", "audio_hash"]


@dataclass(frozen=True)
class HeldOut:
    """The test clips of a task.

    Attributes:
        dataset: the dataset that they are of.
        clip_ids: their ids, which mean something within that dataset only.
        recordings: pairs of a pretraining clip and a test clip that come from one recording.
    """

    dataset: str
    clip_ids: Collection[str]
    recordings: Collection[tuple[str, str]] = ()


def audit(dataset: str, subsets: Mapping[str, Collection[str]], tests: Mapping[str, HeldOut]) -> pd.DataFrame:
    """Count what subsets share with the test clips of tasks.

    Args:
        dataset: the pretraining dataset.
        subsets: name → ids of clips.
        tests: task → its test clips.

    Returns:
        One row for each subset and task, columns ``COLUMNS``: ``shared_clips``, the clips of the subset that are test
        clips; ``shared_recordings``, the others that are from the recording of a test clip; and an example of either.
    """
    rows = []
    for subset, clip_ids in subsets.items():
        for task, test in tests.items():
            chosen, tested = set(clip_ids), set(test.clip_ids)
            shared = chosen & tested if test.dataset == dataset else set()
            others = chosen - shared
            pairs = sorted((a, b) for a, b in test.recordings if a in others and b in tested)
            example = f"clip {min(shared)!r}" if shared else ""
            if pairs and not shared:
                example = "clip {!r} and test clip {!r}".format(*pairs[0])
            rows.append((subset, task, test.dataset, len(shared), len({a for a, _ in pairs}), example))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def require_none(table: pd.DataFrame) -> None:
    """Stop where a subset holds a test clip.

    Raises:
        UserError: names the first such subset, task and clip.
    """
    leaking = table[table["shared_clips"] > 0]
    if len(leaking):
        row = leaking.iloc[0]
        raise UserError(
            f"subset {row.subset!r} holds {row.shared_clips} test clips of task {row.task!r}, such as {row.example}: "
            f"its scores would be of clips seen in pretraining. ({len(leaking)} pairs of subset and task leak.) The "
            f"subset was drawn before dataset {row.dataset!r} had its present splits: draw it again."
        )


def leaks(
    data: Path, dataset: str, subsets: Mapping[str, Sequence[str]], tasks: Sequence[TaskSettings], output: Path
) -> None:
    """Audit subsets against every task's stored test clips, and write the table.

    Two clips of the pretraining dataset are from one recording if its manifest says so
    (:func:`avbench.data.recordings.recordings`), clips of two datasets if they are of the same file or address, or of
    recordings with the same YouTube id; and any two if they look and sound alike
    (:func:`avbench.data.duplicates.find`): within the pretraining dataset as its list of duplicates says, and for other
    datasets by the hashes in both ledgers.

    Args:
        data: the folder of the datasets.
        dataset: the pretraining dataset.
        subsets: name → ids of clips.
        tasks: their test clips.
        output: the table to write.

    Raises:
        UserError: a subset holds a test clip, or a clip that its dataset does not list.
    """
    chosen = set().union(*subsets.values())
    own = _listed(data, dataset)
    if unlisted := sorted(chosen - set(own["clip_id"])):
        raise UserError(f"clip {unlisted[0]!r} of a subset is not a clip of {dataset}. Draw the subset again.")
    own = own[own["clip_id"].isin(chosen)]
    known = {name: _held_out(data, dataset, name, own) for name in {task.dataset for task in tasks}}
    table = audit(dataset, subsets, {task.name: known[task.dataset] for task in tasks})
    write_csv(output, table)
    require_none(table)
    for row in table[table["shared_recordings"] > 0].itertuples():
        print(
            f"subset {row.subset!r}: {row.shared_recordings} clips are from recordings of test clips of task "
            f"{row.task!r}, such as {row.example}. Within a dataset, checks.recordings: exclude leaves out "
            "recordings that its splits share, and checks.duplicates: exclude what looks and sounds alike."
        )


def _held_out(data: Path, dataset: str, other: str, own: pd.DataFrame) -> HeldOut:
    """Return the stored test clips of a dataset, with what they share with clips of the pretraining dataset."""
    accounted = ledger.read(data / other / "ledger.parquet")
    test = accounted[(accounted["state"] == "stored") & (accounted["split"] == "test")]
    ids, chosen = set(test["clip_id"]), set(own["clip_id"])
    listed = _listed(data, other)
    pairs = _of_one_recording(own, listed[listed["clip_id"].isin(ids)], dataset == other)
    if other == dataset:
        found = read_csv(data / dataset / "duplicates.csv", ("clip_id", "duplicate_of"))
        alike: Iterable[tuple[str, str]] = zip(found["clip_id"], found["duplicate_of"], strict=True)
    else:
        accounted = ledger.read(data / dataset / "ledger.parquet")
        hashes = accounted.loc[accounted["clip_id"].isin(chosen), _HASHES].assign(split="train")
        pairs_alike = duplicates.find(pd.concat([hashes, test[_HASHES].assign(split="test")], ignore_index=True))
        alike = zip(pairs_alike["clip_id"], pairs_alike["duplicate_of"], strict=True)
    return HeldOut(other, ids, pairs | {(a, b) for a, b in alike if a in chosen and b in ids})


def _of_one_recording(own: pd.DataFrame, tested: pd.DataFrame, same_dataset: bool) -> set[tuple[str, str]]:
    """Return the pairs of a clip and a test clip that are of one recording; columns clip_id, recording, everywhere."""
    column = "recording" if same_dataset else "everywhere"
    test_clips = defaultdict(list)
    for clip_id, names in zip(tested["clip_id"], tested[column], strict=True):
        for name in [names] if same_dataset else names:
            test_clips[name].append(clip_id)
    return {
        (clip_id, test_clip)
        for clip_id, names in zip(own["clip_id"], own[column], strict=True)
        for name in ([names] if same_dataset else names)
        for test_clip in test_clips.get(name, ())
    }


def _listed(data: Path, dataset: str) -> pd.DataFrame:
    """Return the clips of a manifest: clip_id, recording, and what tells that apart from those of other datasets."""
    clips = read_manifest(data / dataset / "clips.csv")
    columns = {
        "clip_id": clips["clip_id"],
        "recording": recordings.recordings(clips, data / dataset),
        "everywhere": recordings.everywhere(clips, data / dataset),
    }
    return pd.DataFrame(columns)
