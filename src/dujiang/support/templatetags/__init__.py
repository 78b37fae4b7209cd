"""Filters of support's pages."""
