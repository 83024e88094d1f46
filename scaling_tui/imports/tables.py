"""Histories in tables: CSV, TSV and JSONL, of one run or of many; rows of finished runs; W&B's exports."""

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.imports import nanochat
from scaling_tui.imports.metrics import FACTS, Names, fact_of, facts_from, number
from scaling_tui.imports.source import ENDS, MOST_RUNS, MOST_SETTINGS, PIECE, News, Record
from scaling_tui.imports.tail import LONGEST, LogTail
from scaling_tui.laws.fitting.column_names import plain_name
from scaling_tui.runs.metrics import METRICS
from scaling_tui.text.run_states import state_of

DELIMITERS = ",;\t|"
MOST_COLUMNS = 10_000
LONGEST_NAME = 120
LOSSES = {"loss", "val_loss", "bpb"}
PLACES = {"step", "epoch", "tokens", "flops", "time"}
_OF_CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<bound>__MIN|__MAX)?")


class Rows:
    """Turns rows, as values by column, into records of runs.

    Args:
        run: what to call the run where no column says.
        columns: names by metric or fact, of `--columns`.
    """

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path, self._run = path, run
        self._facts = {name: key for key, name in columns.items() if key in FACTS and key not in METRICS}
        self.names = Names({key: name for key, name in columns.items() if name not in self._facts}, str(path))
        self._role: dict[str, str] = {}  # of a column: a fact, or "" where it may be a metric
        self._run_column: str | None = columns.get("run")
        self._rows_of: dict[str, int] = {}
        self._open: dict[str, News] = {}
        self._number = 0
        self._has_steps = False
        self._rows_are_runs = False  # without a column that names them

    def see(self, names: Sequence[str]) -> None:
        """Tells the columns of a header beforehand: two for one metric are asked about at once.

        Raises:
            InputError: they are ambiguous, one that was given is not there, or there is no loss among them.
        """
        shown = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        missing = [name for name in (*self.names.missing_given(list(names)), *self._facts) if name not in names]
        if missing:
            raise InputError(f"{self.path}: no column {missing[0]}, found {shown}; want one of them in --columns")
        metrics = {key for name in names if not self._decide(name) and (key := self.names.metric(name))}
        if not metrics & LOSSES:
            raise InputError(f"{self.path}: no column of a loss, found {shown}; want --columns loss=…")
        self.guess(names)

    def guess(self, names: Iterable[str]) -> None:
        """Decides by the columns whether each row is a run: sizes, no steps, and no column that names runs."""
        roles = {self._decide(name) for name in names}
        metrics = {self.names.metric(name) for name in names if not self._decide(name)}
        self._has_steps = bool(metrics & {"step", "epoch"})
        self._rows_are_runs = not self._has_steps and "params" in roles and self._run_column is None

    def _decide(self, name: str) -> str:
        if name not in self._role:
            key = "run" if name == self._run_column else self._facts.get(name) or fact_of(name)
            # Tokens and FLOPs of a history are those so far.
            is_fact = key is not None and key not in ("tokens", "flops", "steps", "tokens_per_step")
            if key == "run" and name != self._run_column:
                is_fact = self._takes_run(name)
            self._role[name] = key if is_fact and key is not None else ""
        return self._role[name]

    def _takes_run(self, name: str) -> bool:
        """Whether the column `name` says of which run a row is; `run` itself does in any case."""
        if self._run_column is None or plain_name(name) == "run":
            if self._run_column is not None:
                self._role[self._run_column] = ""
            self._run_column = name
            return True
        if plain_name(self._run_column) == "run":
            return False
        raise InputError(
            f"{self.path}: {self._run_column} and {name} could both name the run, "
            f"want --columns run={self._run_column} or run={name}"
        )

    def add(self, row: Mapping[str, Any]) -> Iterator[News]:
        """Takes one row; now and then yields what has come together."""
        self._number += 1
        facts, settings, record, has_nan = self._sorted(row)
        run = str(facts.pop("run", self._run))
        if self._rows_are_runs:
            run = f"row {self._number}"
        if run not in self._rows_of and len(self._rows_of) == MOST_RUNS:
            raise InputError(f"{self.path}: more than {MOST_RUNS:,} runs by column {self._run_column}, want fewer")
        self._rows_of[run] = self._rows_of.get(run, 0) + 1
        news = self._open.setdefault(run, News(run, path=None if self._run_column else self.path))
        state = facts.pop("state", "")
        news.facts = {**news.facts, **facts_from(facts, str(self.path))}
        news.settings = news.settings or settings
        if state:
            news.ended = ENDS.get(state_of(state) or "", "no")
            news.reason = "" if news.ended == "finished" else f"the table says {str(state)[:40]}"
        if has_nan or record.keys() - PLACES:
            if not record.keys() & {"step", "epoch", "tokens"}:
                record["step"] = float(self._rows_of[run])
                news.derived = ("step = the number of the row",)
            news.records.append(record)
        if self._number % PIECE == 0:
            yield from self._yield_open()

    def _sorted(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Record, bool]:
        """The facts, the settings and the metrics of a row, and whether a loss in it is not a number."""
        facts: dict[str, Any] = {}
        settings: dict[str, Any] = {}
        record: Record = {}
        has_nan = False
        for name, value in row.items():
            if value is None or value == "":
                continue
            if role := self._decide(name):
                facts[role] = value
            elif (found := number(value)) is not None:
                key = self.names.metric(name) or (name if is_name(name) else None)
                if math.isnan(found):
                    has_nan |= key in LOSSES
                elif key is not None and key not in record:
                    record[key] = found
            elif len(settings) < MOST_SETTINGS and isinstance(value, str | bool):
                settings[name[:LONGEST_NAME]] = value if isinstance(value, bool) else value[:300]
        return facts, settings, record, has_nan

    def unseen(self) -> tuple[str, ...]:
        """A sentence for each given name that no row has had."""
        if not self._number:
            return ()
        facts = (
            f"{self.path}: {key}={name} of --columns, as nothing in it is called {name}"
            for name, key in self._facts.items()
            if name not in self._role
        )
        return (*self.names.unseen(), *facts)

    def flush(self) -> Iterator[News]:
        """What has come together since the last time.

        A row is a finished run where there are no steps and no run has a second row, as in a table to fit.
        """
        self.names.strict = False
        yield from self._yield_open()
        if not self._has_steps and self._rows_of and (self._run_column or self._rows_are_runs):
            single = max(self._rows_of.values()) == 1 and len(self._rows_of) > 1
            for run in self._rows_of if single else ():
                yield News(run, is_result=True, path=None if self._run_column else self.path)

    def _yield_open(self) -> Iterator[News]:
        news, self._open = list(self._open.values()), {}
        yield from news


