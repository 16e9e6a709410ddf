"""Asking for failed clips again."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json
from avbench.data import ledger
from avbench.data.checks import THRESHOLDS
from avbench.data.store import SHARDS


def retry(folder: str | Path, states: Sequence[str], reasons: Sequence[str] = ()) -> Counter[str]:
    """Have failed clips of a dataset tried again by the next run, and no others.

    Writes a request for each shard concerned, ``retry/{shard}.json``, which the workflow takes as an input of packing.
    It is followed once, and stays. Clips of an earlier request that was not followed yet are in the new one too.

    Args:
        folder: ``data/{dataset}``.
        states: ``unavailable``, ``rejected`` or both.
        reasons: only these; all if none is given.

    Returns:
        clips by reason.

    Raises:
        UserError: the dataset has no ledger, or no clip failed for one of the reasons given, such as one of the checks.
    """
    folder = Path(folder)
    paths = sorted((folder / "ledger").glob("*.parquet"))
    if (listed := folder / "store" / SHARDS).is_file():  # others are of an earlier number of shards
        paths = [path for path in paths if path.stem in read_json(listed)]
    if not paths:
        raise UserError(f"{folder} holds no packed shards: there is nothing to try again.")
    requests: dict[str, dict[str, Any]] = {}
    chosen: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for path in paths:
        table = ledger.read(path)
        failed = table.state.isin(list(states))
        seen.update(table.reason[failed])
        again = failed & table.reason.isin(list(reasons)) if reasons else failed
        chosen.update(table.reason[again])
        if again.any():
            earlier = Request.read(folder / "retry" / f"{path.stem}.json")
            waiting = (table.state != "stored") & table.clip_id.isin(earlier.clips) & (table.request != earlier.id)
            requests[path.stem] = {"id": secrets.token_hex(8), "clips": table.clip_id[again | waiting].tolist()}
    if unknown := sorted(set(reasons) - set(seen)):
        if (key := THRESHOLDS.get(unknown[0])) is not None:
            raise UserError(
                f"{unknown[0]!r} is no reason to try again: such clips of {folder} are packed, and checks.{key} leaves "
                "them out. Set it otherwise; nothing is packed again for it."
            )
        raise UserError(
            f"no {' or '.join(states)} clip of {folder} has the reason {unknown[0]!r}. "
            f"There are {', '.join(f'{reason} ({count})' for reason, count in seen.most_common()) or 'none'}."
        )
    for shard, request in requests.items():
        write_json(folder / "retry" / f"{shard}.json", request)
    return chosen


@dataclass(frozen=True)
class Request:
    """Failed clips that are to be tried again."""

    id: str = ""
    clips: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: str | Path | None) -> "Request":
        """Read a request; without a file nothing is asked for again."""
        if path is None or not Path(path).exists():
            return cls()
        content = read_json(path)
        return cls(content["id"], frozenset(content["clips"]))
