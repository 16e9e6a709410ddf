"""Classifiers that are trained by stochastic gradient descent on an encoder, or with it."""
