"""Why a figure is what it is, as plain data: where it comes from, its formula with its numbers, its lesson."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tutor.parsing.expressions import parse

LONGEST = 600  # characters of a formula with its numbers
DIGITS = range(5, 18)  # of a number in it: as many as a loss is shown with, more where the figure needs them
WHOLE = 1e9  # whole numbers up to here are written out
_NAME = re.compile(r"(?<![0-9.])[A-Za-z_][A-Za-z0-9_]*'?")
_FUNCTIONS = ("exp", "ln", "sqrt", "abs", "min", "max")


@dataclass(frozen=True)
class Step:
    """A formula in symbols, the same with its numbers, and what it gives."""

    symbol: str
    formula: str
    filled: str
    shown: str
    value: float


@dataclass(frozen=True)
class Explanation:
    """Why a figure is what it is.

    Args:
        of: what it is a figure of: the name of a run, `law`, `prediction`, …; `key` is its name there.
        shown: as tables and screens show it.
        unit: empty where it has none.
        what: what it is, in a few words.
        source: the file and field that it is read from, or the computation.
        conventions: which N, which C, which loss, which units.
        runs: those that went into it.
        steps: how it is computed; the last one gives the figure. Empty for what is read from a file.
        uncertainty: how sure it is, and how that was found out.
        lesson: the id of the lesson that explains it.
    """

    of: str
    key: str
    shown: str
    value: float
    unit: str
    what: str
    source: str
    conventions: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    uncertainty: str = ""
    lesson: str = ""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def step(symbol: str, formula: str, numbers: Mapping[str, float], value: float, text: Callable[[float], str]) -> Step:
    """The step that computes `value`, which is shown as `text` writes it.

    Each number gets as few digits as give what is shown. `formula` uses the names of `numbers`, and `tutor.parsing`
    can read it.
    """
    shown = text(value)
    filled = formula
    for digits in DIGITS:
        filled = fill(formula, numbers, digits)
        if text(evaluated(filled)) == shown:
            break
    return Step(symbol, formula, filled, shown, value)


def signed_percent(value: float | None) -> str:
    """A share off something, with one decimal: +1.2 %."""
    return show.percent(value, 1, sign=True)


def fill(formula: str, numbers: Mapping[str, float], digits: int) -> str:
    """`formula` with its names replaced by their numbers, `digits` significant ones each."""

    def number(name: re.Match[str]) -> str:
        if name[0] in _FUNCTIONS and name[0] not in numbers:
            return name[0]
        return written(numbers[name[0]], digits)

    return _NAME.sub(number, formula)


def written(value: float, digits: int) -> str:
    """A number as it stands in a formula: whole ones of a moderate size with all digits, negative ones in brackets."""
    if value == round(value) and abs(value) < WHOLE:
        text = str(round(value))
    else:
        mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
        text = f"{mantissa}e{int(exponent)}" if e else mantissa
    return f"({text})" if value < 0 else text


def evaluated(filled: str) -> float:
    """The value of a formula without names; nan where it has none."""
    try:
        return parse(filled, frozenset(), longest=LONGEST)({})
    except InputError:
        return math.nan


def matching(found: Iterable[Explanation], words: Sequence[str]) -> list[Explanation]:
    """The figures that `words` call, in any case: each word names what one is a figure of, or its key, or begins so.

    Only those that are called best are returned: by whole names rather than by words in them, by words rather than by
    beginnings.
    """
    kept = [(fit, one) for one in found if (fit := _fit(one, [word.casefold() for word in words])) is not None]
    best = min((fit for fit, _ in kept), default=0)
    return [one for fit, one in kept if fit == best]


def _fit(one: Explanation, words: Sequence[str]) -> int | None:
    """0 where all words are whole names, more where some are parts of one; None where one fits nothing."""
    whole = [one.of.casefold(), one.key.casefold()]
    parts = [part for name in whole for part in name.split()]
    loose = 0
    if " ".join(words) in (*whole, " ".join(whole)):
        return 0
    for word in words:
        if word in whole:
            continue
        if word not in parts and not any(name.startswith(word) for name in (*whole, *parts)):
            return None
        loose += 1 if word in parts else 2
    return loose
