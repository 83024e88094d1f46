"""Models, their loss, and the worker process that trains one run: torch."""
