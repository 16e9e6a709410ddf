"""What the runs of received results got right, clip by clip, in the cells that tables name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from avbench.audit.records import Files, last_part, read_records, recorded_prefix
from avbench.config.evaluation import OF_SETS, PROTOCOLS
from avbench.config.experiment import Experiment
from avbench.core.errors import UserError
from avbench.plan import paths
from avbench.provenance import record as provenance
from avbench.results import collect, outcomes
from avbench.results.outcomes import Cell, Outcomes
from avbench.sharing.received import Received

AMONG_OTHERS = frozenset({*PROTOCOLS["retrieval"].display, *OF_SETS})
"""Scores that rank a clip among the other test clips: what was right among more of them says nothing of fewer.

They are retrieval at every rank, and the scores of clips with several labels.
"""


@dataclass(frozen=True)
class Scored:
    """Received results with a short name.

    Attributes:
        name: what tables and pages call them.
        received: the results.
    """

    name: str
    received: Received

    @cached_property
    def experiment(self) -> Experiment:
        """What their configuration asks for."""
        return Experiment(self.received.config, provenance.SOURCE)

    @cached_property
    def outcomes(self) -> Mapping[Cell, Outcomes]:
        """What was right in every cell of the tables.

        Raises:
            UserError: predictions are missing or damaged.
        """
        results = self.received.results
        (record,) = read_records([paths.below(results, paths.fill(paths.TABLE_RECORD, table="tables"))], results)
        files = Files(results, recorded_prefix([record]))
        scored = sorted(files.find(name) for name in record.inputs if last_part(name) == paths.SCORES_FILE)
        if missing := [path for path in scored if not path.is_file()]:
            raise UserError(
                f"{self.received.name}: {missing[0]} is missing. Take the whole of results/NAME, or pack it."
            )
        experiment = self.experiment
        orders = {
            "method": ["untrained", *experiment.methods, "supervised"],
            "subset": list(experiment.subsets),
            "task": list(experiment.tasks),
            "labels": ["none", "true", *experiment.label_variants],
            "budget": list(experiment.budgets),
        }
        return outcomes.collect(collect.accuracy(scored, orders, experiment.own_labels()), scored)


def named(received: list[Received]) -> list[Scored]:
    """Give results short names: those of their experiments, with a letter where several have the same."""
    names = [one.results.name for one in received]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if len(set(names)) < len(names):
        names = [f"{letters[place % 26]} ({name})" for place, name in enumerate(names)]
    return [Scored(name, one) for name, one in zip(names, received, strict=True)]
