"""What an audit finds, and its verdict."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 10


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        state: ``missing``, ``changed`` since it was written, ``stale``: made from something that is another by now,
            ``unrecorded``: nothing says how it was made, or ``wrong``: its content is not what it was made from.
        file: relative to the folder above ``results``.
        expected, found: what was looked for and what is there.
        remedy: what to do.
    """

    state: str
    file: str
    expected: str
    found: str
    remedy: str


@dataclass
class Verdict:
    """What was checked, and what was found.

    Attributes:
        files: whose digests were compared.
        rows: of the table of scores, traced to a run.
        findings: sorted.
        remarks: what a reader should know, and nobody has to mend.
    """

    files: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return everything as a mapping."""
        findings = [vars(finding) for finding in self.findings]
        return {"files": self.files, "rows": self.rows, "findings": findings, "remarks": self.remarks}

    def __str__(self) -> str:
        lines = []
        for state, found in _grouped(self.findings, lambda finding: finding.state):
            lines.append(f"{state}: {len(found)}")
            for finding in found[:_SHOWN]:
                lines += [f"  {finding.file}", f"    expected {finding.expected}", f"    found    {finding.found}"]
                lines.append(f"    → {finding.remedy}")
            if len(found) > _SHOWN:
                lines.append(f"  … and {len(found) - _SHOWN} more; --json lists all")
        lines += self.remarks
        outcome = f"{len(self.findings)} findings" if self.findings else "all as it was when it was made"
        return "\n".join([*lines, f"{self.files} files and {self.rows} scores checked: {outcome}."])


def _grouped(items: Iterable[Any], key: Any) -> list[tuple[Any, list[Any]]]:
    groups = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.items())
