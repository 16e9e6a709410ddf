"""How much memory can still be taken: for a cache that chooses its own size."""

from collections.abc import Iterator
from pathlib import Path

RESERVE = 0.25  # of the memory: what is left available to everything else


def spare(root: Path = Path("/")) -> int:
    """Return how many bytes can be taken so that a quarter of the memory stays available; below zero if it does not.

    Counted as Linux does: the files' pages that can be dropped are available, swap is not. The least decides of what
    the machine has and of what is left to each control group (a container's, a cluster job's) that holds this process.

    Args:
        root: where ``proc`` and ``sys`` are found.

    Returns:
        0 where the system does not say (other systems than Linux).
    """
    try:
        limits = [_machine(root), *_groups(root)]
    except (OSError, ValueError, KeyError):
        return 0
    return int(min(available - RESERVE * total for total, available in limits))


def _machine(root: Path) -> tuple[int, int]:
    """Return the machine's memory, and what of it is available, in bytes."""
    fields = _fields((root / "proc/meminfo").read_text().replace(":", ""))
    return fields["MemTotal"] * 1024, fields["MemAvailable"] * 1024


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """Yield the same for each control group with a limit, of version 2 or 1, from the whole tree inwards."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            tree, limit, used, prefix = root / "sys/fs/cgroup", "memory.max", "memory.current", ""
        elif "memory" in controllers.split(","):
            tree, limit, used, prefix = (
                root / "sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_",
            )
        else:
            continue
        inner = tree / path.strip("/")  # a container may see a path of its host, which is not there
        for folder in (group for group in (*reversed(inner.parents), inner) if group == tree or tree in group.parents):
            if (folder / limit).is_file() and (total := (folder / limit).read_text().strip()) != "max":
                held = _fields((folder / "memory.stat").read_text())
                files = held[f"{prefix}inactive_file"] + held[f"{prefix}active_file"]
                yield int(total), int(total) - int((folder / used).read_text()) + files


def _fields(text: str) -> dict[str, int]:
    """Read lines of a name and a number."""
    return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()}
