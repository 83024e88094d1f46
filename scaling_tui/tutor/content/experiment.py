"""Guided experiments: TOML files that lead through a ladder. What they say of results is computed from the results.

A text may call the law code, as a lesson does, and the facts of the learner's sweep (`FACTS`). Facts come in as plain
numbers, so that nothing here knows runs or corpora.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.text import resources, show
from scaling_tui.text.files import read_toml
from scaling_tui.text.numbers import read_number
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.template import Template, flowed, template
from scaling_tui.tutor.parsing.expressions import Expression
from scaling_tui.tutor.parsing.formulas import FUNCTIONS, formula
from scaling_tui.tutor.parsing.numbers import figures
from scaling_tui.tutor.parsing.spelling import Function

Unit = Literal["share", "nats", "count", "number"]
Facts = Mapping[tuple[str, ...], float]

UNITS: tuple[Unit, ...] = ("share", "nats", "count", "number")
HINTS = 3
# What a text may ask of a ladder and of the sweep trained from it, each with the number of names that it takes. A case
# is a rung, or a rung under one of the settings that the ladder varies.
FACTS: Mapping[str, int] = {
    "measured": 2,  # case, metric: the mean over the finished seeds
    "sd": 2,  # case, metric: the standard deviation over them
    "seeds": 1,  # case: how many have finished
    "claimed": 2,  # case, metric: what the ladder's source reports
    "params": 1,  # case
    "body": 1,  # case: parameters without embeddings and head
    "tokens": 1,  # case
    "steps": 1,  # case
    "fitted": 1,  # a coefficient of the ladder's law, through all its runs
    "low": 1,  # the lower end of the 90 % interval of a coefficient
    "high": 1,
    "valley": 1,  # "1", "2" …: N of least loss at the first, second … budget
    "growth": 1,  # "exponent", "low" or "high": of N of least loss as a power of C
    "source": 1,  # "entropy" or "ceiling": what the corpus allows at best
}
KNOWN_BEFORE = frozenset(("claimed", "params", "body", "tokens", "steps", "source"))


@dataclass(frozen=True)
class Text:
    """A text with numbers of the law code and of facts."""

    template: str

    def render(self, facts: Facts) -> str:
        """The text; a number that is not known yet is `undefined`."""
        return _template(self.template, facts).render({})


@dataclass(frozen=True)
class Value:
    """A number computed from facts."""

    formula: str

    def of(self, facts: Facts) -> float:
        """Its value; nan as long as a fact is missing."""
        return formula(self.formula, set(), functions(facts))({})


@dataclass(frozen=True)
class Prediction:
    """A number to predict before the run.

    Args:
        asks: the question.
        value: what the run says of it.
        unit: share (shown in per cent), nats, count (such as N) or a plain number.
        low, high: answers outside these are no answers.
    """

    id: str
    asks: Text
    value: Value
    unit: Unit
    low: float
    high: float

    def read(self, text: str) -> float:
        """A number as typed. Of a share, `79`, `79 %` and `0.79` are the same.

        Raises:
            InputError: not a number, or out of range.
        """
        per_cent = self.unit == "share" and ("%" in text or "percent" in text.lower())
        value = read_number(text, "nats" if self.unit == "nats" else "", "prediction").value
        if self.unit == "share" and not per_cent and value > 1:
            value /= 100
        if not self.low <= value <= self.high:
            wanted = f"{self.shown(self.low)} to {self.shown(self.high)}"
            raise InputError(f"prediction: found {self.shown(value)}, want {wanted}")
        return value

    def shown(self, value: float) -> str:
        """A value in this unit."""
        if not math.isfinite(value):
            return "not measured"
        match self.unit:
            case "share":
                return show.percent(value, 1)
            case "nats":
                return f"{show.loss(value)} nats"
            case "count":
                return show.count(value)
            case _:
                return figures(value, 3)

    def missed(self, predicted: float, measured: float) -> str:
        """How far off a prediction was, in words."""
        off = measured - predicted
        if not math.isfinite(off):
            return "not measured"
        if self.unit == "share":
            return f"{abs(off) * 100:.1f} points {'above' if off > 0 else 'below'} your prediction"
        return f"{show.percent(abs(measured / predicted - 1), 1)} {'above' if off > 0 else 'below'} your prediction"


@dataclass(frozen=True)
class Claim:
    """A sentence on the results, and the one that takes its place where the results contradict it."""

    value: Value
    at_least: Value | None
    at_most: Value | None
    says: Text
    otherwise: Text

    def holds(self, facts: Facts) -> bool | None:
        """Whether the results bear the sentence out; None as long as they say nothing of it."""
        value = self.value.of(facts)
        least = self.at_least.of(facts) if self.at_least else -math.inf
        most = self.at_most.of(facts) if self.at_most else math.inf
        if math.isnan(value) or math.isnan(least) or math.isnan(most):
            return None
        return least <= value <= most


@dataclass(frozen=True)
class Part:
    """One ladder to launch and understand: the experiment itself, or its bonus.

    Args:
        settings: `KEY=VALUE` changes to the ladder, so that it takes minutes.
        known: the figures that are known before the run.
        hints: three, shown one at a time.
        solution: hidden until it is asked for.
        table: metrics of each case to show as results.
        curve: the metric to watch.
        results: sentences on the results.
    """

    title: str
    ladder: str
    settings: tuple[str, ...]
    problem: Text
    known: Text
    task: Text
    predictions: tuple[Prediction, ...]
    hints: tuple[Text, ...]
    solution: Text
    table: tuple[str, ...]
    curve: str
    results: tuple[Text, ...]
    claims: tuple[Claim, ...]

    @property
    def before(self) -> dict[str, Text]:
        """The texts that are shown before the run, by field."""
        texts = {"problem": self.problem, "known": self.known, "task": self.task, "solution": self.solution}
        texts |= {f"hints {number}": hint for number, hint in enumerate(self.hints, 1)}
        return texts | {f"predictions {number}: asks": one.asks for number, one in enumerate(self.predictions, 1)}

    @property
    def after(self) -> dict[str, Text]:
        """The texts that need results, by field."""
        texts = {f"results {number}": text for number, text in enumerate(self.results, 1)}
        for number, claim in enumerate(self.claims, 1):
            texts |= {f"claims {number}: says": claim.says, f"claims {number}: otherwise": claim.otherwise}
        return texts

    def facts_used(self, known_before: bool) -> set[tuple[str, ...]]:
        """The facts that its texts and formulas ask for, either before the run or after it."""
        asked = _Asked()
        for text in (self.before if known_before else self.after).values():
            text.render(asked)
        if not known_before:
            values = [one.value for one in self.predictions]
            for claim in self.claims:
                values += [value for value in (claim.value, claim.at_least, claim.at_most) if value]
            for value in values:
                value.of(asked)
        return asked.names


@dataclass(frozen=True)
class Experiment:
    """A guided experiment; its second part, if any, is the bonus. `lesson` explains what it is about."""

    path: Path
    title: str
    summary: str
    order: int
    minutes: int
    lesson: str
    parts: tuple[Part, ...]

    @property
    def id(self) -> str:
        return self.path.stem


class _Asked(dict[tuple[str, ...], float]):
    """Facts that are all 1, and remember which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[tuple[str, ...]] = set()

    def get(self, key: tuple[str, ...], default: object = None) -> float:
        self.names.add(key)
        return 1.0


