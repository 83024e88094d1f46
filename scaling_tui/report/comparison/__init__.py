"""Sweeps and files side by side: what is read of each, what their laws say, in what their settings differ."""
