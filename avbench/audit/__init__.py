"""Checking results back to their sources, and packing them."""
