"""What a card could compute at most, to say what share of it training reaches."""

from avbench.config.models import settings_of
from avbench.models.summary import flop_count

# Dense bfloat16 on tensor cores, in 1e12 operations a second, by how PyTorch's name of the card begins. From NVIDIA's
# data sheets of the H200, H100, A100, L40S and L4; where they give a figure "with sparsity", half of it.
BFLOAT16_PEAK = {
    "NVIDIA H200": 989.0,
    "NVIDIA H100 80GB HBM3": 989.0,
    "NVIDIA H100 PCIe": 756.0,
    "NVIDIA A100": 312.0,
    "NVIDIA L40S": 362.0,
    "NVIDIA L4": 121.0,
}


def share_of_peak(card: str, model: str, clips_per_s: float) -> float | None:
    """Return which share of a card's bfloat16 peak the convolutions of a model take, forward and backward.

    Returns:
        Between 0 and 1; None for a card that is not in the table.
    """
    for name, peak in BFLOAT16_PEAK.items():
        if card == name or card.startswith((name + " ", name + "-")):
            settings = settings_of(model)
            per_clip = flop_count(settings.audio, "audio") + flop_count(settings.video, "video")
            return clips_per_s * per_clip / (peak * 1e12)
    return None
