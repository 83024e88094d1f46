"""Text with computed numbers: `{N}`, `{term(a, b, N):4}`, `{N:count}`; `{{` is a literal brace."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tutor.parsing.expressions import Expression, Function
from scaling_tui.tutor.parsing.formulas import FUNCTIONS, formula
from scaling_tui.tutor.parsing.numbers import figures, plain

_SLOT = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMATS = ("count", "scientific", "percent", "python")


@dataclass(frozen=True)
class Slot:
    """A number to insert into a text. `form` is a count of digits, a name of `_FORMATS`, or empty for plain."""

    expression: Expression
    form: str

    def render(self, values: Mapping[str, float]) -> str:
        value = self.expression(values)
        # `plain` says of what has no value that it is undefined.
        match self.form if math.isfinite(value) else "":
            case "":
                return plain(value)
            case "count":
                return show.count(value)
            case "scientific":
                return show.scientific(value)
            case "percent":
                return f"{value * 100:.3g} %"
            case "python":
                return str(int(value)) if value == int(value) else repr(value)
            case digits:
                return figures(value, int(digits))


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
    if form and form not in _FORMATS and not (form.isdigit() and 1 <= int(form) <= 15):
        raise InputError(f"format {form!r}: want 1 to 15 digits or one of {', '.join(_FORMATS)}")
    if before.strip() == "answer" and not form and answer_digits:
        form = str(answer_digits)
    return Slot(formula(before, names, functions), form)
