"""Timings of the hot paths, each beside a named peer in the same run: ``python -m bench [NAME...]``."""
