"""Banks, questions, lessons, and the variants of a question that seeds produce."""
