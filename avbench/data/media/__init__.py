"""Decoding media files."""
