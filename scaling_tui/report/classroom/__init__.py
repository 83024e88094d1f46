"""Assignments in print: papers, what a student meets when taking one, marks, and the class."""
