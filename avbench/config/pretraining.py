"""How, where and how fast to pretrain."""

from dataclasses import dataclass

from avbench.core.errors import UserError


@dataclass(frozen=True)
class PretrainSettings:
    """How to train. Defaults are the paper's where it gives a value."""

    model: str = "paper"
    epochs: int = 100
    batch_size: int = 309
    learning_rate: float = 1e-4
    weight_decay: float = 1e-5
    schedule: str = "constant"  # or cosine: from learning_rate down to zero over the run
    temperature: float = 0.07
    flip: str = "clip"  # or frame: each frame for itself; or none
    batch_order: str = "fresh"  # of batches of one class; or fixed: every epoch is like the first
    batch_norm_groups: int = 1  # a batch is normalised in so many groups, as by GPUs that are not synchronised
    partner_time: str = "fits"  # windows lie inside anchor and partner; or anchor: inside the anchor alone
    precision: str = "float32"  # or bfloat16: autocast
    tf32: bool = False  # on GPUs, float32 is multiplied with ten bits of mantissa
    clip_grad: float | None = None  # the gradient is scaled down to this norm where it is longer
    cpu_threads: int = 1  # fixed rather than taken from the machine: sums in another order give other bytes

    def __post_init__(self) -> None:
        """Check the words, since a misspelt one would act like the default.

        Raises:
            UserError: one is unknown, or the norm is not positive.
        """
        choices = {
            "schedule": ("constant", "cosine"),
            "flip": ("clip", "frame", "none"),
            "batch_order": ("fresh", "fixed"),
            "partner_time": ("fits", "anchor"),
            "precision": ("float32", "bfloat16"),
        }
        for key, allowed in choices.items():
            if (value := getattr(self, key)) not in allowed:
                raise UserError(f"pretraining.{key}: {value!r} is unknown. Allowed are {', '.join(allowed)}.")
        if self.clip_grad is not None and self.clip_grad <= 0:
            raise UserError(f"pretraining.clip_grad: {self.clip_grad} must be more than 0; leave it out for no limit.")


@dataclass(frozen=True)
class MachineSettings:
    """Where and how fast to train: nothing that decides the outcome, so a change of it repeats no run.

    On another device, or compiled, the outcome is the same up to rounding.
    """

    device: str = "auto"  # or cpu, cuda, cuda:1
    loader_threads: int = 0  # threads that prepare batches ahead; 0 prepares them in line
    cache_mb: float | str = "auto"  # decoded clips kept in memory: all, if there is memory to spare; or so many MB
    checkpoint_every_s: float = 120  # and at the end of an epoch, see EPOCH_SAVES_S
    compile: bool = False  # by torch.compile, which takes a minute or so first: for GPUs and long runs
    tensorboard: bool = False  # write events into the run's folder
