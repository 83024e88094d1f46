"""Compute-optimal runs for what is given, and their hours and price on a device."""
