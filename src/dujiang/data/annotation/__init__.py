"""Annotation: projects, tasks, labels by several people, their agreement and quality, and files in and out."""
