"""Assessing the safety of models and scenarios: suites, the rules that judge answers, and reports."""
