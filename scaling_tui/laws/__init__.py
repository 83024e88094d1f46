"""Every loss formula, coefficient, parameter count and FLOP count of the project, and the fits and plans.

In a notebook or a program:

    from scaling_tui import laws

    points = laws.read_points("runs.csv")
    fitted = laws.fit("chinchilla", points)
    laws.bootstrap(fitted).intervals()
    laws.plan(fitted, flops=1e21)
    laws.get("chinchilla:besiroglu2024").coefficients

`__all__` is public: it changes as docs/library.md promises. What lies in the modules below it may change at any time.
Everything that is wrong with what is given raises `scaling_tui.InputError`, a ValueError, whose text is one line.
"""

from typing import TYPE_CHECKING

from scaling_tui.text.lazy_names import lazy_names

if TYPE_CHECKING:
    from scaling_tui.laws.atlas.entries import CoefficientSet
    from scaling_tui.laws.atlas.loss_laws import SETS
    from scaling_tui.laws.counting import Architecture, Count, count
    from scaling_tui.laws.fitting.bootstrap import Bootstrap, bootstrap
    from scaling_tui.laws.fitting.compare import Comparison, compare
    from scaling_tui.laws.fitting.fit import fit
    from scaling_tui.laws.fitting.fitted import Fit, Prediction
    from scaling_tui.laws.fitting.holdout import Holdout, hold_out
    from scaling_tui.laws.fitting.points import Points
    from scaling_tui.laws.fitting.prediction import predict
    from scaling_tui.laws.fitting.restrictions import Prior, Restrictions
    from scaling_tui.laws.fitting.study import Study, study
    from scaling_tui.laws.fitting.tables import read_points
    from scaling_tui.laws.forms import LAWS, Law
    from scaling_tui.laws.planning.plan import Plan
    from scaling_tui.laws.planning.planned import plan
    from scaling_tui.laws.published import find_law, get

__all__ = [
    "LAWS",
    "SETS",
    "Architecture",
    "Bootstrap",
    "CoefficientSet",
    "Comparison",
    "Count",
    "Fit",
    "Holdout",
    "Law",
    "Plan",
    "Points",
    "Prediction",
    "Prior",
    "Restrictions",
    "Study",
    "bootstrap",
    "compare",
    "count",
    "find_law",
    "fit",
    "get",
    "hold_out",
    "plan",
    "predict",
    "read_points",
    "study",
]

_MODULES = {
    "atlas.entries": ("CoefficientSet",),
    "atlas.loss_laws": ("SETS",),
    "counting": ("Architecture", "Count", "count"),
    "fitting.bootstrap": ("Bootstrap", "bootstrap"),
    "fitting.compare": ("Comparison", "compare"),
    "fitting.fit": ("fit",),
    "fitting.fitted": ("Fit", "Prediction"),
    "fitting.holdout": ("Holdout", "hold_out"),
    "fitting.points": ("Points",),
    "fitting.prediction": ("predict",),
    "fitting.restrictions": ("Prior", "Restrictions"),
    "fitting.study": ("Study", "study"),
    "fitting.tables": ("read_points",),
    "forms": ("LAWS", "Law"),
    "planning.plan": ("Plan",),
    "planning.planned": ("plan",),
    "published": ("find_law", "get"),
}

if not TYPE_CHECKING:  # a type checker is to say which names there are not
    # A count of parameters needs no NumPy, a formula no reader of tables.
    __getattr__ = lazy_names(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
