"""Lessons, questions and their marking; every number in them is computed by `scaling_tui.laws`."""
