"""Numbers as learners answer with them: `L = 0.0585`, `0.0585 nats`, `3.1 hrs`, `2.5 times`, `6*1.3e9*2.6e10`."""

import math
import re

from scaling_tui import InputError
from scaling_tui.text.numbers import EXACT, MULTIPLES, Number, read_number, words_of
from scaling_tui.tutor.parsing.expressions import parse

_NAMED = re.compile(r"^\s*[A-Za-z]\w*\s*(\([^()]*\))?\s*[=≈](?!=)\s*")  # the L(N, D) = before an answer
_TIMES = re.compile(r"(?<=[0-9)])\s*(x|×|✕|times|-?\s?fold)\s*$", re.IGNORECASE)
_BY = re.compile(r"(?<=[0-9)])\s*[xX✕]\s*(?=[0-9(.])")
_THOUSANDS = re.compile(r"(?<=[0-9])[ ,_'\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SIZE = re.compile(r"(?<![A-Za-z0-9_.])([0-9]+\.?[0-9]*|\.[0-9]+)\s?(k|K|M|m|bn|B|b|G|t|T)(?![A-Za-z0-9_(])")
_WORKED = re.compile(r"[-+*/^×·⋅∙÷−–√⁰¹²³⁴⁵⁶⁷⁸⁹⁻(]|log|ln|exp|sqrt")


def unnamed(text: str) -> str:
    """An answer without the `L =` that may stand before it."""
    return _NAMED.sub("", text, count=1)


def read_answer(text: str, unit: str = "") -> Number:
    """Reads a number, or arithmetic that comes to one.

    Args:
        text: as typed.
        unit: the unit asked for, one of `text.numbers.UNITS`; the answer may leave it out. Without one, the answer may
            end in `times` or `x`.

    Raises:
        InputError: neither a number nor arithmetic, or ambiguous.
    """
    plain = unnamed(text)
    if not unit:
        plain = _TIMES.sub("", plain)
    try:
        return read_number(plain, unit)
    except InputError as error:
        worked = _BY.sub("*", _without(plain.strip(), unit))
        if not re.search(r"[0-9]", worked) or not _WORKED.search(worked[1:] or ""):
            raise
        return Number(_computed(worked, unit, error), EXACT, EXACT)


def _computed(text: str, unit: str, unread: InputError) -> float:
    """What arithmetic comes to."""
    plain = text
    if not re.search(r"[A-Za-z]\s*\(", plain):  # else a comma separates arguments
        plain = _THOUSANDS.sub("", plain)
    if unit not in ("bits", "bytes"):
        plain = _SIZE.sub(lambda match: f"({match[1]}*1e{MULTIPLES[match[2]]})", plain)
    try:
        formula = parse(plain, frozenset())
    except InputError as error:
        # With a word that is neither a unit nor a function it is no arithmetic, and the first error fits better.
        raise (unread if "is not a name" in str(error) else error) from None
    value = formula({})
    if not math.isfinite(value):
        raise InputError(f"answer: {text[:60]!r} has no value")
    return value


def _without(text: str, unit: str) -> str:
    """`text` without the unit at its end."""
    for word in sorted(words_of(unit), key=len, reverse=True):
        if text.lower().endswith(word) and re.search(r"[0-9)\s]$", text[: -len(word)]):
            return text[: -len(word)].rstrip()
    return text
