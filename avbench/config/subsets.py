"""How a pretraining subset is drawn."""

from dataclasses import dataclass

from avbench.core.errors import UserError

BALANCES = ("balanced", "natural", "long-tailed")


@dataclass(frozen=True)
class SubsetSettings:
    """What a subset looks like.

    Attributes:
        clips_per_class: balanced: clips of every class; natural: clips a class on average; long-tailed: clips
            of the largest class.
        clips: natural: clips in all; long-tailed: at most this many clips in all.
        balance: ``balanced``, ``natural`` (as the pool is) or ``long-tailed``.
        imbalance: long-tailed only: the largest class over the smallest, at least 1.
        ids: a file that lists the clip ids, instead of all of the above. A ``.csv`` file has a column
            ``clip_id``; any other file has one id a line.
        min_share: ids only: the share of the listed clips that must be stored; the others are left out.
        seed: another seed draws other clips.

    Raises:
        UserError: the settings contradict each other.
    """

    clips_per_class: int | None = None
    clips: int | None = None
    balance: str = "balanced"
    imbalance: float | None = None
    ids: str | None = None
    min_share: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values and their combination."""
        if self.balance not in BALANCES:
            raise UserError(f"balance: {self.balance!r} is unknown. Allowed are {', '.join(BALANCES)}.")
        for key in ("clips_per_class", "clips"):
            value = getattr(self, key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise UserError(f"{key}: {value!r} is not allowed; it must be a whole number of at least 1.")
        given = [key for key in ("clips_per_class", "clips", "imbalance") if getattr(self, key) is not None]
        if not 0 < self.min_share <= 1 or (self.ids is None and self.min_share != 1):
            raise UserError(
                f"min_share: {self.min_share!r} is not allowed; it is above 0, at most 1, and goes with ids."
            )
        if self.ids is not None:
            if given:
                raise UserError(f"{given[0]} and ids: the list of ids fixes the subset already; leave one of them out.")
            return
        if self.clips_per_class is not None and self.clips is not None:
            raise UserError("clips_per_class and clips: both set the subset's size; leave one of them out.")
        if self.balance == "balanced" and self.clips_per_class is None:
            raise UserError("balance: balanced takes its size from clips_per_class, which is missing.")
        if self.balance == "long-tailed" and self.clips_per_class is None and self.clips is None:
            raise UserError("balance: long-tailed needs clips_per_class (of the largest class) or clips (in all).")
        if self.balance == "long-tailed" and (self.imbalance is None or not 1 <= self.imbalance < float("inf")):
            raise UserError(f"imbalance: {self.imbalance!r} is not allowed; long-tailed needs a number from 1 up.")
        if self.balance != "long-tailed" and self.imbalance is not None:
            raise UserError(f"imbalance: only balance long-tailed takes it, not {self.balance}.")
