"""A training step of the small preset on one CPU core, against the same step written plainly.

    python -m benchmarks.step [--seconds 20]

The plain step is what the formulas say: torch.stft and its absolute value, torch.where for the flip, constants of one
pixel, 3-d convolutions, torch.optim.Adam. Both take turns step by step and are charged their CPU time; the ratio is
the median over pairs of neighbouring steps, so that what else runs on the machine favours neither.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from avbench.config.features import FeatureSettings
from avbench.config.pretraining import PretrainSettings
from avbench.methods.losses.info_nce import info_nce
from avbench.models.embedder import Embedder
from avbench.models.stem_convolution import StemConvolution
from avbench.training.allocator import keep_freed_memory
from avbench.training.optimizer import Adam

FEATURES = FeatureSettings(8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, video_s=1.0)
BATCHES = (24, 100)
WARM_UP = 10  # steps
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class PlainEmbedder(Embedder):
    """The same network, plainly."""

    def __init__(self, settings: PretrainSettings, seed: int) -> None:
        super().__init__(settings, FEATURES, _STATISTICS, seed)
        for module in self.model.modules():
            if isinstance(module, StemConvolution):
                module.__class__ = torch.nn.Conv3d

    @torch.no_grad()
    def audio_input(self, audio: torch.Tensor, draws: torch.Tensor | None = None) -> torch.Tensor:
        """int16 (n, samples) → float32 (n, 1, time, mel)."""
        samples, (n_fft, hop), window = audio.double() / 32768, (FEATURES.n_fft, FEATURES.hop), self.log_mel.window
        spectrum = torch.stft(samples, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
        mel = spectrum.abs().float().transpose(1, 2) @ self.log_mel.bands
        decibel = 10 * mel.clamp(min=1e-10).log10()
        decibel = torch.maximum(decibel, decibel.amax((1, 2), keepdim=True) - 100)
        return self.standardise(decibel[:, : audio.shape[-1] // hop]).unsqueeze(1)

    def video_input(
        self, frames: torch.Tensor, flips: torch.Tensor | None = None, draws: torch.Tensor | None = None
    ) -> torch.Tensor:
        """uint8 (n, frames, height, width, 3) → float32 (n, 3, frames, height, width)."""
        frames = torch.where(flips.reshape(-1, 1, 1, 1, 1), frames.flip(3), frames)
        scaled = (frames.float() / 255 - torch.tensor(_MEAN)) / torch.tensor(_STD)
        return scaled.movedim(-1, 1)


_STATISTICS = {"mean": [0.0] * FEATURES.n_mels, "std": [1.0] * FEATURES.n_mels}


def steps(batch_size: int, seed: int = 0) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return what does our next step and what does the plain one, from the same weights; both return the loss."""
    settings = PretrainSettings("small", batch_size=batch_size)
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randint(-3000, 3000, (batch_size, FEATURES.samples), generator=generator, dtype=torch.int16)
    frames = torch.randint(0, 256, (batch_size, 4, 32, 32, 3), generator=generator, dtype=torch.uint8)
    flips = torch.rand(batch_size, generator=generator) < 0.5
    ours, plain = Embedder(settings, FEATURES, _STATISTICS, seed).train(), PlainEmbedder(settings, seed).train()
    rate, decay = settings.learning_rate, settings.weight_decay
    optimizers = (
        Adam(ours.model.parameters(), rate, decay),
        torch.optim.Adam(plain.model.parameters(), rate, weight_decay=decay, fused=True),
    )

    def step(embedder: Embedder, optimizer: Adam | torch.optim.Adam) -> float:
        loss, _ = info_nce(*embedder(audio, frames, flips), settings.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return lambda: step(ours, optimizers[0]), lambda: step(plain, optimizers[1])


def rows(seconds: float) -> list[dict]:
    """Measure each batch size for its share of ``seconds``."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as training does
    found = []
    for size in BATCHES:
        pair = steps(size)
        for _ in range(WARM_UP):
            for step in pair:
                step()
        spent: list[tuple[float, ...]] = []
        end = time.monotonic() + seconds / len(BATCHES)
        while time.monotonic() < end or not spent:
            spent.append(tuple(_cpu_time(step) for step in pair))
        ours, plain = (1 / statistics.median(side) for side in zip(*spent, strict=True))
        found.append(
            {
                "name": f"a training step, small preset, batch {size}, float32, one CPU core",
                "ours": round(ours, 1),
                "peer": round(plain, 1),
                "peer_name": "the step written plainly",
                "ratio": round(statistics.median(theirs / own for own, theirs in spent), 2),
                "unit": "steps/s",
            }
        )
    return found


def _cpu_time(step: Callable[[], float]) -> float:
    begin = time.thread_time()
    step()
    return time.thread_time() - begin


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(prog="benchmarks.step", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure")
    for row in rows(parser.parse_args().seconds):
        print(row)


if __name__ == "__main__":
    main()
