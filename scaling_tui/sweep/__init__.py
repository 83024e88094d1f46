"""A ladder becomes runs; a supervisor sees them through. Starts `scaling_tui.train` as processes, never imports it."""

from scaling_tui.sweep.ladder import Ladder, ladders, load_ladder
from scaling_tui.sweep.launch import launch, resume
from scaling_tui.sweep.points import fit_sweep, points_of_sweep

__all__ = ["Ladder", "fit_sweep", "ladders", "launch", "load_ladder", "points_of_sweep", "resume"]
