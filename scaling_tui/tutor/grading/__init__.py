"""Grades answers, diagnoses mistakes, checks banks."""
