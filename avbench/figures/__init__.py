"""Figures, one per module: ``draw`` returns a matplotlib figure, ``plot`` writes it as PNG and PDF."""
