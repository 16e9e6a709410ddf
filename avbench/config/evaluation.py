"""The protocols of evaluation, each declared once, and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from avbench.config.fields import DECIDED, UNIQUE, Count, NotNegative, Positive, meaning
from avbench.config.settings import settings
from avbench.config.tasks import Modalities


@settings("evaluation")
class TrainingSettings:
    """How to train a classifier; defaults are the paper's, but for ``validations`` (99 in the paper)."""

    model: Annotated[Any, DECIDED] = "paper"  # of the supervised baseline; a pretrained run brings its own
    flip: Annotated[Literal["clip", "frame", "none"], DECIDED] = "clip"  # likewise
    epochs: Annotated[Count, meaning("passes over the training clips")] = 99
    batch_size: Annotated[int, Field(ge=2), meaning("clips per batch")] = 64
    learning_rate: Annotated[Positive, meaning("of Adam")] = 1e-4
    weight_decay: Annotated[NotNegative, meaning("of Adam")] = 1e-4
    dropout: Annotated[float, Field(ge=0, lt=1), meaning("before the linear layer")] = 0.5
    schedule: Annotated[
        Literal["constant", "cosine"], meaning("of the learning rate; that of pretraining unless given")
    ] = "constant"
    validations: Annotated[
        Count, meaning("how often in a run it is validated, spread over the run; at most once an epoch")
    ] = 10
    modalities: Annotated[Modalities, meaning("which encoders are trained, of those that the task has")] = (
        "audio",
        "video",
    )
    cpu_threads: Annotated[Count, DECIDED] = 1


@settings("evaluation.knn")
class KnnSettings:
    """How many neighbours vote, and how much nearer ones count more."""

    neighbours: Annotated[Count, meaning("so many of the training clips vote")] = 20
    temperature: Annotated[Positive, meaning("the lower, the more nearer ones count")] = 0.07


@settings("evaluation.linear")
class LinearSettings:
    """Inverse regularisation strengths to choose from, and when the solver stops."""

    strengths: Annotated[
        tuple[Positive, ...],
        UNIQUE,
        meaning(
            "inverse regularisation strengths (scikit-learn's C) to choose from on validation, from the lowest on "
            "until two in a row do worse than the best"
        ),
    ] = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
    max_iterations: Annotated[Count, meaning("of the solver, at most")] = 300
    # benchmarks/probe.py measures what a closer fit would gain, and cost.
    tolerance: Annotated[Positive, DECIDED] = 1e-4  # it stops once no entry of the mean loss's gradient exceeds this


@settings("evaluation.retrieval")
class RetrievalSettings:
    """Nothing is to be set."""


@settings("evaluation.dynamics")
class DynamicsSettings:
    """The clips whose embeddings are recorded along training."""

    clips: Annotated[int, Field(ge=2), meaning("so many validation clips are embedded")]


@dataclass(frozen=True)
class Protocol:
    """One way of evaluating.

    Attributes:
        name: as in the configuration and the tables.
        meaning: in one line.
        settings: the class of its settings.
        on: what it looks at: ``features`` that are frozen, ``encoders`` on which it trains something, ``labels`` alone
            (a baseline without pretraining), or pretraining ``runs`` while they last.
        display: its scores as tables name them → as figures write them; nothing where it gives no score.
        classifier: whether its score is that of something that it fits to the classes.
        sets: whether it also scores tasks whose clips have several labels.
    """

    name: str
    meaning: str
    settings: type
    on: Literal["features", "encoders", "labels", "runs"]
    display: Mapping[str, str]
    classifier: bool = False
    sets: bool = False


MEAN_AVERAGE_PRECISION, ROC_AREA = "map", "auc"


def of_sets(protocol: str, metric: str) -> str:
    """Return what tables call the score of a protocol on a task whose clips have several labels."""
    return f"{protocol}-{metric}"


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "linear",
            "logistic regression on frozen features of whole clips",
            LinearSettings,
            on="features",
            display={
                "linear": "linear probe",
                "linear-map": "linear probe, mAP",
                "linear-auc": "linear probe, AUC",
            },
            classifier=True,
            sets=True,
        ),
        Protocol(
            "knn",
            "a vote of the nearest training clips by cosine similarity, weighted with a temperature",
            KnnSettings,
            on="features",
            display={
                "knn": "nearest neighbours",
                "knn-map": "nearest neighbours, mAP",
                "knn-auc": "nearest neighbours, AUC",
            },
            sets=True,
        ),
        Protocol(
            "retrieval",
            "the video that belongs to a sound among all test clips' videos, and the reverse: found among the first 1, "
            "5, 10",
            RetrievalSettings,
            on="features",
            display={
                "retrieval-1": "retrieval (first)",
                "retrieval-5": "retrieval (first 5)",
                "retrieval-10": "retrieval (first 10)",
            },
            sets=True,
        ),
        Protocol(
            "linear-sgd",
            "the paper's linear protocol: dropout and a linear layer on the encoder, trained by Adam on random windows",
            TrainingSettings,
            on="encoders",
            display={"linear-sgd": "linear probe on windows"},
            classifier=True,
        ),
        Protocol(
            "finetune",
            "the same, with the encoder trained too",
            TrainingSettings,
            on="encoders",
            display={"finetune": "fine-tuned"},
            classifier=True,
        ),
        Protocol(
            "supervised",
            "the same from scratch: the baseline without pretraining. A subset's own number of `epochs` holds where "
            "the task is trained on the subset",
            TrainingSettings,
            on="labels",
            display={"supervised": "supervised"},
            classifier=True,
        ),
        Protocol(
            "dynamics",
            "along training, at epochs 0, 1, 2, 4, … and the last, so many validation clips are embedded; geometry and "
            "nearest neighbours of them are tabulated. Not a score",
            DynamicsSettings,
            on="runs",
            display={},
        ),
    )
}

FROZEN = tuple(name for name, protocol in PROTOCOLS.items() if protocol.on == "features")
"""Protocols that look at frozen features."""
TRAINED = tuple(name for name, protocol in PROTOCOLS.items() if protocol.on == "encoders")
"""Protocols that train something on each run's encoders."""
CLASSIFIERS = tuple(score for protocol in PROTOCOLS.values() if protocol.classifier for score in protocol.display)
"""Scores of classifiers which a protocol fits; the others compare features."""
OF_SETS: Mapping[str, str] = {
    of_sets(name, metric): words
    for name, protocol in PROTOCOLS.items()
    for metric, words in ((MEAN_AVERAGE_PRECISION, "mean average precision"), (ROC_AREA, "macro AUC"))
    if of_sets(name, metric) in protocol.display
}
"""Scores on tasks whose clips have several labels → what they are, where the others are an accuracy."""
