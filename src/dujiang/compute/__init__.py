"""Compute: centres and pools, jobs and what they cost, and where they run."""
