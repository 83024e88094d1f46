"""Text with computed numbers: `{N}`, `{term(a, b, N):4}`, `{N:count}`; `{{` is a literal brace."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tutor.parsing.expressions import Expression
from scaling_tui.tutor.parsing.formulas import FUNCTIONS, formula
from scaling_tui.tutor.parsing.numbers import figures, plain
from scaling_tui.tutor.parsing.spelling import Function

_SLOT = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SHOWN: dict[str, Callable[[float], str]] = {
    "": plain,
    "count": show.count,
    "scientific": show.scientific,
    "percent": lambda value: f"{value * 100:.3g} %",
    "python": lambda value: str(int(value)) if value == int(value) else repr(value),
}
_FORMATS = tuple(_SHOWN)[1:]
_DECIMALS = re.compile(r"\.[1-9]")


@dataclass(frozen=True)
class Slot:
    """A number to insert into a text. `form` is a count of digits, a point and a count of decimals (.4), a name of
    `_FORMATS`, or empty for plain."""

    expression: Expression
    form: str
    answer: bool = False

    def render(self, values: Mapping[str, float]) -> str:
        value = self.expression(values)
        form = self.form if math.isfinite(value) else ""  # `plain` says of what has no value that it is undefined
        if form in _SHOWN:
            return _SHOWN[form](value)
        if form.startswith("."):
            return repr(round(value, int(form[1:])))
        digits = int(form)
        return plain(value) if self.exact(value, digits) else figures(value, digits)

    def exact(self, value: float, digits: int) -> bool:
        """Whether a number shown, other than the answer, has so few figures that more would be padding: 0.9, 446."""
        short = f"{value:.12g}"
        return (
            not self.answer and abs(float(short) - value) <= 1e-12 * abs(value)
            and len(short.replace(".", "").strip("-0")) <= min(3, digits - 3)
        )  # fmt: skip


@dataclass(frozen=True)
class Template:
    """A text with slots; `parts` holds texts and slots in order."""

    parts: tuple[str | Slot, ...]

    def render(self, values: Mapping[str, float]) -> str:
        return "".join(part if isinstance(part, str) else part.render(values) for part in self.parts)


def template(
    text: str,
    names: frozenset[str] | set[str],
    answer_digits: int = 0,
    functions: Mapping[str, tuple[Function, int, int]] = FUNCTIONS,
) -> Template:
    """Parses a text whose slots use `names` and call `functions`; `{answer}` is shown with `answer_digits` digits.

    Raises:
        InputError: an unmatched brace, or a formula or format that cannot be parsed.
    """
    parts: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        whole = match.group()
        if whole in ("{{", "}}"):
            parts.append(whole[0])
        elif match[1] is None:
            raise InputError(
                f"an unmatched brace at character {match.start() + 1}; write {whole * 2} for a literal brace"
            )
        else:
            parts.append(_slot(match[1], names, answer_digits, functions))
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part))


def _slot(
    inside: str,
    names: frozenset[str] | set[str],
    answer_digits: int,
    functions: Mapping[str, tuple[Function, int, int]],
) -> Slot:
    # A law's name may contain a colon; a format contains no bracket or quote.
    before, colon, form = inside.rpartition(":")
    if not colon or set(form) & set("\"')"):
        before, form = inside, ""
    form = form.strip()
    digits = form.isascii() and form.isdigit() and 1 <= int(form) <= 15
    if form and form not in _FORMATS and not digits and not _DECIMALS.fullmatch(form):
        raise InputError(f"format {form!r}: want 1 to 15 digits, .1 to .9 decimals or one of {', '.join(_FORMATS)}")
    answer = before.strip() == "answer" and not form and bool(answer_digits)
    return Slot(formula(before, names, functions), str(answer_digits) if answer else form, answer)


def flowed(text: str) -> str:
    """Joins lines that break within a sentence; keeps code, and lines that follow a full stop."""
    lines: list[str] = []
    for line in text.splitlines():
        ends = not lines or not lines[-1].strip() or lines[-1].startswith("    ") or lines[-1].rstrip()[-1] in ".:?)"
        if ends or not line.strip() or line.startswith("    "):
            lines.append(line)
        else:
            lines[-1] += " " + line
    return "\n".join(lines)
