"""Asks, decides, tells: the path model, the inference, and everything around them."""

__version__ = "0.1.0"
