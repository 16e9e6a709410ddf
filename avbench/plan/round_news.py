"""What a round of seeds has decided, a line per claim, said while the workflow runs."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from avbench.core.files import read_json

_GOES_ON = ("open", "not tested")


class RoundNews:
    """Reads the looks of an experiment, and says once of each that was made since what it decided.

    Args:
        say: takes a line.
        since: seconds since 1970; looks of earlier runs are no news. By default now.
    """

    def __init__(self, say: Callable[[str], object], since: float | None = None) -> None:
        self._say, self._since = say, time.time() if since is None else since
        self._closed: set[tuple[str, str]] = set()

    def read(self, path: str | Path) -> Mapping[str, Any]:
        """Return the content of a look's file, which looks are read in the order of."""
        content = read_json(path)
        lines = list(self._lines(content))
        if Path(path).stat().st_mtime >= self._since:
            for line in lines:
                self._say(line)
        return content

    def _lines(self, content: Mapping[str, Any]) -> Iterator[str]:
        for claim in content["claims"]:
            key = (claim["claim"], claim["budget"])
            if claim["state"] in _GOES_ON or key in self._closed:
                continue
            self._closed.add(key)
            effect = f" ({claim['effect']:+.1f} points)" if claim.get("effect") is not None else ""
            where = "" if claim["budget"] == "default" else f" at {claim['budget']}"
            yield f"claim {claim['claim']}{where}: {claim['state']} after {content['seeds']} seeds{effect}"
