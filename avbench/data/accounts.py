"""The account of a dataset: one ledger of all shards' ledgers, checked and audited."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from avbench.config.checks import CheckSettings
from avbench.core.files import read_json, write_csv, write_json
from avbench.data import ledger
from avbench.data.manifest import LEFT_OUT, read_manifest
from avbench.data.recordings import recordings
from avbench.data.store import put_together, require_whole_shards


@dataclass(frozen=True)
class AccountFiles:
    """What is read, and what is written: the ledger, and what the audits list."""

    manifest: Path
    ledgers: Sequence[Path]
    ledger: Path
    duplicates: Path
    recordings: Path
    shards: Path


def account(files: AccountFiles, checks: CheckSettings) -> None:
    """Merge the shards' ledgers, apply the checks, and audit what splits share.

    Args:
        files: what to read and to write.
        checks: the thresholds, and what to do about what splits share.

    Raises:
        UserError: the shards are of another manifest, or a file is damaged.
    """
    require_whole_shards(path.parents[1] / "store" / f"{path.stem}.arrow" for path in files.ledgers)
    clips = read_manifest(files.manifest)
    merged = ledger.merge(files.ledgers, clips)
    recording_of = dict(zip(clips["clip_id"], recordings(clips, files.manifest.parent), strict=True))
    checked, torn, alike = ledger.check(merged, checks, recording_of)
    if len(torn):
        what = "left out" if checks.recordings == "exclude" else "left in; checks.recordings: exclude takes them out"
        print(
            f"{files.recordings}: {torn['clip_id'].nunique()} clips of recordings that a later split has, too, {what}"
        )
    write_csv(files.recordings, torn, sealed=True)
    write_csv(files.duplicates, alike, sealed=True)
    beside = files.manifest.with_name(LEFT_OUT)
    told = {
        ledger.CHECKS: asdict(checks),
        ledger.LEFT_OUT: read_json(beside) if beside.is_file() else {},
        ledger.CONTENT: put_together(map(ledger.read_content, files.ledgers)),
    }
    ledger.write(files.ledger, checked, told)
    names = sorted(path.stem for path in files.ledgers)
    stale = sorted(path.name for path in files.shards.parent.glob("*.arrow") if path.stem not in names)
    if stale:
        print(
            f"{files.shards.parent}: left aside, of another number of shards: {', '.join(stale)}. They serve again if "
            "`shards` is what it was; otherwise delete them, and their ledgers."
        )
    write_json(files.shards, names)
