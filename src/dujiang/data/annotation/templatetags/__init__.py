"""Filters of the pages of annotation."""
