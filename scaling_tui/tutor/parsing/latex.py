"""Formulas as LaTeX writes them, turned into plain signs: \\frac{A}{N^\\alpha}, \\cdot, \\left(, \\ln."""

import re

from scaling_tui import InputError

Character = tuple[int, str]  # where in the text as typed it stands, and the sign

_SIGNS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "left": "", "right": "", "big": "", "Big": "", "bigl": "",
    "bigr": "", "Bigl": "", "Bigr": "", "displaystyle": "", "quad": " ", "lbrace": "{", "rbrace": "}",
}  # fmt: skip
_NAMED = frozenset(("text", "mathrm", "mathit", "mathbf", "operatorname", "rm"))  # what follows is written as it is
_FRACTIONS = frozenset(("frac", "dfrac", "tfrac"))
_COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_DEEPEST = 40  # fractions within each other


def plain_latex(text: str, start: int = 0) -> list[Character]:
    """The characters of a formula without commands.

    Args:
        text: as typed.
        start: where in it the formula begins.

    Raises:
        InputError: a fraction without its two parts.
    """
    return _read(text, start, len(text), 0)


def _read(text: str, at: int, end: int, depth: int) -> list[Character]:
    if depth > _DEEPEST:
        raise InputError("formula: nested too deeply")
    out: list[Character] = []
    while at < end:
        command = _COMMAND.match(text, at, end)
        if not command:
            if text.startswith("_{", at) and (close := text.find("}", at)) > 0:  # N_{1}
                out += [(at, "_"), *((place, text[place]) for place in range(at + 2, min(close, end)))]
                at = close + 1
                continue
            out.append((at, text[at]))
            at += 1
            continue
        name, start, at = command[1], at, command.end()
        if name in _FRACTIONS:
            above, at = _argument(text, at, end)
            below, at = _argument(text, at, end)
            out += [(start, sign) for sign in "(("]
            out += _read(text, *above, depth + 1)
            out += [(start, sign) for sign in ")/("]
            out += _read(text, *below, depth + 1)
            out += [(start, sign) for sign in "))"]
        elif name in _NAMED:
            inside, at = _argument(text, at, end)
            out += [(start, " "), *((place, text[place]) for place in range(*inside))]
        elif not name.isalpha():  # \\, and \\; are spaces, \\{ is a bracket
            out.append((start, name if name in "{}_" else " "))
        elif name in _SIGNS:
            out += [(start, sign) for sign in _SIGNS[name]]
        else:  # \\alpha, \\ln
            after = text[at : at + 1]
            out += [(start, sign) for sign in f" {name}{' ' if after.isalnum() else ''}"]
    return out


def _argument(text: str, at: int, end: int) -> tuple[tuple[int, int], int]:
    """Where the argument of a command begins and ends, and where the text goes on: `{A}`, or a single sign."""
    while at < end and text[at].isspace():
        at += 1
    if at >= end:
        raise InputError(r"formula: \frac wants two parts in braces, such as \frac{A}{B}")
    if text[at] != "{":
        command = _COMMAND.match(text, at, end)
        last = command.end() if command else at + 1
        return (at, last), last
    depth = 0
    for place in range(at, end):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return (at + 1, place), place + 1
    raise InputError("formula: a brace is not closed")
