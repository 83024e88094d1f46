"""`scaling_tui.laws` and `scaling_tui.runs` as a program or a notebook uses them."""

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError, laws, runs
from scaling_tui.cli import app as cli
from scaling_tui.laws.fitting.messages import as_arguments
from scaling_tui.laws.latex import filled
from scaling_tui.tables.columns import Columns, table_of
from tests.conftest import record_grid, record_sweep

ROOT = Path(__file__).parents[1]
PUBLISHED = laws.get("chinchilla:besiroglu2024")


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The document that a command prints."""

    def run(*args: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, args), "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        document: dict[str, Any] = json.loads(printed.out)
        return document

    return run


def columns(size: int = 30) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    N, D = 10 ** rng.uniform(7, 10, size), 10 ** rng.uniform(9, 12, size)
    loss = PUBLISHED.loss(params=N, tokens=D) * np.exp(0.01 * rng.standard_normal(size))
    return {"n_params": N, "D": D, "val_loss": loss, "lr": np.tile([1e-3, 3e-3], size // 2)}


def write_csv(path: Path, table: dict[str, Any]) -> Path:
    lines = [",".join(table), *(",".join(map(repr, map(float, row))) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("module", sorted({*laws._MODULES}), ids=str)
def test_the_examples_of_docstrings_give_what_they_say(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"scaling_tui.laws.{module}"))
    assert not found.failed


@pytest.mark.parametrize("package", [laws, runs], ids=["laws", "runs"])
def test_every_public_name_is_there_is_told_of_and_has_a_docstring(package: Any) -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    short = package.__name__.rpartition(".")[2]
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert f"`{short}.{name}`" in page, name
        thing = getattr(package, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__ and not thing.__doc__.startswith(f"{name}("), name
    listed = set(re.findall(rf"`{short}\.(\w+)`", page))
    assert listed <= set(package.__all__), "nothing is promised that is not public"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing


def test_neither_package_imports_what_it_does_not_need() -> None:
    """NumPy at most; a count of parameters and a list of sweeps not even that."""
    heavy = "{'torch', 'scipy', 'pandas', 'rich', 'textual', 'matplotlib', 'pyarrow'}"
    for code, none in (
        ("from scaling_tui import laws; laws.count, laws.Architecture", "{'numpy'}"),
        ("from scaling_tui import runs; runs.list_sweeps", "{'numpy'}"),
        ("from scaling_tui import laws; [getattr(laws, name) for name in laws.__all__]", heavy),
        ("from scaling_tui import runs; [getattr(runs, name) for name in runs.__all__]", heavy),
    ):
        done = subprocess.run(
            [sys.executable, "-c", f"import sys\n{code}\nprint(*({none} & set(sys.modules)))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == "", code


def test_a_fit_is_the_fit_of_the_command_to_the_last_digit(tmp_path: Path, answer: Callable[..., Any]) -> None:
    path = write_csv(tmp_path / "runs.csv", columns())
    printed = answer("fit", path, "--bootstrap", 20, "--tie", "alpha=beta", "--where", "D<5e11")
    points = laws.read_points(path, where="D<5e11")
    fitted = laws.fit("chinchilla", points, restrictions=laws.Restrictions(ties=(("alpha", "beta"),)))
    assert printed["coefficients"] == fitted.coefficients
    assert printed["objective"] == fitted.objective
    intervals = laws.bootstrap(fitted, 20).intervals(0.9)
    assert printed["intervals"] == {name: list(ends) for name, ends in intervals.items()}
    held = laws.hold_out(fitted)
    assert held is not None and printed["holdout"]["mape"] == held.mape
    assert printed["warnings"][: len(points.warnings)] == [
        text.replace('where="D<5e11"', "--where D<5e11") for text in points.warnings
    ]
    planned = answer("plan", "--fit", path, "--bootstrap", 20, "--flops", "1e21", "--law", "sum-of-powers")
    plan = laws.plan(laws.fit("sum-of-powers", path), flops=1e21, draws=20)
    assert (planned["params"], planned["loss"]) == (plan.params, plan.loss)
    assert planned["intervals"] == {name: list(ends) for name, ends in plan.intervals.items()}
    assert answer("plan", "--flops", "1e21")["params"] == laws.plan(PUBLISHED, flops=1e21).params


def test_a_study_is_what_fit_prints(tmp_path: Path, answer: Callable[..., Any]) -> None:
    path = write_csv(tmp_path / "runs.csv", columns())
    printed = answer("fit", path, "--bootstrap", 10, "--drop-highest", 2)
    document = laws.study("chinchilla", path, draws=10, drop_highest=2).document()
    assert {key: printed[key] for key in document} == json.loads(json.dumps(document))


def test_a_sweep_is_read_as_fit_and_export_read_it(tmp_path: Path, answer: Callable[..., Any]) -> None:
    record_grid(tmp_path)
    sweep = runs.read_sweep("grid", runs=tmp_path)
    points = sweep.points()
    fitted = laws.fit("chinchilla", points)
    printed = answer("fit", "grid", "--runs", tmp_path, "--bootstrap", 0)
    assert printed["coefficients"] == fitted.coefficients
    assert printed["convention"]["params"] == fitted.convention
    curves = sweep.curves()
    assert curves.rows == 48 and np.isnan(curves["val_loss"]).sum() == 32
    run = sweep.run("n0-c0-s0")
    assert run is not None
    assert curves["loss"][curves["run"] == run.name].tolist() == run.curve["loss"].tolist()


def test_a_sweep_fitted_without_embeddings_is_so_in_a_program_too(tmp_path: Path, answer: Callable[..., Any]) -> None:
    record_sweep(tmp_path, ["finished"] * 7)
    printed = answer("fit", "quickstart", "--runs", tmp_path, "--bootstrap", 0)
    fitted = laws.fit(printed["law"], runs.read_sweep("quickstart", runs=tmp_path).points())
    assert fitted.convention == printed["convention"]["params"] == "non-embedding"
    assert printed["coefficients"] == fitted.coefficients
    back = fitted.points.under("all").under("non-embedding")
    assert back.params is not None and np.array_equal(back.params, fitted.points.column("params"))
    assert laws.read_points(fitted.points.columns()).under("non-embedding").params == pytest.approx(back.params)


def test_what_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sweep 'none': not in"):
        runs.read_sweep("none", runs=tmp_path)
    record_sweep(tmp_path, ["queued"] * 7)
    with pytest.raises(InputError, match="no finished run yet"):
        runs.read_sweep("quickstart", runs=tmp_path).points()


def _frames(table: dict[str, Any]) -> list[Any]:
    found: list[Any] = [table, {name: list(column) for name, column in table.items()}]
    found.append([dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)])
    found += [library.DataFrame(table) for name in ("pandas", "polars") if (library := _importable(name))]
    if arrow := _importable("pyarrow"):
        found.append(arrow.table(table))
    return found


def _importable(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def test_points_come_from_columns_records_and_data_frames_alike(tmp_path: Path) -> None:
    table = columns(6)
    wanted = laws.read_points(write_csv(tmp_path / "runs.csv", table))
    frames = _frames(table)
    assert len(frames) > 3
    for frame in frames:
        points = laws.read_points(frame)
        for made, read in zip(points.columns().values(), wanted.columns().values(), strict=True):
            assert made.dtype == object or np.array_equal(made, read)
        assert points.read_from == {"loss": "val_loss", "params": "n_params", "tokens": "D"}
    best = laws.read_points(table, columns={"tokens": "D*1e3"}, best_of="lr")
    assert best.column("tokens") == pytest.approx(table["D"] * 1e3)
    assert any(text.startswith('best_of="lr"') for text in best.warnings)


def test_a_frame_of_pandas_goes_in_and_out() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(columns(6), index=[10, 20, 30, 40, 50, 60])
    frame.loc[20, "val_loss"] = None
    frame["run"] = [f"r{i}" for i in range(6)]
    points = laws.read_points(frame)
    assert points.warnings == ("row 20 (r1) left out: no finite loss (diverged or unfinished)",)
    out = points.to_pandas()
    assert list(out["run"]) == ["r0", "r2", "r3", "r4", "r5"]
    assert np.array_equal(laws.read_points(out).loss, points.loss)
    nullable = frame.convert_dtypes()
    assert np.array_equal(laws.read_points(nullable).loss, points.loss)
    drawn = laws.bootstrap(laws.fit("kaplan-n", points), 5).to_pandas()
    assert list(drawn.columns) == ["Nc", "alpha_N"] and len(drawn) == 5
    twice = pandas.concat([frame, frame[["val_loss"]]], axis=1)
    with pytest.raises(InputError, match="val_loss"):
        laws.read_points(twice)


def test_without_pandas_a_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'scaling-tui\[pandas\]'"):
        Columns.of({"loss": [3.0]}).to_pandas()


@pytest.mark.parametrize(
    "wrong, line",
    [
        (
            {"params": [1e6, 1e7], "loss": [3.0]},
            "columns: params has 2 values and loss 1, want columns of equal length",
        ),
        ({"params": 1e6, "loss": [3.0]}, "column params: found float, want a sequence with a value for each row"),
        ({"params": np.ones((2, 2)), "loss": [3.0, 2.0]}, "column params: found 2 dimensions, want a sequence with"),
        ({}, "columns: found a header without rows"),
        (3, "points: found int, want a path, a data frame, a dict of columns or a list of dicts"),
        ({"params": [-1.0], "loss": [3.0]}, "columns: row 0, column params: found -1, want a positive number"),
        (
            {"params": [1.0], "a_loss": [3.0], "b_loss": [3.0]},
            'columns={"loss": "a_loss"} or columns={"loss": "b_loss"}',
        ),
    ],
)
def test_wrong_points_are_one_line(wrong: Any, line: str) -> None:
    with pytest.raises(InputError) as error:
        laws.fit("kaplan-n", wrong)
    assert line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "call, line",
    [
        (lambda: laws.get("chinchilla:nobody"), "law: found 'chinchilla:nobody', want a published set of chinchilla"),
        (lambda: laws.find_law("chincila"), "law: found 'chincila', did you mean 'chinchilla'?"),
        (lambda: laws.plan(3, flops=1e21), "plan: found int, want the name of a published set, a fit or its refits"),  # type: ignore[arg-type]
        (lambda: laws.read_points(columns(), columns={"los": "x"}), "columns: found 'los', did you mean 'loss'?"),
        (lambda: laws.read_points(columns(), where="D"), "where: found 'D', want a condition such as params<3e8"),
        (lambda: laws.read_points(columns(), points="some"), "points: found 'some', want last or all"),  # type: ignore[arg-type]
        (
            lambda: laws.bootstrap(laws.fit("chinchilla", columns()), 0),
            "draws: found 0, want a whole number of at least 1",
        ),
        (lambda: PUBLISHED.to_latex(0), "digits: found 0, want 1 to 17"),
        (lambda: PUBLISHED.loss(params=7e9), "tokens: missing, chinchilla takes params, tokens"),
        (lambda: laws.fit("chinchilla", columns()).points.under("non-embedding"), "no column non_embedding"),
    ],
)
def test_wrong_arguments_are_named_in_one_line(call: Callable[[], object], line: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert line in str(error.value) and "\n" not in str(error.value) and "--" not in str(error.value)


def test_messages_name_arguments_in_place_of_options() -> None:
    said = "a.csv: --columns 'loss=eval loss' or --columns loss=x; --points all fits; --best-of lr; --where p<1: no"
    assert as_arguments(said) == (
        'a.csv: columns={"loss": "eval loss"} or columns={"loss": "x"}; points="all" fits; best_of="lr"; '
        'where="p<1": no'
    )


def test_what_a_notebook_shows_is_short_and_escapes_what_files_say() -> None:
    nasty = "<script>\x1b[2J"
    points = laws.read_points({**columns(8), "run": [nasty] * 8})
    shown: Sequence[Any] = (
        laws.LAWS["moe"], PUBLISHED, points, points.columns(), laws.fit("kaplan-n", points),
        laws.bootstrap(laws.fit("kaplan-n", points), 5), laws.study("kaplan-n", points, draws=5),
        laws.plan(PUBLISHED, flops=1e21),
    )  # fmt: skip
    for thing in shown:
        assert len(repr(thing)) < 250 and repr(thing).startswith("<")
        html = thing._repr_html_()
        assert "<table>" in html and "<script" not in html and "\x1b" not in html
    assert "&lt;script&gt;␛[2J" in points._repr_html_()


def _number(latex: str, names: dict[str, float]) -> float:
    """The value of a formula in LaTeX, by the few commands that the laws use."""
    text = re.sub(r"^.*?=", "", latex)
    text = text.replace(r"\left[", "(").replace(r"\right]", ")").replace(r"\left(", "(").replace(r"\right)", ")")
    text = text.replace(r"\times", "*").replace(r"\cdot", "*").replace(r"C_{\min}", "C")
    while (at := text.find(r"\frac{")) >= 0:
        parts, place = [], at + 5
        for _ in range(2):
            depth, start = 0, place
            while True:
                depth += {"{": 1, "}": -1}.get(text[place], 0)
                place += 1
                if not depth:
                    break
            parts.append(text[start + 1 : place - 1])
        text = f"{text[:at]}(({parts[0]})/({parts[1]})){text[place:]}"
    text = text.replace("^{", "**(").replace("{", "(").replace("}", ")")
    text = re.sub(r"(?<=[0-9)A-Z]) +(?=[(A-Z])", "*", text)
    return float(eval(text, {"__builtins__": {}}, names))


@settings(max_examples=40)
@given(st.sampled_from(["sum-of-powers", "kaplan", "kaplan-n", "chinchilla", "multiplicative", "bnsl-n"]), st.data())
def test_a_formula_in_latex_has_the_value_of_the_law(name: str, data: st.DataObject) -> None:
    law = laws.LAWS[name]
    values = {}
    for key in law.coefficients:
        size = st.floats(0.05, 0.9) if key in law.exponents or key == "f1" else st.floats(1e-6, 1e14)
        values[key] = data.draw(size) * (-1 if key in law.signed and data.draw(st.booleans()) else 1)
    at = {"params": 3e7, "tokens": 5e9}
    exact = float(law.loss(values, **{name: at[name] for name in law.inputs}))
    text = filled(law.latex, values, 17)
    assert _number(text, {"N": 3e7, "D": 5e9}) == pytest.approx(exact, rel=1e-9), text


def test_no_coefficient_stays_a_symbol() -> None:
    for chosen in laws.SETS:
        bare = re.sub(r"\\mathrm\{\w*\}|\\(frac|left|right|times|cdot|quad|min)", "", chosen.to_latex())
        assert not re.search(r"\\[a-z]+|[a-df-z]", bare.replace("e^", "")), chosen.title


def test_columns_are_arrays_of_their_kind() -> None:
    made = Columns.of({"n": [1, 2], "x": [1, None], "name": ["a", None], "none": [None, None]})
    assert [column.dtype.kind for column in made.values()] == ["i", "f", "O", "O"]
    assert np.isnan(made["x"][1]) and made["name"][1] is None
    assert table_of(made).columns["n"] == [1, 2]


def test_the_example_notebook_runs() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    notebook = nbformat.read(ROOT / "docs" / "library.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [sorted(key for out in cell.outputs for key in out.get("data", {})) for cell in cells]
    nbclient.NotebookClient(notebook, timeout=250, kernel_name="python3").execute()
    assert shown == [sorted(key for out in cell.outputs for key in out.get("data", {})) for cell in cells], "as stored"
    assert "Fit of chinchilla-n to 5 points" in cells[-1].outputs[-1]["data"]["text/plain"]
