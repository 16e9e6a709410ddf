"""How label variants are made: their kinds, each declared once, and the settings of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from avbench.config.choices import Choice, names, registry
from avbench.config.fields import DECIDED, SWEPT, Count, Name, OneOf, Rate, Said, Text, Whole, meaning
from avbench.config.methods import BASELINE
from avbench.config.settings import settings
from avbench.core.errors import UserError

KIND = meaning("how they are made: see [label variants](../docs/methods.md#label-variants)")
Modality = Annotated[
    Literal["audio", "video", "both"],
    meaning(
        "of clusters, neighbours and `confusion`: whose features are compared; neighbours also by `agreement`, the "
        "lower similarity of both"
    ),
]
Method = Annotated[
    Name,
    meaning(
        "of clusters, neighbours and `confusion`: the method whose runs on the same subset embed the clips, seed by "
        f"seed (`{BASELINE}` unless given); one that itself pairs by clusters makes a further round"
    ),
]
SEED = meaning(
    "of noise and of a classifier that is trained here: one draw, or one training, for all runs; without it, each run "
    "seed has its own. Of clusters: another start"
)

NOISES = registry(
    Choice(
        "uniform",
        "a wrong label is drawn uniformly from the other classes of the subset",
        display="uniform noise",
        place=0,
    ),
    Choice(
        "pair-flip",
        "a class is always mistaken for the next on a circle through all classes, whose order is drawn",
        display="pair-flip noise",
        place=1,
    ),
    Choice(
        "confusion",
        "a wrong label is drawn from the other classes as often as the clip's class is taken for them: by `matrix: "
        "FILE`, or by a probe of `method`'s features",
        display="confusion noise",
        place=2,
    ),
)

# What other verbs make.
_ELSEWHERE = {
    "pseudo": "pseudo-labels are made from pictures, by the verb pseudo-labels",
    "clusters": "clusters are made from a first round's features, by the verb derived-labels",
    "neighbours": "neighbours are made from a first round's features, by the verb derived-labels",
}


@settings()
class ClusterSettings:
    """How clips are put into clusters.

    Raises:
        UserError: a value is not allowed.
    """

    kind: Annotated[Literal["clusters"], KIND] = "clusters"
    k: Annotated[
        Annotated[int, Field(ge=2)] | Literal["auto"],
        WithJsonSchema(
            {"if": {"type": "string"}, "then": {"const": "auto"}, "else": {"type": "integer", "minimum": 2}}
        ),
        SWEPT,
        meaning("the number of clusters, or `auto`; of neighbours: how many each clip has"),
    ] = "auto"
    method: Method = BASELINE
    modality: Modality = "both"
    seed: Annotated[Whole, SEED] = 0


@settings()
class LabelSettings:
    """How labels are made from the true ones. By hand, noise without a seed is the draw of seed 0.

    Raises:
        UserError: a value is not allowed, or two do not go together.
    """

    kind: Annotated[str, KIND] = "true"
    rate: Annotated[
        Rate, SWEPT, meaning("of noise: the share of each class's clips that get a wrong label, from 0 to below 1")
    ] = 0.0
    noise: Annotated[
        str,
        OneOf(NOISES),
        meaning(f"of noise: what a wrong label is, {names(NOISES)}"),
    ] = "uniform"
    matrix: Annotated[
        Text | None,
        meaning(
            "of `confusion`: a CSV file of what is taken for what, a row per true class and a column per class it is "
            "taken for; without it, a probe of the first round's model is cross-validated on the subset"
        ),
    ] = None
    method: Method | None = None
    modality: Modality = "both"
    seed: Annotated[Whole | None, SEED] = None

    def __post_init__(self) -> None:
        """Check the combination of values."""
        if self.kind in _ELSEWHERE:
            raise UserError(f"kind: {_ELSEWHERE[self.kind]}.")
        if self.kind not in (allowed := ("true", "noise")):
            raise UserError(f"kind: {self.kind!r} is unknown. Allowed are {', '.join(allowed)}.")
        if self.kind == "true" and self.rate:
            raise UserError(
                f"rate: {self.rate} would have no effect on true labels; set kind: noise or leave rate out."
            )
        sources = [key for key in ("matrix", "method") if getattr(self, key) is not None]
        if (self.kind, self.noise) == ("noise", "confusion"):
            if len(sources) != 1:
                raise UserError("noise: confusion takes its probabilities from either matrix or method; give one.")
        elif sources:
            raise UserError(f"{sources[0]}: only noise: confusion takes it.")
        if self.modality != "both" and self.method is None:
            raise UserError("modality: it belongs to method, whose features it chooses.")


@settings()
class NeighbourSettings:
    """Which clips are neighbours.

    Raises:
        UserError: a value is not allowed.
    """

    kind: Annotated[Literal["neighbours"], KIND] = "neighbours"
    k: Annotated[Count, SWEPT, meaning("of neighbours: how many each clip has")] = 10
    method: Method = BASELINE
    modality: Annotated[
        Literal["audio", "video", "both", "agreement"],
        meaning("of neighbours, also `agreement`: near by sound and by picture, the lower of both similarities counts"),
    ] = "both"


@settings()
class PseudoLabelSettings:
    """Which classifier: a trained one of torchvision, or one that is trained here on another dataset's frames.

    By hand, a training without a seed is that of seed 0.

    Raises:
        UserError: a value is not allowed, or two do not go together.
    """

    kind: Annotated[Literal["pseudo"], KIND] = "pseudo"
    classifier: Annotated[
        Text, meaning("of pseudo: a torchvision image classifier, which names each clip's middle frame")
    ] = "efficientnet_b0"
    weights: Annotated[
        Text, meaning("of it: a name of torchvision's, which are downloaded, or the path of a state dict")
    ] = "IMAGENET1K_V1"
    classifier_dataset: Annotated[
        Name | None,
        meaning(
            "of pseudo, instead of these: train a small classifier on the frames of this dataset, and take its classes"
        ),
    ] = None
    min_confidence: Annotated[
        Rate,
        SWEPT,
        Said("a number from 0 to below 1"),
        meaning("of pseudo: a clip about which the classifier is less sure is a class of its own, paired with itself"),
    ] = 0.0
    epochs: Annotated[Count, DECIDED] = 30
    seed: Annotated[Whole | None, SEED] = None

    def __post_init__(self) -> None:
        """Check the combination of values."""
        default = type(self)
        if self.classifier_dataset is None:
            if (self.epochs, self.seed) != (default.epochs, default.seed):
                raise UserError("epochs and seed belong to classifier_dataset: without it nothing is trained.")
        elif (self.classifier, self.weights) != (default.classifier, default.weights):
            raise UserError(
                f"classifier_dataset: {self.classifier_dataset!r} trains a classifier of its own, and classifier "
                f"{self.classifier!r} with weights {self.weights!r} would go unused. Leave one of them out."
            )


@dataclass(frozen=True)
class Kind:
    """One kind of label variant.

    Attributes:
        name: as in the configuration.
        meaning: in one line.
        settings: the class of its settings.
        required: keys that the user has to give, though their settings have defaults.
        display: as figures write it, where an experiment has but one variant of the kind.
    """

    name: str
    meaning: str
    settings: type
    required: tuple[str, ...] = ()
    display: str | None = None


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("noise", "wrong labels at `rate`, at least 0 and below 1", LabelSettings, ("noise", "rate")),
        Kind("pseudo", "an image classifier names each clip's middle frame", PseudoLabelSettings, (), "pseudo-labels"),
        Kind(
            "clusters",
            "k-means of a first round's features; `auto` chooses the number",
            ClusterSettings,
            ("k",),
            "clusters",
        ),
        Kind(
            "neighbours",
            "the k nearest other clips by a first round's features, for `positive: neighbour`",
            NeighbourSettings,
            ("k",),
            "neighbours",
        ),
    )
}
