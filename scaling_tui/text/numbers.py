"""Numbers as people of the field write them: 124M, 1.4T, 1,279,395,840, 6e20, 1_000_000. The one parser of them."""

import math
import re
from dataclasses import dataclass

from scaling_tui import InputError

LONGEST = 60  # characters

_FULL_WIDTH = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}
_TRANSLATE = str.maketrans(
    {
        **_FULL_WIDTH,
        **dict.fromkeys("\u200b\u200e\u200f\u2066\u2069\ufeff", ""),
        **dict.fromkeys("−–—‒﹣", "-"),
        **dict.fromkeys("×✕⋅·∙", "*"),
        **dict.fromkeys("\u00a0\u2009\u202f\u2007\t", " "),
        "’": "'",
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
MULTIPLES = {
    "": 0, "%": -2, "percent": -2, "per cent": -2, "k": 3, "K": 3, "thousand": 3, "m": 6, "M": 6, "million": 6,
    "b": 9, "B": 9, "bn": 9, "Bn": 9, "G": 9, "billion": 9, "t": 12, "T": 12, "trillion": 12,
    "quadrillion": 15, "quintillion": 18, "sextillion": 21, "septillion": 24,
}  # fmt: skip
_UNITS = {
    "nats": ("nats", "nat", "nats/token", "nat/token", "nats/tok", "nats per token", "nat per token"),
    "bits": (
        "bits", "bit", "bits/token", "bit/token", "bits/tok", "bits per token", "bit per token",
        "bits/byte", "bit/byte", "bits per byte", "bit per byte", "bpb",
    ),
    "tokens": ("tokens", "token", "toks", "tok"),
    "tokens/s": (
        "tokens/s", "token/s", "toks/s", "tok/s", "tokens/sec", "tok/sec", "tokens/second", "tok/second", "/s",
        "tokens per second", "token per second", "tok per second", "per second", "tokens a second",
    ),
    "tokens/param": (
        "tokens/param", "tokens/params", "tokens/parameter", "tokens per parameter", "tokens per param", "tok/param",
    ),
    "params": ("params", "param", "parameters", "parameter", "weights", "weight"),
    "flops": ("flops", "flop", "flops/token", "flop/token", "flops/tok", "flops per token", "flop per token"),
    "pf-days": (
        "pf-days", "pf-day", "pfdays", "pfday", "pf days", "pf day", "pf/s-days", "petaflop/s-days", "petaflop/s-day",
        "petaflop-days", "petaflop-day", "petaflop days", "pflop/s-days", "pflop/s-day", "pflop-days", "pfd",
    ),
    "steps": ("steps", "step", "updates", "iterations", "iters"),
    "days": ("days", "day", "d"),
    "hours": ("hours", "hour", "hrs", "hr", "h"),
    "minutes": ("minutes", "minute", "mins", "min"),
    "seconds": ("seconds", "second", "secs", "sec", "s"),
    "bytes": ("bytes", "byte"),
}  # fmt: skip
_WORD = {word: unit for unit, words in _UNITS.items() for word in words}
UNITS = frozenset(_UNITS)
# A suffix that is one unit's sign, where a number of that unit is asked for: 5.74 b are bits there, and no billions.
_SIGNS = {"bits": {"b": "bits"}, "bytes": {"B": "bytes"}}
# Suffixes that could as well be another unit's sign there, or make no sense: minutes or millions?
_UNCLEAR: dict[str, frozenset[str]] = {
    "nats": frozenset("kKmMbBGtT") | {"bn"},
    "bits": frozenset("kKmMBGtT") | {"bn"},
    "bytes": frozenset("b"),
    **dict.fromkeys(("days", "hours", "minutes", "seconds"), frozenset("mM")),
}
_PREFIXED_FLOPS = re.compile(r"([kKMGTPEZY]|kilo|mega|giga|tera|peta|exa|zetta|yotta)[- ]?(flops?)", re.IGNORECASE)
_PREFIXED = re.compile(r"([kMGT])[- ]?(tok\w*|param\w*|weights)(?=\W|$)")
_PREFIXES = {"k": 3, "m": 6, "g": 9, "t": 12, "p": 15, "e": 18, "z": 21, "y": 24}

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
EXACT = 15  # figures of what is no decimal


@dataclass(frozen=True)
class Number:
    """A parsed number. `figures` counts the significant figures without the trailing zeros of a whole number, `written`
    with them; a fraction has `EXACT`."""

    value: float
    figures: int
    written: int = EXACT


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
        return Number(above.value / below.value, EXACT, EXACT)
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
    return Number(value, _figures(digits), len(digits.replace(".", "").lstrip("0")) or 1)


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
    if rest in _SIGNS.get(unit, {}):
        return 0
    if rest in MULTIPLES:
        if rest in _UNCLEAR.get(unit, ()):
            raise InputError(f"{what}: it is not clear what {rest!r} means in {plain!r}, want a number in {unit}")
        return MULTIPLES[rest]
    prefixed = _PREFIXED_FLOPS.fullmatch(rest)
    if prefixed and unit == "flops":
        return _PREFIXES[prefixed[1][0].lower()]
    rest = _PREFIXED.sub(r"\1 \2", rest, count=1)
    multiple, _, word = rest.partition(" ")
    if multiple not in MULTIPLES:
        multiple, word = "", rest
    named = _WORD.get(" ".join(re.sub(r"\s*/\s*", "/", word.strip().rstrip(".").lower()).split()))
    if named is None:
        read = plain[: len(plain) - len(rest)].strip()
        raise InputError(
            f"{what}: cannot parse {rest!r} after {read!r} in {plain!r}, want a number such as 9.47e-2 or 1.4T"
        )
    if named != unit:
        wanted = f"a number in {unit}" if unit else "a number without a unit"
        raise InputError(f"{what}: found {word.strip()}, want {wanted}")
    return MULTIPLES[multiple]


def words_of(unit: str) -> tuple[str, ...]:
    """The words for a unit, in lower case; none for an unknown one."""
    return _UNITS.get(unit, ())


def _figures(digits: str) -> int:
    if "." in digits:
        return len(digits.replace(".", "").lstrip("0")) or 1
    return len(digits.strip("0")) or 1
