"""Every loss formula, coefficient, parameter count and FLOP count of the project, and the fits and plans."""

from scaling_tui.laws.atlas import SETS, CoefficientSet
from scaling_tui.laws.counting import Architecture, Count, count
from scaling_tui.laws.fitting.fit import fit
from scaling_tui.laws.fitting.fitted import Fit, Prediction
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.prediction import predict
from scaling_tui.laws.forms import LAWS, Law
from scaling_tui.laws.published import coefficient_set, get

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
