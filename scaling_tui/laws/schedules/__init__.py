"""Loss along a learning-rate schedule: laws of whole training curves, fitted to some schedules to predict others."""
