"""Formulas in LaTeX with the values of their coefficients filled in."""

import re
from collections.abc import Mapping
from math import isfinite

from scaling_tui import InputError

_GREEK = frozenset(("alpha", "beta", "gamma", "delta", "lambda"))
_POWER_OF_TEN = r"\times"


def filled(formula: str, coefficients: Mapping[str, float], digits: int = 4) -> str:
    """`formula` with a number of at most so many significant `digits` in place of each of the `coefficients`.

    Raises:
        InputError: fewer than 1 or more than 17 digits.
    """
    if not 1 <= digits <= 17:
        raise InputError(f"digits: found {digits}, want 1 to 17")
    values = {symbol(name): value for name, value in coefficients.items()}
    names = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    # What is matched first is left as it is: text in the formula, and commands such as \frac, which hold letters too.
    parts = re.compile(rf"(?P<symbol>(?:{names})(?![a-zA-Z]))|\\mathrm\{{\w*\}}|\\[a-zA-Z]+|.", re.DOTALL)

    def put(match: re.Match[str]) -> str:
        if match["symbol"] is None:
            return match[0]
        text = number(values[match["symbol"]], digits)
        before, after = formula[: match.start()].rstrip()[-1:], formula[match.end() :].lstrip()[:1]
        power = _POWER_OF_TEN in text and (before == "/" or after in ("/", "^"))
        if power or (text.startswith("-") and before not in ("", "{", "=")):
            text = rf"\left({text}\right)"
        return rf"\cdot {text}" if before.isalnum() or before in ("}", "*") else text

    return parts.sub(put, formula)


def symbol(name: str) -> str:
    r"""A coefficient's name in LaTeX: alpha_N is \alpha_N, Nc is N_c, c0 is c_0, R_D_star is R_D^*."""
    if name.endswith("_star"):
        return f"{name.removesuffix('_star')}^*"
    base, _, index = name.partition("_")
    if base in _GREEK:
        return rf"\{base}_{index}" if index else rf"\{base}"
    if len(name) == 2:
        return f"{name[0]}_{name[1]}"
    return name


def number(value: float, digits: int) -> str:
    """A number in LaTeX to so many significant digits, with a power of ten where it is large or small."""
    if not isfinite(value):
        return r"\infty" if value > 0 else r"-\infty" if value < 0 else r"\mathrm{nan}"
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -4 <= exponent < max(digits, 5):
        return _bare(f"{value:.{max(digits - 1 - exponent, 0)}f}")
    return rf"{_bare(mantissa)} {_POWER_OF_TEN} 10^{{{exponent}}}"


def _bare(decimal: str) -> str:
    """Without zeros that end a fraction: a set that prints 0.34 did not print 0.3400."""
    return decimal.rstrip("0").rstrip(".") if "." in decimal else decimal
