"""Banks, questions, lessons and the variants that a seed makes of a question."""
