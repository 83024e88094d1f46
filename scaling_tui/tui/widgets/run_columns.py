"""Columns of the table of runs for wide terminals: in which settings the runs differ, and how their speed went."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len

from scaling_tui.report.run_settings import differing, setting_text, settings_of
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.points import TUNED
from scaling_tui.text import show
from scaling_tui.text.columns import cut
from scaling_tui.tui.widgets.run_table import RunColumn, RunTableData

WIDEST = 10  # cells of a setting
LEAST_SPARKS, MORE_SPARKS = 8, 16  # cells of a sparkline
SETTINGS_RANK, SPARKS_RANK = 4.0, 3.0


class SettingColumns:
    """The settings in which the runs of a sweep differ, those that were tuned first; read once for each sweep."""

    def __init__(self) -> None:
        self._known: object = None
        self._columns: tuple[RunColumn, ...] = ()

    def of(self, sweep: SweepView) -> tuple[RunColumn, ...]:
        # A run's configuration is written once, and is only planned until then.
        known = sweep.path, tuple((run.name, run.planned) for run in sweep.runs)
        if known != self._known:
            self._known, self._columns = known, tuple(_columns({run.name: settings_of(run) for run in sweep.runs}))
        return self._columns


def _columns(settings: Mapping[str, Mapping[str, Any]]) -> list[RunColumn]:
    keys = sorted(differing(settings.values()), key=lambda key: key not in TUNED)  # else in the order of run.json
    return [_column(key, settings, SETTINGS_RANK + place / 100) for place, key in enumerate(keys)]


def _column(key: str, settings: Mapping[str, Mapping[str, Any]], rank: float) -> RunColumn:
    values = [own.get(key) for own in settings.values()]
    if all(value is None or (isinstance(value, float | int) and not isinstance(value, bool)) for value in values):
        texts = (
            show.decimals(values) if any(isinstance(value, float) for value in values) else map(setting_text, values)
        )
    else:
        texts = map(setting_text, values)
    shown = dict(zip(settings, (cut(text, WIDEST) for text in texts), strict=True))
    width = max(map(cell_len, (cut(key, WIDEST), *shown.values())))
    return RunColumn(cut(key, WIDEST), width, rank, lambda runs, rows, _: [shown.get(run.name, "") for run in runs])


class SpeedColumn:
    """How the tokens per second of each run went, from 0 to its fastest; drawn anew only for runs with new records."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[object, int, str]] = {}
        self.column = RunColumn("speed", LEAST_SPARKS, SPARKS_RANK, self._texts, MORE_SPARKS, tinted=True)

    def _texts(self, runs: Sequence[RunView], rows: RunTableData, width: int) -> list[str]:
        return [self._text(run, width) for run in runs]

    def _text(self, run: RunView, width: int) -> str:
        curve, drawn_width, text = self._drawn.get(run.name, (None, 0, ""))
        if curve is not run.curve or drawn_width != width:
            _, speeds = run.curve.points("step", "tokens_per_s")
            text = show.sparkline(speeds[np.isfinite(speeds)].tolist(), width)
            self._drawn[run.name] = (run.curve, width, text)
        return text
