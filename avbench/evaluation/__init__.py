"""Scores of pretrained encoders."""
