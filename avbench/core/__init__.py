"""Errors, files, hashes, random numbers, progress: what knows nothing of the project."""
