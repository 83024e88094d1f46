"""Logs of other trainers become sweeps: one module a source, and one that writes what they yield as run folders."""
