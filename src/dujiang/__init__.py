"""Dujiang runs an AI+ plan, from its text to the monthly dispatch."""

__version__ = "0.1.0"
