"""A class: assignments, rosters, the submissions of students, and their marks."""
