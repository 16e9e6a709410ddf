"""Pretraining by audio-visual correspondence."""
