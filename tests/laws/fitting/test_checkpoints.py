"""A training trajectory is one run: its last checkpoint is the point, and rows that are runs stay what they are."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui.laws.fitting.checkpoints import Rows, find_checkpoints
from scaling_tui.laws.fitting.tables import TableOptions, TablePoints, table_points
from scaling_tui.laws.kernels import Array

SIZES = (1e7, 3e7, 1e8, 3e8)


def loss(params: float, tokens: float) -> float:
    return float(1.8 + 480 / params**0.35 + 2080 / tokens**0.37)


def table(folder: Path, head: str, rows: Iterable[Sequence[object]], **options: str) -> TablePoints:
    path = folder / "runs.csv"
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]))
    return table_points(path, TableOptions.of(**options))


def curves(checkpoints: int = 10) -> list[tuple[str, int, float, float, float]]:
    """Run, step, N, D, loss of runs of 20 tokens a parameter, at even steps."""
    return [
        (f"n{i}", 100 * k, n, 20 * n * k / checkpoints, loss(n, 20 * n * k / checkpoints))
        for i, n in enumerate(SIZES)
        for k in range(1, checkpoints + 1)
    ]


LAST = [20 * n for n in SIZES]
HEADS: dict[str, Callable[[str, int, float, float, float], Sequence[object]]] = {
    "run,params,tokens,loss": lambda run, step, n, d, y: (run, n, d, y),
    "label,params,tokens,loss": lambda run, step, n, d, y: (run, n, d, y),
    "label,params,tokens,val_loss": lambda run, step, n, d, y: (f"{run}/step{step}", n, d, y),
    "step,params,tokens,loss": lambda run, step, n, d, y: (step, n, d, y),
    "params,tokens,loss": lambda run, step, n, d, y: (n, d, y),
    "params,flops,loss": lambda run, step, n, d, y: (n, 6 * n * d, y),
    "run,C,loss": lambda run, step, n, d, y: (run, 6 * n * d, y),
    "name,step,params,tokens,loss": lambda run, step, n, d, y: (run, step, n, d, y),
}


@pytest.mark.parametrize("head", HEADS)
def test_the_last_checkpoint_of_each_run_is_the_point(tmp_path: Path, head: str) -> None:
    rows = [HEADS[head](*row) for row in curves()]
    found = table(tmp_path, head, rows)
    if head == "run,C,loss":
        assert found.points.column("flops").tolist() == [6 * n * d for n, d in zip(SIZES, LAST, strict=True)]
    else:
        assert found.points.column("tokens").tolist() == pytest.approx(LAST)
    assert "40 rows are checkpoints of 4 runs" in found.warnings[0] and "--points all" in found.warnings[0]
    assert len(found.left_out) == 36 and found.left_out[0].row == 2
    assert len(table(tmp_path, head, rows, points="all").points) == 40


def test_order_does_not_matter_where_a_column_names_run_or_step(tmp_path: Path) -> None:
    rows = sorted(curves(), key=lambda row: (row[1] * 7) % 13)
    for head in ("run,params,tokens,loss", "step,params,tokens,loss"):
        found = table(tmp_path, head, [HEADS[head](*row) for row in rows])
        assert sorted(found.points.column("tokens")) == LAST


def test_runs_of_one_size_are_told_apart_by_their_settings(tmp_path: Path) -> None:
    rows = [(100 * k, lr, 1e8, 2e8 * k, loss(1e8, 2e8 * k) + lr) for lr in (0.1, 0.2) for k in range(1, 8)]
    assert len(table(tmp_path, "step,lr,params,tokens,loss", rows).points) == 2


def test_runs_are_told_apart_by_the_tokens_that_they_were_planned_for(tmp_path: Path) -> None:
    rows = [(step, n, d, loss(n, d) + 1 / step) for n in (1e7, 1e8) for d in (1e9, 4e9) for step in (1, 2, 3, 4)]
    found = table(tmp_path, "step,params,total_tokens,loss", rows)
    assert sorted(found.points.column("tokens")) == [1e9, 1e9, 4e9, 4e9]


def test_a_row_without_an_evaluation_is_no_end_and_a_diverged_end_is_one(tmp_path: Path) -> None:
    rows = [("a", 1, 1e8, 1e9, 4.0), ("a", 2, 1e8, 2e9, ""), ("b", 1, 1e9, 1e9, 4.0), ("b", 2, 1e9, 2e9, "nan")]
    found = table(tmp_path, "run,step,params,tokens,loss", rows)
    assert (found.points.labels, found.points.loss.tolist()) == (("a",), [4.0])
    assert any("no finite loss" in item and "(b)" in item for item in found.warnings)


DESIGNS = {
    "Hoffmann": [(n, d) for n in SIZES for d in (1e9, 2e9, 5e9, 1e10)],
    "multiples of 20N": [(n, 20 * n * m) for n in SIZES for m in (0.25, 0.5, 1, 2, 4, 8)],
    "isoFLOP": [(n, c / (6 * n)) for n in SIZES for c in (1e17, 3e17, 1e18, 3e18, 1e19, 3e19)],
    "one N": [(1e8, d) for d in (1e9, 2e9, 4e9, 8e9)],
    "one D": [(n, 1e9) for n in SIZES],
}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("order", ["as planned", "by tokens"])
def test_runs_that_were_planned_stay_runs(tmp_path: Path, design: str, order: str) -> None:
    rows = [(f"{n:.0f}", n, d, loss(n, d)) for n, d in DESIGNS[design]]
    if order == "by tokens":
        rows.sort(key=lambda row: row[2])
    found = table(tmp_path, "params,tokens,loss", [row[1:] for row in rows])
    assert len(found.points) == len(rows)
    if design in ("multiples of 20N", "isoFLOP", "one D"):
        assert len(table(tmp_path, "name,params,tokens,loss", rows).points) == len(rows), "a name of a size"


def test_rows_that_may_be_checkpoints_are_fitted_and_the_doubt_is_said(tmp_path: Path) -> None:
    rows = [(n, 2**k * 1e8, loss(n, 2**k * 1e8)) for n in SIZES for k in range(8)]
    found = table(tmp_path, "params,tokens,loss", rows)
    assert len(found.points) == 32 and "--points last" in found.warnings[0]
    assert len(table(tmp_path, "params,tokens,loss", rows, points="last").points) == 4


def test_the_published_designs_stay_runs(shared_data: Path) -> None:
    for name, size in (("chinchilla_points.csv", 245), ("tables/isoflop_head.csv", 131), ("tables/gadre_rw.csv", 35)):
        found = table_points(shared_data / name)
        assert len(found.points) == size and not found.left_out, name


@settings(max_examples=200, deadline=None)
@given(data=st.data(), size=st.integers(1, 12), forced=st.booleans())
def test_whatever_the_rows_some_stay(data: st.DataObject, size: int, forced: bool) -> None:
    few = st.sampled_from([0.0, 1.0, 2.0, 1e8, float("nan")])

    def column() -> Array | None:
        return np.array(data.draw(st.lists(few, min_size=size, max_size=size))) if data.draw(st.booleans()) else None

    names = data.draw(st.none() | st.lists(st.sampled_from(["a", "b", "1", "a-step3"]), min_size=size, max_size=size))
    rows = Rows(column(), column(), column(), names, [()] * size, np.ones(size))
    found = find_checkpoints(rows, forced)
    assert found is None or (found.keep.any() and found.keep.size == size and found.runs == found.keep.sum())
