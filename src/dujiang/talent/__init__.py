"""Talent: people, analysis, certification, training; competitions are its sub-package (requirement 4)."""
