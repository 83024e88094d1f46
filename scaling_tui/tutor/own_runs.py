"""Questions about the learner's own runs, made from what a sweep's law says of them.

The sweep comes in as plain data. Each question is written as a bank would hold it, so it is drawn, shown, graded and
checked like any other; its numbers are those of the sweep, and what the fit knows only within an interval is marked
with that interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.question_tables import question_of
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.parsing.numbers import figures, plain

SKILL = "own-runs"
STANDS_OUT = 1.2  # times farther off its curve than any other run
_MOST_WRONG = 5  # options of a choice
_WIDEST = 20.0  # the ends of an interval that still marks something, upper by lower
_DIGITS = 4
_UNITS = {"params": "params", "tokens": "tokens"}
_SYMBOLS = {"params": "N", "tokens": "D"}
_NOUNS = {"params": "parameters", "tokens": "training tokens"}


@dataclass(frozen=True)
class Rung:
    """A point of the law: N under its convention, D, mean held-out loss in nats per token."""

    name: str
    params: int
    tokens: int
    loss: float

    def input(self, name: str) -> int:
        return self.params if name == "params" else self.tokens


@dataclass(frozen=True)
class OwnLaw:
    """A law through rungs of a sweep.

    Args:
        rungs: those it goes through, the smallest first.
        convention: which parameters N counts, in words.
        law, form: its name, and the formula as text.
        inputs: what the loss depends on, in the law's order: `params`, `tokens`.
        coefficients: in the law's order.
        exponents: those of the coefficients that are exponents.
        floor: the coefficient that is the irreducible loss; empty where the law has none.
        intervals: of the coefficients, at `level`; nan where there is none.
    """

    sweep: str
    path: Path
    rungs: tuple[Rung, ...]
    convention: str
    law: str
    form: str
    inputs: tuple[str, ...]
    coefficients: Mapping[str, float]
    exponents: tuple[str, ...]
    floor: str
    intervals: Mapping[str, tuple[float, float]]
    level: float

    @property
    def numbers(self) -> str:
        """The coefficients in words."""
        return ", ".join(f"{name} {plain(float(f'{value:.4g}'))}" for name, value in self.coefficients.items())

    @property
    def names(self) -> str:
        """The coefficients as arguments of a formula."""
        return ", ".join(self.coefficients)

    def table(self, more: Sequence[tuple[str, ...]] = ()) -> str:
        """The runs as an indented table, which no page wraps."""
        rows = [("run", "N", "D", "loss")]
        rows += [
            (_braced(rung.name), show.count(rung.params), show.count(rung.tokens), show.loss(rung.loss))
            for rung in self.rungs
        ]
        return "\n".join(f"    {line}" for line in columns([*rows, *more], numeric=range(1, 4)).splitlines())

    def points(self) -> dict[str, float]:
        """The coefficients as values of a question."""
        return dict(self.coefficients)


@dataclass(frozen=True)
class LayerSteps:
    """What a checkpoint predicts of one token after each layer.

    Args:
        run, prompt, token: which model was asked, what it read, and the token that is followed.
        rows: the name of each stage and the probability of the token there, in the order of the layers.
    """

    sweep: str
    path: Path
    run: str
    prompt: str
    token: str
    rows: tuple[tuple[str, float], ...]


def prediction_question(law: OwnLaw, target: Rung, low: float | None, high: float | None) -> Question:
    """What the law through the rungs says of the next one, whose `loss` here is the law's prediction.

    Raises:
        InputError: the interval is missing, or too wide to tell a prediction from the loss of the rung below.
    """
    below = law.rungs[-1]
    if low is None or high is None or not math.isfinite(high):
        raise InputError(f"{target.name}: the law has no interval to grade an answer by")
    if low <= below.loss <= high:
        raise InputError(
            f"{target.name}: the law's interval, {show.loss(low)} to {show.loss(high)}, "
            f"also contains the loss of {below.name}"
        )
    inputs = law.inputs
    arguments = ", ".join(_SYMBOLS[name] for name in inputs)
    straight = _straight(law, target, inputs[0])
    mistakes = [
        {
            "slip": "one-term",
            "answer": "below",
            "says": f"This is the loss of {_braced(below.name)}: {_braced(target.name)} is larger and falls further.",
            "step": "Continue the curve of the losses by one more step",
        }
    ]
    if straight is not None and not low <= straight <= high:
        mistakes.append({
            "slip": "linear",
            "answer": "straight",
            "says": "This extends the straight line through the last two runs; the curve flattens.",
            "step": "Each step by the same factor gains less than the last",
        })  # fmt: skip
    row = (_braced(target.name), show.count(target.params), show.count(target.tokens), "?")
    return _made(law.path, {
        "id": "own-prediction",
        "kind": "numeric",
        "difficulty": "hard",
        "text": f"Your sweep {_braced(law.sweep)}; N counts {law.convention}.\n\n{law.table([row])}\n\n"
        f"What loss does the law {_braced(law.form)} through the runs above give for {_braced(target.name)}?",
        "answer": f'loss("{law.law}", {arguments}, {law.names})',
        "digits": _DIGITS,
        "unit": "nats",
        "interval": ["low", "high"],
        "hint": f"The fit gives {_braced(law.numbers)}.",
        "steps": [
            f"The law through {len(law.rungs)} runs has {_braced(law.numbers)}",
            f"At N = {show.count(target.params)}, D = {show.count(target.tokens)} it gives {{answer}} nats",
        ],
        "check": f"The law's own interval there is {{low:4}} to {{high:4}} at {show.percent(law.level)}.",
        "values": {
            **law.points(), "N": float(target.params), "D": float(target.tokens), "low": low, "high": high,
            "below": below.loss, "straight": straight if straight is not None else below.loss,
        },
        "mistakes": mistakes,
    })  # fmt: skip


def _straight(law: OwnLaw, target: Rung, varied: str) -> float | None:
    """The loss on the straight line through the last two rungs on log axes; None where they do not differ."""
    if len(law.rungs) < 2:
        return None
    one, two = law.rungs[-2:]
    if one.input(varied) == two.input(varied):
        return None
    slope = math.log(two.loss / one.loss) / math.log(two.input(varied) / one.input(varied))
    return float(two.loss * math.exp(slope * math.log(target.input(varied) / two.input(varied))))


def exponent_question(law: OwnLaw) -> Question:
    """What the exponent of the learner's own law is.

    Raises:
        InputError: the interval is missing or too wide to mark an answer with.
    """
    if len(law.inputs) != 1:
        raise InputError(f"exponent: {law.law} has several; want a sweep that varies N or D alone")
    name, varied = law.exponents[0], law.inputs[0]
    low, high = law.intervals.get(name, (math.nan, math.nan))
    _narrow(name, low, high)
    first, last = law.rungs[0], law.rungs[-1]
    floor = law.coefficients[law.floor] if law.floor else 0.0
    if not floor < last.loss < first.loss:
        raise InputError(f"{name}: the losses do not fall from {first.name} to {last.name} above the floor")
    span = math.log(last.input(varied) / first.input(varied))
    by_hand = math.log((first.loss - floor) / (last.loss - floor)) / span
    raw = math.log(first.loss / last.loss) / span
    mistakes: list[dict[str, str]] = []
    if floor and not low <= raw <= high:
        mistakes.append({
            "slip": "floor-forgotten",
            "answer": "raw",
            "says": "This is the slope of the losses themselves. The floor bends the line: subtract it first.",
            "step": f"{law.floor} is {floor:.4g} nats here",
        })  # fmt: skip
    taken = f"Take {law.floor} = {floor:.4g} nats for the irreducible loss. " if law.floor else ""
    symbol = _SYMBOLS[varied]
    return _made(law.path, {
        "id": "own-exponent",
        "kind": "numeric",
        "difficulty": "medium",
        "text": f"Your sweep {_braced(law.sweep)}; N counts {law.convention}.\n\n{law.table()}\n\n"
        f"The law is {_braced(law.form)}. {taken}What is your {name}?",
        "answer": name,
        "digits": 3,
        "interval": ["low", "high"],
        "hint": f"Compare the reducible losses at the two ends: ln of their ratio over ln of the ratio of {symbol}.",
        "steps": [
            f"From {_braced(first.name)} to {_braced(last.name)} the reducible loss falls from "
            f"{first.loss - floor:.4g} to {last.loss - floor:.4g}, while {symbol} grows {math.exp(span):.4g}-fold",
            f"These two runs alone give {by_hand:.3g}; the fit through all {len(law.rungs)} runs gives {{answer}}",
        ],
        "check": f"The fit's interval is {{low:3}} to {{high:3}} at {show.percent(law.level)}.",
        "values": {**law.points(), "low": low, "high": high, "raw": raw},
        "mistakes": mistakes,
    })  # fmt: skip


def off_curve_question(law: OwnLaw) -> Question:
    """Which run lies farthest from the law.

    Raises:
        InputError: too few runs, or none stands out.
    """
    if len(law.rungs) < 3:
        raise InputError(f"off its curve: found {len(law.rungs)} runs, want 3 or more")
    off = {rung.name: rung.loss / fitted - 1 for rung, fitted in zip(law.rungs, _fitted(law), strict=True)}
    order = sorted(off, key=lambda name: -abs(off[name]))
    if abs(off[order[0]]) < STANDS_OUT * abs(off[order[1]]):
        raise InputError(f"off its curve: {order[0]} and {order[1]} are about equally far off, so none stands out")
    kept = {order[0], *order[-_MOST_WRONG:]} if len(order) > _MOST_WRONG + 1 else set(order)
    said = {name: f"{_braced(name)} lies {show.percent(abs(share), 2)} {'above' if share > 0 else 'below'} the law"
            for name, share in off.items()}  # fmt: skip
    return _made(law.path, {
        "id": "own-off-curve",
        "kind": "choice",
        "difficulty": "medium",
        "text": f"Your sweep {_braced(law.sweep)}; N counts {law.convention}.\n\n{law.table()}\n\n"
        f"The law through all of them is {_braced(law.form)} with {_braced(law.numbers)}. "
        "Which run lies farthest from it, in per cent of the loss?",
        "right": _braced(order[0]),
        "wrong": [
            {"text": _braced(rung.name), "says": f"{said[rung.name]}; another run lies farther from it."}
            for rung in law.rungs
            if rung.name != order[0] and rung.name in kept
        ],
        "hint": "Compute the law's loss for each run and compare it with the measured one.",
        "steps": [f"{said[name]}." for name in (rung.name for rung in law.rungs)],
        "check": "Look into such a run: the cause may be its learning rate, its seed, or the law.",
    })  # fmt: skip


def _fitted(law: OwnLaw) -> list[float]:
    from scaling_tui.laws import find_law

    form = find_law(law.law)
    return [float(form.loss(law.coefficients, **{name: rung.input(name) for name in law.inputs})) for rung in law.rungs]


def needed_question(law: OwnLaw, unknown: str, target: float, low: float, high: float) -> Question:
    """How many tokens, or parameters, a run would have needed for the loss `target`; at the largest rung otherwise.

    Raises:
        InputError: the interval is missing or too wide to mark an answer with.
    """
    _narrow(_NOUNS[unknown], low, high)
    largest, symbol = law.rungs[-1], _SYMBOLS[unknown]
    others = [name for name in law.inputs if name != unknown]
    held = "".join(f" at {_SYMBOLS[name]} = {show.count(largest.input(name))}" for name in others)
    arguments = ", ".join(["target", *(_SYMBOLS[name] for name in others), law.names])
    best = largest.input(unknown)
    mistakes: list[dict[str, str]] = []
    if not low <= best <= high:
        mistakes.append({
            "slip": "one-term",
            "answer": "best",
            "says": f"This is what {_braced(largest.name)} had; its loss was {show.loss(largest.loss)}.",
            "step": f"Solve the law for {symbol} at the lower loss",
        })  # fmt: skip
    return _made(law.path, {
        "id": f"own-{unknown}",
        "kind": "numeric",
        "difficulty": "hard",
        "text": f"Your sweep {_braced(law.sweep)}; N counts {law.convention}.\n\n{law.table()}\n\n"
        f"Their law is {_braced(law.form)} with {_braced(law.numbers)}. How many {_NOUNS[unknown]} would you "
        f"have needed{held} to reach a loss of {target:.4g}?",
        "answer": f'{unknown}_for("{law.law}", {arguments})',
        "digits": 3,
        "unit": _UNITS[unknown],
        "interval": ["low", "high"],
        "hint": f"Set the law equal to {target:.4g} and solve it for {symbol}.",
        "steps": [
            f"The other terms stay as they are; the term in {symbol} must make up the rest of {target:.4g}",
            f"Solved for {symbol}: {{answer}} {_NOUNS[unknown]}",
        ],
        "check": f"By the fit's interval it is between {{low:3}} and {{high:3}} at {show.percent(law.level)}.",
        "values": {
            **law.points(), "target": target, "low": low, "high": high, "best": float(best),
            **{_SYMBOLS[name]: float(largest.input(name)) for name in others},
        },
        "mistakes": mistakes,
    })  # fmt: skip


def layer_question(steps: LayerSteps, number: int) -> Question:
    """What layer `number`, from 1, adds to the log-probability of the token.

    Raises:
        InputError: no such layer, or it adds next to nothing.
    """
    if not 1 <= number < len(steps.rows):
        raise InputError(f"layer {number}: found {len(steps.rows) - 1} layers")
    before, after = (float(f"{steps.rows[place][1]:.4g}") for place in (number - 1, number))
    if min(before, after) <= 0 or abs(math.log(after / before)) < 0.05:
        raise InputError(f"layer {number}: changes the probability of its token too little to ask about")
    name = steps.rows[number][0]
    rows = [("after", "p"), *((_braced(row), figures(p, 4)) for row, p in steps.rows)]
    table = "\n".join(f"    {line}" for line in columns(rows, numeric=(1,)).splitlines())
    return _made(steps.path, {
        "id": "own-layer",
        "kind": "numeric",
        "difficulty": "medium",
        "lesson": "layer-trace",
        "text": f"Your run {_braced(steps.run)} reads {_braced(steps.prompt)!s}. The next token is "
        f"{_braced(steps.token)}. After each layer the read-out gives it this probability:\n\n{table}\n\n"
        f"How many nats does {_braced(name)} add to the log-probability of this token?",
        "answer": "log(after/before)",
        "digits": 3,
        "tolerance": 0.01,
        "unit": "nats",
        "hint": "A log-probability grows by the logarithm of the ratio of the probabilities.",
        "steps": ["The ratio is {after}/{before} = {after/before:5}", "ln of it: {answer} nats"],
        "check": "It is positive where the probability grew.",
        "values": {"before": before, "after": after},
        "mistakes": [
            {"slip": "difference", "answer": "after - before", "says": "This is the difference of the probabilities.",
             "step": "ln(after) - ln(before) = ln(after/before)"},
            {"slip": "ratio-upside-down", "answer": "log(before/after)", "says": "The ratio is upside down.",
             "step": "{after}/{before}"},
            {"slip": "logarithm", "answer": "after/before", "says": "This is the ratio itself; take its logarithm.",
             "step": "ln({after/before:5})"},
        ],
    })  # fmt: skip


def _narrow(what: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)) or low <= 0:
        raise InputError(f"{what}: the fit's interval is unbounded, so no answer can be graded")
    if high > _WIDEST * low:
        raise InputError(f"{what}: the fit's interval, {low:.3g} to {high:.3g}, is too wide to grade an answer by")


def _braced(text: str) -> str:
    """Other people's text as a template shows it."""
    return visible(text).replace("{", "{{").replace("}", "}}")


def _made(path: Path, table: dict[str, Any]) -> Question:
    whole = {"lesson": "planning", **({} if table["kind"] == "choice" else {"skill": SKILL}), **table}
    return replace(question_of(whole, path), table=whole)
