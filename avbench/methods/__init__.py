"""The subject of the benchmark: positives, batches and losses."""
