"""Grades answers, diagnoses mistakes, validates banks."""
