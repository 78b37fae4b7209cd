"""Filters of the pages of compute."""
