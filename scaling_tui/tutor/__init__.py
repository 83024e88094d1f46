"""Lessons, questions and their grading; every number in them is computed by `scaling_tui.laws`."""
