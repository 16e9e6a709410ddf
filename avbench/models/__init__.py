"""Encoders, and the network that is trained."""
