"""Scenarios: what one is, where they are found, how they are run and judged."""
