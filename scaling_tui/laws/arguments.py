"""Arguments of public functions, checked before anything is computed with them: a fault is one line that names it.

Annotations say what is wanted, but a notebook does not read them; and from deep inside NumPy's message names nothing.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError

Kind = TypeVar("Kind")

LARGEST = 1e100  # of a coefficient or a spread: squares and products of such numbers are still numbers


def instance(name: str, value: object, kind: type[Kind], want: str) -> Kind:
    """`value`, if it is a `kind`.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(value, kind):
        raise InputError(f"{name}: found {_described(value)}, want {want}")
    return value


def number(name: str, value: object) -> float:
    """`value` as a number, which may be infinite or NaN.

    Raises:
        InputError: not a single number, or one that no float holds.
    """
    if isinstance(value, str | bytes) or np.ndim(value) != 0:  # type: ignore[arg-type]
        raise InputError(f"{name}: found {_described(value)}, want a number")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{name}: found {_described(value)}, want a number") from None
    except OverflowError:
        raise InputError(f"{name}: found a number above 1e308, want a smaller one") from None


def positive(name: str, value: object, infinite: bool = False) -> float:
    """`value` as a number above 0; with `infinite`, also inf.

    Raises:
        InputError: anything else.
    """
    found = number(name, value)
    if not found > 0 or (np.isinf(found) and not infinite):
        raise InputError(f"{name}: found {found:g}, want a positive number{' or inf' if infinite else ''}")
    return found


def level(value: object) -> float:
    """`value` as the level of an interval, from 0 to 1.

    Raises:
        InputError: anything else.
    """
    found = number("level", value)
    if not 0 <= found <= 1:
        raise InputError(f"level: found {found:g}, want a number from 0 to 1, such as 0.9")
    return found


def whole(name: str, value: object, least: int) -> int:
    """`value` as a whole number of at least `least`.

    Raises:
        InputError: anything else.
    """
    found = number(name, value)
    if not (np.isfinite(found) and found == int(found) and found >= least):
        raise InputError(f"{name}: found {found:g}, want a whole number of at least {least}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def one_of(name: str, value: object, known: Sequence[str]) -> str:
    """`value`, if it is one of the `known` words.

    Raises:
        InputError: anything else.
    """
    if not isinstance(value, str) or value not in known:
        found = repr(value) if isinstance(value, str) else _described(value)
        raise InputError(f"{name}: found {found}, want {', '.join(known[:-1])} or {known[-1]}")
    return value


def array(name: str, value: Any) -> NDArray[np.float64]:
    """`value` as an array of numbers, of any shape.

    Raises:
        InputError: some of it is no number.
    """
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name}: found {_described(value)}, want a number or an array of them") from None


def _described(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}…")
    if value is None:
        return "None"
    return type(value).__name__ if not isinstance(value, int | float) else f"{value:g}"