@lru_cache(MOST_COLUMNS)
def is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()


class CsvHistory:
    """A CSV or TSV with a header: one history, one with a column of runs, rows of runs, or what W&B's charts export."""

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path, self._run, self._columns = path, run, columns
        self._tail = LogTail(path)
        self._begin()
        self._ragged = 0

    def _begin(self) -> None:
        self._header: list[str] | None = None
        self._partial = ""
        self._make_row = self._plain_row

    def poll(self, last: bool) -> Iterator[News]:
        restarted = False
        for piece in self._tail.pieces(last):
            if piece.anew:
                self._begin()
                restarted = True
            for line in piece.lines:
                row = self._cells(line)
                if row is None:
                    continue
                for news in self._take(row):
                    news.restarted = restarted
                    yield news
        if self._header is not None:
            for news in self._rows.flush():
                news.restarted = restarted
                yield news
        elif last:
            raise InputError(f"{self.path}: empty, want a header and rows")

    def left_out(self) -> tuple[str, ...]:
        count = self._ragged + self._tail.too_long
        return (f"{self.path}: {count:,} rows that do not fit the header",) if count else ()

    def _cells(self, line: str) -> list[str] | None:
        """The cells of a row; None for blank lines, comments, and a row whose quoted cell goes on in the next line."""
        text = self._partial + line
        if not self._partial and (not text.strip() or text.lstrip().startswith("#")):
            return None
        if text.count('"') % 2 and len(text) < LONGEST:
            self._partial = text + "\n"
            return None
        self._partial = ""
        if self._header is None:
            self._delimiter = max(DELIMITERS, key=text.count)
        try:
            return next(csv.reader([text], delimiter=self._delimiter), [])
        except csv.Error:
            self._ragged += 1
            return None

    def _take(self, cells: list[str]) -> Iterator[News]:
        if self._header is None:
            self._begin_table([cell.strip() for cell in cells])
        elif len(cells) != len(self._header):
            self._ragged += 1
        else:
            yield from self._make_row(cells)

    def _begin_table(self, names: list[str]) -> None:
        if len(names) > MOST_COLUMNS or len(set(names)) < len(names):
            twice = next((name for name in names if names.count(name) > 1), "")
            raise InputError(f"{self.path}: found {len(names):,} columns, {twice!r} twice; want each once")
        self._header = names
        self._rows = Rows(self.path, self._run, self._columns)
        charts = [_OF_CHART.fullmatch(name) for name in names[1:]]
        if nanochat.is_results(names):
            self._make_row = self._nanochat_row
        elif charts and all(charts):
            self._charts = [
                (match["run"], match["metric"]) if match and not match["bound"] else None for match in charts
            ]
            axis = "step" if names[0] in ("Step", "_step") else self._rows.names.metric(names[0])
            if axis is None:
                raise InputError(f"{self.path}: column {names[0]}: found no step, want --columns step={names[0]!r}")
            self._axis = axis
            self._make_row = self._chart_row
        else:
            self._rows.see(names)

    def _plain_row(self, cells: list[str]) -> Iterator[News]:
        assert self._header is not None
        return self._rows.add(dict(zip(self._header, cells, strict=True)))

    def _nanochat_row(self, cells: list[str]) -> Iterator[News]:
        assert self._header is not None
        row = dict(zip(self._header, cells, strict=True))
        values = {name: value for name, cell in row.items() if (value := number(cell)) is not None}
        if not values.keys() >= nanochat.RESULTS:
            self._ragged += 1
            return
        facts, derived = nanochat.facts_of(values)
        record = {
            "step": values.get("num_iterations", 1.0),
            "tokens": values["tokens_trained"],
            "bpb": values["val_bpb"],
        }
        record["flops"] = values["flops_budget"]
        if "core_score" in values:
            record["core_metric"] = values["core_score"]
        yield News(nanochat.name_of(row), [record], facts, {"depth": values["depth"]}, derived, ended="finished")

    def _chart_row(self, cells: list[str]) -> Iterator[News]:
        place = number(cells[0])
        if place is None:
            self._ragged += 1
            return
        found: dict[str, Record] = {}
        for cell, chart in zip(cells[1:], self._charts, strict=True):
            value = number(cell)
            if chart is not None and value is not None:
                run, name = chart
                key = self._rows.names.metric(name) or (name if is_name(name) else None)
                if key is not None:
                    found.setdefault(run, {self._axis: place})[key] = value
        for run, record in found.items():
            yield News(run, [record])