def functions(facts: Facts) -> dict[str, tuple[Function, int, int]]:
    """The law code, and the facts as functions of names."""

    def fact(name: str) -> Function:
        def look_up(*names: float | str) -> float:
            return facts.get((name, *map(str, names)), math.nan)

        return look_up

    return {**FUNCTIONS, **{name: (fact(name), takes, takes) for name, takes in FACTS.items()}}


def _template(text: str, facts: Facts) -> Template:
    return template(text, set(), functions=functions(facts))


def experiment_files() -> list[Path]:
    """The packaged experiments and the user's; a user's file hides a packaged one of the same name."""
    found: dict[str, Path] = {}
    for folder in (resources.user("quizzes") / "experiments", resources.packaged("quizzes") / "experiments"):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
            found.setdefault(path.stem, path)
    return list(found.values())


def load_experiments() -> list[Experiment]:
    """All experiments, in their order.

    Raises:
        InputError: as `load_experiment`.
    """
    return sorted(map(read_experiment, experiment_files()), key=lambda each: (each.order, each.id))


def load_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        InputError: no such experiment, or a field that does not fit; names file and field.
    """
    paths = {path.stem: path for path in experiment_files()}
    if name not in paths:
        known = f"want one of {', '.join(paths)}"
        raise InputError(f"experiment {name!r}: not known; {did_you_mean(name, list(paths), known)}")
    return read_experiment(paths[name])


def read_experiment(path: Path) -> Experiment:
    """Reads an experiment from its file.

    Raises:
        InputError: as `load_experiment`.
    """
    top = Table(str(path), read_toml(path, "an experiment (.toml)"), "part")
    top.only({"title", "summary", "order", "minutes", "lesson", "part"})
    parts = [_part(Table(f"{path}: part {number}", each.table, "part"))
             for number, each in enumerate(top.tables("part", 1), 1)]  # fmt: skip
    return Experiment(
        path,
        top.get("title", str),
        top.get("summary", str),
        top.get("order", int),
        top.get("minutes", int),
        top.get("lesson", str),
        tuple(parts),
    )


def _part(table: Table) -> Part:
    table.only(Part.__dataclass_fields__)
    predictions = tuple(_prediction(each) for each in table.tables("predictions", 1))
    if len({each.id for each in predictions}) < len(predictions):
        raise table.wrong("predictions", "an id is used twice")
    hints = _strings(table, "hints")
    if len(hints) != HINTS:
        raise table.wrong("hints", f"found {len(hints)}, want {HINTS}, shown one at a time")
    return Part(
        title=table.get("title", str),
        ladder=table.get("ladder", str),
        settings=tuple(_strings(table, "settings")),
        problem=table.read("problem", _text),
        known=table.read("known", _text),
        task=table.read("task", _text),
        predictions=predictions,
        hints=tuple(Table(table.where, {"hints": hint}).read("hints", _text) for hint in hints),
        solution=table.read("solution", _text),
        table=tuple(_strings(table, "table")),
        curve=table.get("curve", str, "loss"),
        results=tuple(Table(table.where, {"results": each}).read("results", _text)
                      for each in _strings(table, "results")),
        claims=tuple(_claim(each) for each in table.tables("claims", 1)),
    )  # fmt: skip


def _prediction(table: Table) -> Prediction:
    table.only(Prediction.__dataclass_fields__)
    identity = table.get("id", str)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", identity):
        raise table.wrong("id", f"found {identity!r}, want lower-case words joined by '-'")
    unit: Unit = table.one_of("unit", UNITS)
    low, high = table.get("low", float), table.get("high", float)
    if not low < high:
        raise table.wrong("low", f"found {low:g} with high {high:g}, want low below high")
    return Prediction(identity, table.read("asks", _text), table.read("value", _value), unit, low, high)


def _claim(table: Table) -> Claim:
    table.only(Claim.__dataclass_fields__)
    bounds = {name: table.read(name, _value) for name in ("at_least", "at_most") if name in table.table}
    if not bounds:
        raise table.wrong("at_least", "missing, want at_least or at_most: what would contradict the sentence")
    return Claim(
        table.read("value", _value),
        bounds.get("at_least"),
        bounds.get("at_most"),
        table.read("says", _text),
        table.read("otherwise", _text),
    )


def _strings(table: Table, field: str) -> list[str]:
    found = table.get(field, list, [])
    if not all(isinstance(each, str) and each.strip() for each in found):
        raise table.wrong(field, "want a list of strings")
    return found


def _text(text: str) -> Text:
    """A text whose formulas can be parsed."""
    flowing = flowed(text.strip("\n"))
    _template(flowing, {})
    return Text(flowing)


def _value(text: str) -> Value:
    _expression(text)
    return Value(text)


def _expression(text: str) -> Expression:
    return formula(text, set(), functions({}))


def undefined(texts: Iterable[tuple[str, str]]) -> list[str]:
    """The fields among (field, rendered text) in which a number has no value."""
    return [field for field, text in texts if "undefined" in text]
