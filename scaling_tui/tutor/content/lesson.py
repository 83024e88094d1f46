"""Lessons: Markdown pages with a TOML header, computed numbers in the text, and plots between paragraphs."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text import resources
from scaling_tui.text.files import parse_toml, read_text
from scaling_tui.tutor.content.template import template
from scaling_tui.tutor.parsing.formulas import formula

POINTS = 80  # of a curve


@dataclass(frozen=True)
class LessonCurve:
    """Points (x, y) of one curve, or single points where `joined` is false."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    joined: bool


@dataclass(frozen=True)
class LessonPlot:
    """The curves, title and axes of a plot in a lesson."""

    title: str
    curves: tuple[LessonCurve, ...]
    log_x: bool
    log_y: bool


@dataclass(frozen=True)
class LessonTraining:
    """A recorded training to read beside one's own: its evaluations and its training loss.

    Args:
        title: what was trained, and with what.
        ladder: the ladder that it is a run of; the learner's own run of it is shown beside.
        uniform: the loss of a uniform guess, in nats per token.
        rows: for each evaluation epoch, step, training loss, held-out loss and accuracy; nan where not recorded.
        steps, losses: points of the training loss, (n,) each.
    """

    title: str
    ladder: str
    uniform: float
    rows: tuple[tuple[float, float, float, float, float], ...]
    steps: tuple[float, ...]
    losses: tuple[float, ...]


LessonPart = str | LessonPlot | LessonTraining


@dataclass(frozen=True)
class Lesson:
    """A lesson. `parts` are Markdown texts, plots and a training in reading order.

    Args:
        order: position among the lessons.
        minutes: reading time in minutes.
        ladder: the ladder whose sweep demonstrates the lesson; empty for none.
    """

    id: str
    title: str
    summary: str
    order: int
    minutes: int
    ladder: str
    parts: tuple[LessonPart, ...]


@dataclass(frozen=True)
class LessonFile:
    """A lesson file with its header parsed and its body not yet."""

    path: Path
    head: Mapping[str, Any]
    body: str

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        return str(self.head["title"])

    @property
    def order(self) -> int:
        return int(self.head["order"])


_HEAD: dict[str, type] = {"title": str, "summary": str, "order": int, "minutes": int, "ladder": str}
_BLOCK = re.compile(r"^```(plot|training)\n(.*?)^```\n?", re.DOTALL | re.MULTILINE)


def lesson_files() -> list[LessonFile]:
    """The packaged lessons and the user's, in order.

    Raises:
        InputError: a header that cannot be parsed; names file and field.
    """
    folders = [resources.user("quizzes") / "lessons", resources.packaged("quizzes") / "lessons"]
    paths: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.md")) if folder.is_dir() else []:
            paths.setdefault(path.stem, path)
    return sorted((_file(path) for path in paths.values()), key=lambda file: (file.order, file.id))


def load_lesson(name: str) -> Lesson:
    """The lesson of that name, with its numbers and plots computed.

    Raises:
        InputError: no such lesson, or something in it is wrong.
    """
    files = lesson_files()
    for file in files:
        if file.id == name:
            return read_lesson(file)
    raise InputError(f"lesson {name!r}: not known, want one of {', '.join(file.id for file in files)}")


def _file(path: Path) -> LessonFile:
    text = read_text(path, "a lesson (.md)")
    match = re.match(r"\+\+\+\n(.*?)\n\+\+\+\n(.*)", text, re.DOTALL)
    if not match:
        raise InputError(f"{path}: no header, want TOML between two lines '+++' at the top")
    head = parse_toml(match[1], f"{path}: header")
    for field, kind in _HEAD.items():
        if not isinstance(head.get(field), kind):
            raise InputError(f"{path}: field {field!r}: found {head.get(field)!r}, want {kind.__name__}")
    return LessonFile(path, head, match[2].strip() + "\n")


def read_lesson(file: LessonFile) -> Lesson:
    """Computes the numbers and the plots of a lesson.

    Raises:
        InputError: a formula or a plot that cannot be parsed; names the file.
    """
    parts: list[LessonPart] = []
    end = 0
    try:
        for match in _BLOCK.finditer(file.body):
            parts.append(file.body[end : match.start()].strip())
            parts.append(_plot(match[2]) if match[1] == "plot" else _training(match[2]))
            end = match.end()
        parts.append(file.body[end:].strip())
        rendered = tuple(template(part, set()).render({}) if isinstance(part, str) else part for part in parts if part)
    except InputError as error:
        raise InputError(f"{file.path}: {error}") from None
    head = file.head
    return Lesson(file.id, file.title, head["summary"], file.order, head["minutes"], head["ladder"], rendered)


def _plot(text: str) -> LessonPlot:
    """A plot in TOML: title, x = {name, low, high, log}, log_y, and curves with label and y, or points."""
    try:
        spec = parse_toml(text, "plot")
        axis = spec["x"]
        name, low, high, log = axis["name"], float(axis["low"]), float(axis["high"]), bool(axis.get("log", False))
        curves = []
        for curve in spec["curve"]:
            if "points" in curve:
                x, y = zip(*((float(a), float(b)) for a, b in curve["points"]), strict=True)
            else:
                wanted = formula(curve["y"], {name})
                x = tuple(between(low, high, log, number / (POINTS - 1)) for number in range(POINTS))
                y = tuple(wanted({name: value}) for value in x)
            curves.append(LessonCurve(str(curve.get("label", "")), x, y, "points" not in curve))
        return LessonPlot(str(spec["title"]), tuple(curves), log, bool(spec.get("log_y", False)))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"plot: {error!r} in {text.strip()[:60]!r}") from None


def _training(text: str) -> LessonTraining:
    """A training in TOML: title, ladder, vocabulary, rows of evaluations and [step, loss] points of its curve."""
    try:
        spec = parse_toml(text, "training")
        rows = []
        for row in spec["rows"]:
            epoch, step, loss, held_out, accuracy = map(float, row)
            rows.append((epoch, step, loss, held_out, accuracy))
        steps, losses = zip(*((float(step), float(loss)) for step, loss in spec["curve"]), strict=True)
        uniform = math.log(float(spec["vocabulary"]))
        return LessonTraining(str(spec["title"]), str(spec["ladder"]), uniform, tuple(rows), steps, losses)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"training: {error!r} in {text.strip()[:60]!r}") from None


def between(low: float, high: float, log: bool, share: float) -> float:
    """The value at a share of the way from `low` to `high`, on a logarithmic axis where `log` is set."""
    if log:
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)