class JsonHistory:
    """JSON lines, an object a record: histories as W&B, OLMo, Lightning and many a script write them."""

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path = path
        self._rows = Rows(path, run, columns)
        self._tail = LogTail(path)
        self._broken = 0
        self._seen = False

    def poll(self, last: bool) -> Iterator[News]:
        restarted = False
        for piece in self._tail.pieces(last):
            restarted |= piece.anew
            for line in piece.lines:
                if not line.strip():
                    continue
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    found = None
                if not isinstance(found, dict):
                    self._broken += 1
                    continue
                row = flat(found)
                if not self._seen:
                    self._rows.guess(row)
                    self._seen = True
                for news in self._rows.add(row):
                    news.restarted = restarted
                    yield news
        for news in self._rows.flush():
            news.restarted = restarted
            yield news

    def left_out(self) -> tuple[str, ...]:
        count = self._broken + self._tail.too_long
        broken = (f"{self.path}: {count:,} lines that are no JSON objects",) if count else ()
        return (*broken, *self._rows.unseen())


def flat(document: Mapping[str, Any], most: int = 2000) -> dict[str, Any]:
    """The plain values of nested objects, by paths: `{"train": {"loss": 2}}` is `train/loss`. Lists are left out."""
    found: dict[str, Any] = {}
    stack: list[tuple[str, Mapping[str, Any], int]] = [("", document, 0)]
    while stack and len(found) < most:
        prefix, table, depth = stack.pop()
        for key, value in table.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                if depth < 4:
                    stack.append((f"{name}/", value, depth + 1))
            elif value is None or isinstance(value, str | bool | int | float):
                found[name] = value
    return found
