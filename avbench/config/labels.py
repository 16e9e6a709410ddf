"""How label variants are made: their kinds, and the settings of each."""

from dataclasses import dataclass

from avbench.core.errors import UserError


@dataclass(frozen=True)
class ClusterSettings:
    """How clips are put into clusters.

    Attributes:
        kind: ``clusters``.
        k: how many clusters, or ``auto``: see :func:`choose`.
        method: whose features; the pretrained runs of another method, on the same subset.
        modality: ``audio``, ``video`` or ``both``.
        seed: another seed starts elsewhere.

    Raises:
        UserError: a value is not allowed.
    """

    kind: str = "clusters"
    k: int | str = "auto"
    method: str = "random"
    modality: str = "both"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind != "clusters":
            raise UserError(f"kind: {self.kind!r} is not allowed; clusters are of kind 'clusters'.")
        if self.k != "auto" and (isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 2):
            raise UserError(f"k: {self.k!r} is not allowed; it must be an integer of at least 2, or auto.")
        check_modality(self.modality)


KINDS = ("true", "noise")
NOISES = ("uniform", "pair-flip", "confusion")
MODALITIES = ("audio", "video", "both")

# What other verbs make.
_ELSEWHERE = {
    "pseudo": "pseudo-labels are made from pictures, by the verb pseudo-labels",
    "clusters": "clusters are made from a first round's features, by the verb derived-labels",
    "neighbours": "neighbours are made from a first round's features, by the verb derived-labels",
}


@dataclass(frozen=True)
class LabelSettings:
    """How labels are made from the true ones.

    Attributes:
        kind: ``true``, or ``noise``: a share of the labels is wrong.
        rate: noise only: the share of each class that gets a wrong label, in [0, 1).
        noise: ``uniform``: any other class; ``pair-flip``: always the same other class; ``confusion``: the other
            classes as often as a classifier confuses the clip's class with them.
        matrix: confusion only: a file that says how often, as :func:`avbench.labels.confusion_noise.read_confusion`
            reads it.
        method: confusion only, instead of a file: the method whose features are classified to find out.
        modality: with ``method``: of these features, ``audio``, ``video`` or ``both``.
        seed: another seed makes other mistakes.

    Raises:
        UserError: a value is not allowed.
    """

    kind: str = "true"
    rate: float = 0.0
    noise: str = "uniform"
    matrix: str | None = None
    method: str | None = None
    modality: str = "both"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind in _ELSEWHERE:
            raise UserError(f"kind: {_ELSEWHERE[self.kind]}.")
        if self.kind not in KINDS:
            raise UserError(f"kind: {self.kind!r} is unknown. Allowed are {', '.join(KINDS)}.")
        if self.noise not in NOISES:
            raise UserError(f"noise: {self.noise!r} is unknown. Allowed are {', '.join(NOISES)}.")
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 <= self.rate < 1:
            raise UserError(f"rate: {self.rate!r} is not allowed; it must be a number of at least 0 and below 1.")
        if self.kind == "true" and self.rate:
            raise UserError(
                f"rate: {self.rate} would have no effect on true labels; set kind: noise or leave rate out."
            )
        check_modality(self.modality)
        sources = [key for key in ("matrix", "method") if getattr(self, key) is not None]
        if (self.kind, self.noise) == ("noise", "confusion"):
            if len(sources) != 1:
                raise UserError("noise: confusion takes its probabilities from either matrix or method; give one.")
        elif sources:
            raise UserError(f"{sources[0]}: only noise: confusion takes it.")
        if self.modality != "both" and self.method is None:
            raise UserError("modality: it belongs to method, whose features it chooses.")


def check_modality(modality: str) -> None:
    """Check which features labels are made of.

    Raises:
        UserError: it is neither ``audio`` nor ``video`` nor ``both``.
    """
    if modality not in MODALITIES:
        raise UserError(f"modality: {modality!r} is unknown. Allowed are {', '.join(MODALITIES)}.")


@dataclass(frozen=True)
class NeighbourSettings:
    """Which clips are neighbours.

    Attributes:
        kind: ``neighbours``.
        k: how many each clip has.
        method: whose features; the pretrained runs of another method, on the same subset.
        modality: ``audio``, ``video`` or ``both``.

    Raises:
        UserError: a value is not allowed.
    """

    kind: str = "neighbours"
    k: int = 10
    method: str = "random"
    modality: str = "both"

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind != "neighbours":
            raise UserError(f"kind: {self.kind!r} is not allowed; neighbours are of kind 'neighbours'.")
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise UserError(f"k: {self.k!r} is not allowed; it must be an integer of at least 1.")
        check_modality(self.modality)


@dataclass(frozen=True)
class PseudoLabelSettings:
    """Which classifier: a trained one of torchvision, or one that is trained here on another dataset's frames.

    Attributes:
        kind: ``pseudo``.
        classifier: a classification model of torchvision.
        weights: the name of torchvision's weights for it, or a file with a state dict.
        classifier_dataset: a dataset whose training clips, with their true labels, train a small classifier instead.
        min_confidence: a clip of whose class the classifier is less sure gets a label of its own, and so pairs with
            itself alone; in [0, 1).
        epochs: of that training.
        seed: of that training.

    Raises:
        UserError: a value is not allowed, or two do not go together.
    """

    kind: str = "pseudo"
    classifier: str = "efficientnet_b0"
    weights: str = "IMAGENET1K_V1"
    classifier_dataset: str | None = None
    min_confidence: float = 0.0
    epochs: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        default = type(self)
        if self.kind != "pseudo":
            raise UserError(f"kind: {self.kind!r} is not allowed; pseudo-labels are of kind 'pseudo'.")
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise UserError(f"epochs: {self.epochs!r} is not allowed; it must be an integer of at least 1.")
        number = isinstance(self.min_confidence, int | float) and not isinstance(self.min_confidence, bool)
        if not number or not 0 <= self.min_confidence < 1:
            raise UserError(
                f"min_confidence: {self.min_confidence!r} is not allowed; it must be a number from 0 to below 1."
            )
        if self.classifier_dataset is None:
            if (self.epochs, self.seed) != (default.epochs, default.seed):
                raise UserError("epochs and seed belong to classifier_dataset: without it nothing is trained.")
        elif (self.classifier, self.weights) != (default.classifier, default.weights):
            raise UserError(
                f"classifier_dataset: {self.classifier_dataset!r} trains a classifier of its own, and classifier "
                f"{self.classifier!r} with weights {self.weights!r} would go unused. Leave one of them out."
            )
