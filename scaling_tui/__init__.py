"""A laboratory and a tutor for the scaling laws of language models, in a terminal."""

__version__ = "0.1.0"
