"""A ladder becomes runs; a supervisor sees them through. Starts `scaling_tui.train` as processes, never imports it."""
