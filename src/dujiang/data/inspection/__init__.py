"""Inspecting tables and corpora: pure modules over files, no store."""
