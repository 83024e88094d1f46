"""Numbers as learners answer with them: `L = 0.0585`, `0.0585 nats`, `3.1 hrs`, `2.5 times`, `6*1.3e9*2.6e10`."""

import math
import re

from scaling_tui import InputError
from scaling_tui.text.numbers import EXACT, MULTIPLES, Number, read_number, words_of
from scaling_tui.tutor.parsing.expressions import BASIC, parse

_NAMED = re.compile(r"^[\s$`]*[^\W\d]\w*(\s*/\s*[^\W\d]\w*)?\s*(\([^()]*\))?\s*[=≈:](?!=)\s*")  # the L(N, D) =
_RESULT = re.compile(r"(?<![<>!=])[=≈](?!=)")
_ABOUT = re.compile(r"^(?:about|approximately|approx\.?|roughly|around|circa|ca\.)\s+", re.IGNORECASE)
_FACTOR = re.compile(r"^(?:(?:by\s+)?(?:a\s+)?factor\s+(?:of\s+)?|[x×✕]\s?(?=[0-9.]))", re.IGNORECASE)
_TIMES = re.compile(
    r"(?<=[0-9)])\s*(x|×|✕|times(?: (?:more|as (?:much|many|large)|larger?))?|-?\s?fold)\s*$", re.IGNORECASE
)
_TO_ONE = re.compile(r"(?<=[0-9)])\s*(?:\s*:\s*|\s+to\s+)1\s*$")
_BY = re.compile(r"(?<=[0-9)])\s*[xX✕]\s*(?=[0-9(.])")
_PERCENT = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*%(\s*of\b)?")
_SPACED = re.compile(r"(?<=[0-9])[ _'\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
# A comma that may stand for a point or for nothing, where the answer is no whole number anyway or a multiple follows.
_COMMA = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}(?![0-9,.])\s*(.*)", re.DOTALL)
_MULTIPLE = re.compile(
    r"[eE][-+]?[0-9]|[kKmMbBtTG](?![A-Za-z])|(?:bn|thousand|[mbtq]\w*illion)\b|[*×xX·]\s*10\s*(?:\^|\*\*|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])"
)
_WHOLE = frozenset(("tokens", "tokens/s", "params", "flops", "steps", "bytes", "seconds"))
_SIZE = re.compile(r"(?<![A-Za-z0-9_.])([0-9]+\.?[0-9]*|\.[0-9]+)\s?(k|K|M|m|bn|B|b|G|t|T)(?![A-Za-z0-9_(])")
_SIGNS = re.compile(r"[-+*/^×·⋅∙÷−–√⁰¹²³⁴⁵⁶⁷⁸⁹⁻(]")
_CALLED = re.compile(r"log|ln|exp|sqrt|√|\\")
_WORD = re.compile(r"(?<![A-Za-z0-9.\\])[A-Za-z]{2,}")
_AROUND = "$`'\" \t\r\n\u00a0\u200b\ufeff"
_FUNCTIONS = BASIC | {
    "floor": (math.floor, 1, 1), "ceil": (math.ceil, 1, 1), "round": (round, 1, 1), "int": (math.trunc, 1, 1)
}  # fmt: skip


def unnamed(text: str) -> str:
    """An answer without the `L =` that may stand before it."""
    return _NAMED.sub("", text, count=1)


def read_answer(text: str, unit: str = "") -> Number:
    """Reads a number, or arithmetic that comes to one.

    Args:
        text: as typed; of `6*7e9 = 4.2e10` the result counts.
        unit: the unit asked for, one of `text.numbers.UNITS`; the answer may leave it out. Without one, the answer may
            end in `times` or `x`.

    Raises:
        InputError: neither a number nor arithmetic, or ambiguous.
    """
    plain = _RESULT.split(unnamed(text))[-1].strip(_AROUND).rstrip(".;")
    plain = _ABOUT.sub("", plain)
    if not unit:
        plain = _TIMES.sub("", _FACTOR.sub("", plain))
    if unit in ("", "tokens/param"):
        plain = _TO_ONE.sub("", plain)
    comma = _COMMA.fullmatch(plain)
    if comma and (_MULTIPLE.match(comma[1]) or (unit not in _WHOLE and not _SIGNS.match(comma[1]))):
        raise InputError(f"answer: {plain!r} could be two different numbers: write 0.5 with a point, 1,000 or 1 000")
    try:
        return read_number(plain, unit)
    except InputError as error:
        worked = _BY.sub("*", _without(plain.strip(), unit))
        if "%" in worked:
            worked = _PERCENT.sub(lambda match: f"({match[1]}*0.01){'*' if match[2] else ''}", worked)
        if not re.search(r"[0-9]", worked) or not (_SIGNS.search(worked[1:]) or _CALLED.search(worked)):
            raise
        return Number(_computed(worked, plain, unit, error), EXACT, EXACT)


def _computed(text: str, given: str, unit: str, unread: InputError) -> float:
    """What arithmetic comes to; `given` is `text` before anything in it was respelt."""
    plain = _SPACED.sub("", text)
    if not re.search(r"[A-Za-z]\s*\(", plain):
        plain = _THOUSANDS.sub("", plain)
    elif _THOUSANDS.search(plain):  # it may as well separate arguments
        raise InputError(f"answer: {text[:60]!r} has an unclear comma: leave it out, or put a space after it")
    if unit not in ("bits", "bytes"):
        plain = _SIZE.sub(lambda match: f"({match[1]}*1e{MULTIPLES[match[2]]})", plain)
    if any(word not in _FUNCTIONS and word not in ("math", "np", "numpy") for word in _WORD.findall(plain)):
        raise unread  # with a word that is neither a unit nor a function it is no arithmetic
    try:
        formula = parse(plain, frozenset(), _FUNCTIONS)
    except InputError as error:
        # The message would show the text as it was rewritten here.
        raise (unread if "is not a name" in str(error) or plain != given else error) from None
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
