"""Every loss formula, coefficient, parameter count and FLOP count of the project, and the fits and plans."""

from scaling_tui.laws.counts import Architecture, Count, count
from scaling_tui.laws.forms import LAWS, Law
from scaling_tui.laws.parametric import Fit, fit
from scaling_tui.laws.points import Points
from scaling_tui.laws.prediction import Prediction, predict
from scaling_tui.laws.published import SETS, CoefficientSet, coefficient_set, get

__all__ = [
    "LAWS",
    "SETS",
    "Architecture",
    "CoefficientSet",
    "Count",
    "Fit",
    "Law",
    "Points",
    "Prediction",
    "coefficient_set",
    "count",
    "fit",
    "get",
    "predict",
]
