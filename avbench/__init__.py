"""avbench: how positive and negative pairs are sampled in audio-visual self-supervised learning, and what it buys."""

from os import PathLike
from pkgutil import resolve_name
from typing import Any

__version__ = "0.1.0"


def load_encoder(folder: str | PathLike[str]) -> Any:
    """Load encoders that ``python -m avbench export`` wrote; see `avbench.models.standalone_loader.Model`.

    Raises:
        UserError: the folder holds none.
    """
    # By name: everything imports this module, and this function much.
    return resolve_name(f"{__name__}.models.standalone:load_encoder")(folder)
