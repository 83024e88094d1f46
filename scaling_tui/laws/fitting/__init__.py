"""Laws fitted to points: reading tables, the minimum, intervals, hold-out, warnings, isoFLOP profiles, envelopes."""
