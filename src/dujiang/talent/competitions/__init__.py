"""Competitions: contests of methods on a scenario whose cases are hidden."""
