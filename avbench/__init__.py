"""avbench: how positive and negative pairs are sampled in audio-visual self-supervised learning, and what it buys."""

__version__ = "0.1.0"
