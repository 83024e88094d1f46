"""Compute-optimal runs for a goal, and their time and price on a device."""
