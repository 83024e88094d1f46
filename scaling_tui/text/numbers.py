"""Numbers as people of the field write them: 124M, 1.4T, 1,279,395,840, 6e20, 1_000_000. The one parser of them."""

import math
import re
from dataclasses import dataclass

from scaling_tui import InputError

LONGEST = 60  # characters

_TRANSLATE = str.maketrans(
    {
        **dict.fromkeys("−–‒﹣－", "-"),
        **dict.fromkeys("×✕⋅·∙", "*"),
        **dict.fromkeys("\u00a0\u2009\u202f\u2007\t", " "),
        "＋": "+",
        "’": "'",
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_MULTIPLES = {
    "": 0, "%": -2, "percent": -2, "k": 3, "K": 3, "thousand": 3, "m": 6, "M": 6, "million": 6,
    "b": 9, "B": 9, "bn": 9, "G": 9, "billion": 9, "t": 12, "T": 12, "trillion": 12,
}  # fmt: skip
_UNITS = {
    "nats": ("nats", "nat", "nats/token", "nats per token"),
    "bits": ("bits", "bit", "bits/token", "bits per token", "bits/byte", "bits per byte", "bpb"),
    "tokens": ("tokens", "token"),
    "params": ("params", "param", "parameters", "parameter", "weights"),
    "flops": ("flops", "flop"),
    "pf-days": ("pf-days", "pf-day", "pfdays", "petaflop/s-days"),
    "steps": ("steps", "step"),
    "days": ("days", "day"),
    "hours": ("hours", "hour", "h"),
    "seconds": ("seconds", "second", "s"),
    "bytes": ("bytes", "byte"),
}
_WORD = {word: unit for unit, words in _UNITS.items() for word in words}
UNITS = frozenset(_UNITS)

_MANTISSA = (
    r"(?P<sign>[+-]?)\s*"
    r"(?P<whole>[0-9]{1,3}(?:(?P<mark>[ ,_'])[0-9]{3})(?:(?P=mark)[0-9]{3})*|[0-9]*)"
    r"(?P<part>\.[0-9]*)?"
)
_EXPONENT = (
    r"(?:[eE](?P<e>[+-]?[0-9]{1,4})|\s*(?:\*|[xX])\s*10\s*(?:\^|\*\*)\s*\(?\s*(?P<power>[+-]?[0-9]{1,4})\s*\)?)?"
)
_NUMBER = re.compile(_MANTISSA + _EXPONENT + r"\s*(?P<rest>.*)", re.DOTALL)
_POWER = re.compile(
    r"(?P<sign>[+-]?)\s*10\s*(?:\^|\*\*)\s*\(?\s*(?P<power>[+-]?[0-9]{1,4})\s*\)?\s*(?P<rest>.*)", re.DOTALL
)


_FRACTION = re.compile(r"[-+0-9.eE, ]*[0-9][-+0-9.eE, ]*/[-+0-9.eE, ]*[0-9][-+0-9.eE, ]*")
EXACT = 15


@dataclass(frozen=True)
class Number:
    """A parsed number. `figures` counts the significant figures written (without trailing zeros of a whole number; a
    fraction has `EXACT`)."""

    value: float
    figures: int


def read_number(text: str, unit: str = "", what: str = "answer") -> Number:
    """Parses `0.0947`, `9.47e-2`, `1.2×10^3`, `1,000`, `40 000`, `5%`, `1.4T`, with the unit asked for or without.

    Args:
        text: as typed.
        unit: one of `UNITS`; a number with another unit is rejected.
        what: what the number is of, such as an option; it begins the error.

    Raises:
        InputError: it is not a number, or is ambiguous.
    """
    shown = text.strip()
    if not shown:
        raise InputError(f"{what}: nothing given, want a number")
    if len(shown) > LONGEST:
        raise InputError(f"{what}: {len(shown)} characters, want a number of at most {LONGEST}")
    plain = re.sub(r"([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+)", lambda match: "^" + match[1].translate(_SUPERSCRIPTS), shown)
    plain = plain.translate(_TRANSLATE).lstrip("=≈~ ")
    if _FRACTION.fullmatch(plain):
        above, below = (read_number(part, what=what) for part in plain.split("/"))
        if not below.value:
            raise InputError(f"{what}: {shown!r} divides by zero")
        return Number(above.value / below.value, EXACT)
    match = _POWER.fullmatch(plain)
    if match:
        digits, exponent = "1", int(match["power"])
    else:
        match = _NUMBER.fullmatch(plain)
        assert match is not None  # every part of the pattern may be empty
        digits = re.sub(r"[ ,_']", "", match["whole"]) + (match["part"] or "")
        if not any(character.isdigit() for character in digits):
            raise InputError(f"{what}: cannot read {shown!r} as a number, want one such as 0.0947, 9.47e-2 or 1.4T")
        exponent = int(match["e"] or match["power"] or 0)
    rest = match["rest"].strip()
    comma = match.groupdict().get("mark") == ","
    if re.match(r"[,.][0-9]", rest) or (comma and (digits.startswith("0") or rest[:1].isdigit())):
        raise InputError(f"{what}: {shown!r} could be two different numbers: write 0.5 with a point, 1,000 or 1 000")
    exponent += _multiple(rest, unit, plain, what)
    value = float(f"{match['sign']}{digits}e{exponent}")
    if not math.isfinite(value):
        raise InputError(f"{what}: {shown!r} is too large")
    return Number(value, _figures(digits))


def read_quantity(text: str, unit: str = "", what: str = "answer") -> float:
    """A size, a count or a budget: as `read_number`, but never per cent.

    Raises:
        InputError: as `read_number`, or it is in per cent.
    """
    if "%" in text or "percent" in text.lower():
        raise InputError(f"{what}: found {text.strip()[:LONGEST]!r}, want a number and not per cent")
    return read_number(text, unit, what).value


def _multiple(rest: str, unit: str, plain: str, what: str) -> int:
    """The power of ten that the text after the digits stands for, ignoring its unit."""
    if rest in _MULTIPLES:
        return _MULTIPLES[rest]
    multiple, _, word = rest.partition(" ")
    if multiple not in _MULTIPLES:
        multiple, word = "", rest
    named = _WORD.get(word.strip().lower())
    if named is None:
        read = plain[: len(plain) - len(rest)].strip()
        raise InputError(
            f"{what}: cannot parse {rest!r} after {read!r} in {plain!r}, want a number such as 9.47e-2 or 1.4T"
        )
    if named != unit:
        wanted = f"a number in {unit}" if unit else "a number without a unit"
        raise InputError(f"{what}: found {word.strip()}, want {wanted}")
    return _MULTIPLES[multiple]


def _figures(digits: str) -> int:
    if "." in digits:
        return len(digits.replace(".", "").lstrip("0")) or 1
    return len(digits.strip("0")) or 1
