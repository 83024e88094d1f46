"""Runs a learner's small program: a walker over Python's syntax tree with budgets, never Python itself."""
