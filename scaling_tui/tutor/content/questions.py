"""Questions as a bank states them, before a seed chooses their numbers."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scaling_tui.text.numbers import EXACT
from scaling_tui.tutor.content.readings import Reading
from scaling_tui.tutor.content.template import Template
from scaling_tui.tutor.parsing.expressions import Expression

Kind = Literal["choice", "numeric", "expression", "fix", "code", "figure"]
Difficulty = Literal["easy", "medium", "hard"]
KINDS: dict[Kind, str] = {
    "choice": "one right option among wrong ones, which a seed shuffles",
    "numeric": "a number that the law code computes",
    "expression": "a formula to type",
    "fix": "code with a wrong line, to be typed right",
    "code": "a function to complete, which is run on hidden calls",
    "figure": "a number to read off a plot, whose cells set the tolerance",
}
PLANNED = ("flops", "loss", "params", "tokens")
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Draw:
    """How a question gets one of its numbers: chosen from a list, drawn from a range, or computed from earlier ones."""

    name: str
    choose: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    digits: int = 2
    whole: bool = False
    formula: Expression | None = None

    def draw(self, rng: random.Random, values: Mapping[str, float]) -> float:
        if self.formula is not None:
            return self.formula(values)
        if self.choose:
            return rng.choice(self.choose)
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        value = float(f"{value:.{self.digits - 1}e}")
        return float(round(value)) if self.whole else value

    @property
    def varies(self) -> bool:
        """Whether seeds give it different values, not counting what is computed from others."""
        return self.formula is None and len(self.choose) != 1


@dataclass(frozen=True)
class Wrong:
    """A wrong option of a choice question, with the misconception behind it."""

    text: Template
    diagnosis: Template


@dataclass(frozen=True)
class Choice:
    """One right option and the wrong ones; a seed shuffles them."""

    right: Template
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True)
class Mistake:
    """A common wrong formula: its name in `SLIPS`, the diagnosis, and one step that corrects it."""

    slip: str
    answer: Expression
    diagnosis: Template
    step: Template
    typed: str = ""


@dataclass(frozen=True)
class Numeric:
    """A number computed by the law code. `tolerance` is relative; 0 requires the exact whole number.

    Args:
        interval: where the number is known no better, its ends: any answer between them is right.
        reading: where the number is read off a plot, what is read; the plot's cells then set the tolerance.
    """

    answer: Expression
    digits: int
    tolerance: float
    unit: str
    mistakes: tuple[Mistake, ...]
    interval: tuple[Expression, Expression] | None = None
    reading: Reading | None = None

    @property
    def shown_digits(self) -> int:
        """Figures that the answer is shown with; for a whole number all of them."""
        return self.digits if self.tolerance else EXACT


@dataclass(frozen=True)
class Formula:
    """A function of the question's names; `typed` is one right way to write it. With `code`, what its `line` should
    compute."""

    answer: Expression
    typed: str
    names: frozenset[str]
    mistakes: tuple[Mistake, ...]
    code: str = ""
    line: int = 0


@dataclass(frozen=True)
class WrongProgram:
    """A common wrong program: its name in `SLIPS`, the diagnosis, and one step that corrects it."""

    slip: str
    program: Template
    diagnosis: Template
    step: Template


@dataclass(frozen=True)
class Code:
    """A function to complete, compared with the law code on cases that the learner does not see.

    Args:
        function, arguments: its name, and the question's names that it is called with, in order.
        answers: what it should return: one formula, or one for each item of a tuple.
        start: the text to begin with; it does not pass.
        typed: one right program.
        cases: how many calls are compared.
        tolerance: relative, of what it returns.
    """

    function: str
    arguments: tuple[str, ...]
    answers: tuple[Expression, ...]
    start: Template
    typed: Template
    mistakes: tuple[WrongProgram, ...]
    cases: int
    tolerance: float


Body = Choice | Numeric | Formula | Code


@dataclass(frozen=True)
class Question:
    """A question of a bank. `skill` is set if it exercises a procedure rather than a concept.

    `plan` holds the numbers to open in the planner, each under its name in `PLANNED`. `forms` are other ways to ask it,
    which take turns with it from seed to seed. `table` is what it was made of where no bank holds it.
    """

    id: str
    kind: Kind
    lesson: str
    difficulty: Difficulty
    skill: str
    text: Template
    values: tuple[Draw, ...]
    body: Body
    hint: Template
    steps: tuple[Template, ...]
    check: Template
    plan: tuple[tuple[str, Expression], ...]
    bank: Path = field(compare=False)
    forms: tuple["Question", ...] = ()
    table: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def varies(self) -> bool:
        """Whether another seed asks it with other numbers."""
        return any(draw.varies for draw in self.values)
