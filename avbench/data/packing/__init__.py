"""Packing shards of a manifest into the store."""
