"""Made-up embeddings, and their similarities one at a time."""

import torch


def unit(rows: int, seed: int) -> torch.Tensor:
    """Return random rows of length one, the same for the same seed."""
    return torch.nn.functional.normalize(torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)))


def similarities(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> list[list[float]]:
    """Return the similarity of each query with each key over the temperature, in loops."""
    return [
        [sum(q * k for q, k in zip(query, key, strict=True)) / temperature for key in keys.tolist()]
        for query in queries.tolist()
    ]
