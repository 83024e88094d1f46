"""Logs made of lines: a dialect reads one line at a time, and the source follows the file."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_tui.imports.source import PIECE, Ended, News, Record
from scaling_tui.imports.tail import LogTail

# Colours and cursor movements that a program sends to a terminal, and a log then holds.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
REAL = r"[-+]?(?:\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+|nan|inf)"
ERROR = re.compile(r"^(?:\[\w+\]:)?([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)")


@dataclass
class Told:
    """What one line says: at most one record, and facts, settings or an end.

    `steps_done` is how many steps were trained when it was printed, where that is not the step of the record.
    """

    record: Record | None = None
    steps_done: float | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    derived: str = ""
    ended: Ended = ""


@dataclass(frozen=True)
class Rule:
    """A kind of line. `tell` gets the match, and the steps done so far for lines that name none."""

    pattern: re.Pattern[str]
    tell: Callable[[re.Match[str], float], Told]
    is_sign: bool = False  # whether such a line tells the dialect from others


@dataclass(frozen=True)
class Dialect:
    """The lines of one program.

    Args:
        name: as `--format` takes it.
        program: as people write it.
        rules: the kinds of lines; of a line, the first that matches counts.
    """

    name: str
    program: str
    rules: tuple[Rule, ...]

    def signs(self, text: str) -> int:
        """How many lines of `text` only this program prints."""
        patterns = [rule.pattern for rule in self.rules if rule.is_sign]
        return sum(any(pattern.search(line) for pattern in patterns) for line in plain_lines(text))


def real(text: str) -> float:
    return float(text.replace(",", ""))


def plain_lines(text: str) -> list[str]:
    """The lines without colours; a progress bar writes several that begin with a carriage return."""
    return ESCAPES.sub("", text).replace("\r", "\n").split("\n")


class LineLog:
    """A run in a log of lines."""

    def __init__(self, path: Path, dialect: Dialect, run: str) -> None:
        self.path, self._dialect, self._run = path, dialect, run
        self._tail = LogTail(path)
        self._step = -math.inf
        self._steps_done = 0.0
        self._traceback = False

    def poll(self, last: bool) -> Iterator[News]:
        for piece in self._tail.pieces(last):
            news = self._news()
            for text in piece.lines:
                for line in plain_lines(text) if "\r" in text or "\x1b" in text else (text,):
                    told = self._told(line)
                    if told is None:
                        continue
                    if told.record is not None:
                        if told.record["step"] < self._step:
                            yield news
                            news = self._news()
                            news.restarted = True
                        self._step = told.record["step"]
                        self._steps_done = self._step if told.steps_done is None else told.steps_done
                    _add(news, told)
                    if len(news.records) == PIECE:
                        yield news
                        news = self._news()
            yield news

    def left_out(self) -> tuple[str, ...]:
        count = self._tail.too_long
        return (f"{self.path}: {count:,} lines of more than a megabyte",) if count else ()

    def _news(self) -> News:
        return News(self._run, path=self.path)

    def _told(self, line: str) -> Told | None:
        for rule in self._dialect.rules:
            match = rule.pattern.search(line)
            if match:
                self._traceback = False
                return rule.tell(match, self._steps_done)
        if line.startswith("Traceback (most recent call last)"):
            self._traceback = True
        elif self._traceback and (error := ERROR.match(line)):
            return Told(settings={"error": error[1][:300]}, ended="failed")
        return None


def _add(news: News, told: Told) -> None:
    if told.record is not None:
        news.records.append(told.record)
        news.ended, news.reason = "", ""
    if told.facts:
        news.facts = {**news.facts, **told.facts}
    if told.settings:
        news.settings = {**news.settings, **told.settings}
    if told.derived and told.derived not in news.derived:
        news.derived = (*news.derived, told.derived)
    if told.ended:
        news.ended, news.reason = told.ended, str(told.settings.get("error", ""))


def record(**metrics: float) -> Told:
    return Told(record=metrics)


def fact(name: str, pattern: str, is_sign: bool = False) -> Rule:
    """A line that holds one number, a fact."""
    return Rule(re.compile(pattern), lambda match, _: Told(facts={name: real(match[1])}), is_sign)


def setting(pattern: str) -> Rule:
    """A line that holds the name of a setting and its value."""
    return Rule(re.compile(pattern), lambda match, _: Told(settings={match[1]: match[2].strip()}))


def end(pattern: str) -> Rule:
    """A line that the program prints last."""
    return Rule(re.compile(pattern), lambda match, _: Told(ended="finished"))
