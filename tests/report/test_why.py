"""Every number that can be asked: its formula, read by Python itself, gives what is shown."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import LAWS, find_law, get
from scaling_tui.laws.fitting.compare import compare
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.influence import influence
from scaling_tui.laws.fitting.isoflop import profiles
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.study import study
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.laws.forms import SYMBOLS
from scaling_tui.laws.planning.plan import Goal, plan_fit, plan_law, plan_published
from scaling_tui.report.fit import sweep_source
from scaling_tui.report.why import Explanation
from scaling_tui.report.why.asked import figures_asked, plan_asked
from scaling_tui.report.why.explanation import written
from scaling_tui.report.why.laws import (
    cell_figures,
    comparison_figures,
    law_steps,
    point_figures,
    study_figures,
    valley_figures,
)
from scaling_tui.report.why.pipeline import pipeline_figures
from scaling_tui.report.why.plans import plan_figures
from scaling_tui.report.why.sweeps import sweep_figures
from scaling_tui.report.why.text import explanation_text, figure_cells
from scaling_tui.runs import append_prediction, create_sweep, read_sweep
from scaling_tui.runs.format import Status, append_line, claim
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.data_stages import stages
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.sweep_fit import last_runs, predict_run
from scaling_tui.text import show
from scaling_tui.text.columns import cell_len
from scaling_tui.tutor.content.lesson import lesson_files
from tests.conftest import FINISHED, record_grid, record_sweep

# Written out here and not imported: the formula has to give the number that people read.
SUFFIX = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
NUMBER = re.compile(r"^([+-]?[\d,]+(?:\.\d+)?(?:e-?\d+)?)([kMBT]?)( %)?")


def by_python(filled: str) -> float:
    """The value of a formula with its numbers, by Python's own arithmetic."""
    text = filled.replace("^", "**").replace("·", "*")
    names = {"exp": math.exp, "ln": math.log, "sqrt": math.sqrt, "abs": abs, "min": min, "max": max}
    assert set(re.findall(r"(?<![0-9.])[A-Za-z_]+", text)) <= names.keys()
    return float(eval(text, {"__builtins__": {}}, names))


def read(shown: str) -> tuple[float, float]:
    """The number that is shown and half of its last digit."""
    found = NUMBER.match(shown)
    assert found, shown
    digits, unit = found[1].replace(",", ""), SUFFIX[found[2]] * (0.01 if found[3] else 1.0)
    mantissa, _, exponent = digits.partition("e")
    places = len(mantissa.partition(".")[2])
    return float(digits) * unit, 0.5000001 * 10.0 ** (int(exponent or 0) - places) * unit


def check(figures: Iterable[Explanation]) -> list[Explanation]:
    """Every formula gives what is shown, and nothing that a reader needs is missing."""
    lessons, all_of = {file.id for file in lesson_files()}, list(figures)
    for one in all_of:
        assert one.source, one
        assert one.lesson in lessons
        for made in one.steps:
            if ":" in made.shown or made.shown in ("best",) or made.shown.endswith((" s", " days")):
                continue  # a duration
            value, half = read(made.shown)
            assert abs(by_python(made.filled) - value) <= half, (one.of, one.key, made)
        if one.steps:
            assert one.steps[-1].shown == one.shown, one
            assert one.steps[-1].value == pytest.approx(one.value, rel=1e-6, abs=1e-9)
        text = explanation_text(one, 76)
        assert all(cell_len(line) <= 76 for line in text.splitlines()), text
        assert len(figure_cells(one)) == 5
    return all_of


def named(figures: Iterable[Explanation], of: str, key: str) -> Explanation:
    return next(one for one in figures if (one.of, one.key) == (of, key))


@pytest.fixture
def seeded(tmp_path: Path) -> Path:
    """A sweep like those trained here: an architecture, two seeds a rung, a prediction by the supervisor's function."""
    ladder = load_ladder("quickstart")
    sweep = create_sweep(
        tmp_path,
        "own",
        {
            "ladder": "quickstart",
            "fit": {"law": "chinchilla-n", "params": "non-embedding", "predict": ladder.rungs[-1].name},
            "cases": {ladder.rungs[0].name: {"expected": {"val_loss": [1.0, 3.0]}, "claimed": {}}},
            "estimate": {"seconds": 40.0, "seconds_from": "a probe"},
            "runs": [f"{rung.name}-s{seed}" for rung in ladder.rungs for seed in (0, 1)],
        },
    )
    Status("finished", 1, 1.0, "here", 2.0).write(claim(sweep, "supervisor") / "status.json")
    for place, rung in enumerate(ladder.rungs):
        for seed in (0, 1):
            run = sweep / f"{rung.name}-s{seed}"
            count, arch = rung.count, rung.architecture
            tokens = 195 * 8 * arch.context
            write_run(run, {
                "rung": rung.name, "seed": seed, "params": count.total, "non_embedding": count.non_embedding,
                "tokens": tokens, "flops": count.flops(tokens), "family": "gpt",
                "architecture": {"layers": arch.layers, "hidden": arch.hidden, "heads": arch.heads, "vocab": arch.vocab,
                                 "context": arch.context, "positions": arch.positions, "norm": arch.norm,
                                 "final_norm": arch.final_norm, "head": arch.head, "ffn": arch.ffn},
                "corpus": {"tokenizer": "byte"}, "training": {"batch": 8, "held_out_tokens": 4096},
            })  # fmt: skip
            attempt = claim(run, "attempt")
            Status("finished", 1, 1.0, "here", 2.0).write(attempt / "status.json")
            final = 1.3 + 11.0 / count.non_embedding**0.33 + 0.004 * ((place * 3 + seed * 5) % 4)
            for step in range(1, 196):
                record = {"step": step, "tokens": tokens * step // 195, "loss": final + 1 / step, "tokens_per_s": 1e4,
                          "grad_norm": 0.5, "epoch": step / 400}  # fmt: skip
                if step % 65 == 0:
                    record |= {"val_loss": final + 0.1 * (step < 195), "val_accuracy": 0.4}
                    record["bpb"] = record["val_loss"] / math.log(2)
                append_line(attempt / "metrics.jsonl", record)
    view = read_sweep(sweep)
    largest = last_runs(view)
    append_prediction(sweep, predict_run(view, next(run for run in view.runs if run.name == largest[0]), largest))
    return sweep


def test_every_number_of_a_sweep_is_what_its_formula_gives(seeded: Path) -> None:
    view = read_sweep(seeded)
    figures = check(sweep_figures(view))
    rung = view.runs[0]
    with_formula = {(one.of, one.key) for one in figures if one.steps}
    for key in ("N", "N non-emb", "D", "C", "bits/byte"):
        assert (rung.name, key) in with_formula
    for key in ("predicted", "measured", "error", "below"):
        assert ("prediction", key) in with_formula
    assert ("sweep", "progress") in with_formula
    case = rung.name.removesuffix("-s0")
    assert {(case, key) for key in ("mean loss", "s.d.", "s.e.", "mean val_loss")} <= with_formula
    first = named(figures, rung.name, "loss")
    line = json.loads((rung.path / "attempt-1" / "metrics.jsonl").read_text().splitlines()[-1])
    assert first.value == line["val_loss"]
    assert "attempt-1/metrics.jsonl, field val_loss, record of step 195" in first.source
    assert "4,096 held-out tokens" in first.source
    assert "held-out" in first.conventions[0] and "nats" in first.conventions[1]
    below = named(figures, "prediction", "below")
    smaller = [run for run in view.runs if run.rung == load_ladder("quickstart").rungs[-2].name]
    mean = sum(run.loss or 0 for run in smaller) / len(smaller)
    assert f"/{written(mean, 5)} - 1" in below.steps[0].filled
    predicted = named(figures, "prediction", "predicted")
    assert set(predicted.runs) == {run.name for run in view.runs} - set(last_runs(view))
    assert "90 %" in predicted.uncertainty


def test_a_training_loss_says_so_and_is_a_mean_of_records(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"runs": ["one"]})
    write_run(sweep / "one", {"rung": "one", "params": 1000, "tokens": 4000})
    attempt = claim(sweep / "one", "attempt")
    Status("running", 1, 1.0, "here", 2.0).write(attempt / "status.json")
    losses = [4 - 0.01 * step for step in range(1, 101)]
    for step, value in enumerate(losses, 1):
        append_line(attempt / "metrics.jsonl", {"step": step, "loss": value, "tokens": step * 40, "mmlu": 0.25})
    figures = check(sweep_figures(read_sweep(sweep)))
    loss = named(figures, "one", "loss")
    assert loss.value == pytest.approx(np.mean(losses[-10:]))
    assert loss.conventions[0].startswith("training loss")
    assert loss.steps[0].formula == "sum/records"
    assert loss.steps[0].filled.endswith("/10")
    assert named(figures, "one", "mmlu").shown == "0.25"
    assert "as given" in named(figures, "one", "N").uncertainty


LAW_INPUTS = {"params": 3.3e8, "tokens": 7.1e10, "flops": 4.2e20, "unique_tokens": 9.9e9, "total_params": 2.2e9}


@pytest.mark.parametrize("name", LAWS)
def test_the_loss_by_any_law_is_what_its_formula_gives(name: str) -> None:
    law = LAWS[name]
    own = {coefficient: 0.3 if coefficient in law.exponents else 2.5 for coefficient in law.coefficients}
    sets = [dict(get(name).coefficients)] if published(name) else []
    for coefficients in [own, *sets]:
        for scale in (1.0, 40.0):  # the second repeats tokens and parameters
            inputs = {key: LAW_INPUTS[key] * (scale if key in ("params", "total_params", "tokens") else 1.0)
                      for key in law.inputs}  # fmt: skip
            steps = law_steps(law, coefficients, inputs)
            value, half = read(steps[-1].shown)
            assert abs(float(law.loss(coefficients, **inputs)) - value) <= half
            assert abs(by_python(steps[-1].filled) - value) <= half
            for made in steps:
                shown, rounding = read(made.shown)
                assert abs(by_python(made.filled) - shown) <= rounding


def published(name: str) -> bool:
    try:
        get(name)
    except InputError:
        return False
    return True


def objective(fit: Fit, name: str, change: float) -> float:
    """The objective of a fit with one coefficient changed, as its paper writes it."""
    coefficients = fit.coefficients | {name: fit.coefficients[name] * change}
    fitted = fit.law.loss(coefficients, **{key: fit.points.column(key) for key in fit.law.inputs})
    off = np.abs(np.log(fit.points.loss) - np.log(fitted))
    linear = fit.delta * (off - fit.delta / 2) if math.isfinite(fit.delta) else off
    return float(np.where(off <= fit.delta, off**2 / 2, linear).sum())


def test_every_number_of_a_fit_is_what_its_formula_gives_and_its_coefficients_are_at_the_least(tmp_path: Path) -> None:
    source = sweep_source(read_sweep(record_grid(tmp_path)))
    for law, convention in (("chinchilla", "all"), ("chinchilla", "non-embedding"), ("kaplan-c", "all")):
        made = study(law, source.points, convention=convention, draws=60)
        moved = influence(made.fit)
        figures = check([*study_figures("fit", made, source.behind, moved), *point_figures(made, source.behind)])
        for name in made.fit.coefficients:
            one = named(figures, "fit", name)
            own, more, less = map(float, re.findall(r"\((\S+) over .* larger: (\S+); smaller: (\S+)\)", one.source)[0])

            assert own == pytest.approx(objective(made.fit, name, 1.0), rel=1e-3)
            assert more == pytest.approx(objective(made.fit, name, 1.01), rel=1e-3)
            assert less == pytest.approx(objective(made.fit, name, 0.99), rel=1e-3)
            assert own <= min(more, less)
            assert made.draws is not None
            low = float(np.quantile(made.draws.coefficients()[name], 0.05))
            assert f"[{show.coefficient(min(low, made.fit.coefficients[name]))}, " in one.uncertainty
            assert any("nats" in text for text in one.conventions)
        changed = {one.key for one in figures if one.key.endswith("change")}
        assert changed
        assert {one.key for one in figures if one.of.startswith("without")} >= {"Cook", "loss"}
        offs = [one for one in figures if one.key == "off"]
        assert len(offs) == len(made.fit.points)
        assert {"held-out error", "bias", "objective", "residual s.d."} <= {one.key for one in figures}


def test_the_views_of_the_law_screen_can_be_asked(tmp_path: Path) -> None:
    source = sweep_source(read_sweep(record_grid(tmp_path)))
    made = study("chinchilla", source.points, draws=0)
    compared = check(comparison_figures(compare(made.fit)))
    assert {"objective", "AICc", "left out", "beyond", "bias"} <= {one.key for one in compared}
    valleys = check(valley_figures(profiles(source.points)))
    assert {"best N", "D", "D/N", "loss", "exponent of N"} <= {one.key for one in valleys}
    label = source.points.labels[0]
    cells = check(cell_figures("mine.csv", source.points, {"params": "n_params", "loss": "eval"}, label))
    assert "mine.csv, column n_params" in named(cells, label, "N").source
    assert "computed" in named(cells, label, "D").source


GOALS = (
    Goal(flops=1e21), Goal(loss=2.4), Goal(params=7e9), Goal(tokens=1.4e12), Goal(flops=1e21, params=1e9),
    Goal(flops=1e21, tokens=3e10), Goal(loss=2.5, params=2e9), Goal(loss=2.5, tokens=6e10),
    Goal(params=1e9, tokens=1e11),
    Goal(flops=1e21, tokens_per_param=200), Goal(loss=2.4, tokens_per_param=100), Goal(flops=1e21, served_tokens=1e12),
)  # fmt: skip


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: " ".join(k for k, v in vars(goal).items() if v))
@pytest.mark.parametrize("name", ["chinchilla:besiroglu2024", "chinchilla:hoffmann2022", "kaplan:kaplan2020"])
def test_every_number_of_a_plan_is_what_its_formula_gives(name: str, goal: Goal) -> None:
    chosen = get(name)
    made = plan_published(chosen, goal)
    figures = check(plan_figures(name, find_law(name), chosen.coefficients, made, goal))
    keys = {one.key: one for one in figures}
    assert {"N", "D", "D/N", "C", "L"} <= keys.keys()
    assert ("off" in keys) == (made.excess > 1e-6)
    assert keys["L"].steps or goal.loss
    if vars(goal) == vars(Goal(flops=goal.flops)):
        assert keys["N"].steps and keys["D"].steps


def test_plans_with_a_fit_along_a_line_and_by_laws_without_a_closed_form(tmp_path: Path) -> None:
    source = sweep_source(read_sweep(record_grid(tmp_path, "ray", 20.0)))
    made = study("chinchilla", source.points, draws=30)
    for goal in (Goal(flops=1e20), Goal(tokens=1e10), Goal(params=1e9), Goal(loss=2.2)):
        result = plan_fit(made.fit, made.draws, goal)
        assert result.ray is not None
        check(plan_figures("ray", find_law(result.law), result.along or {}, result, goal))
    law = LAWS["muennighoff"]
    coefficients = dict(get("muennighoff").coefficients)
    goal = Goal(flops=1e21, unique_tokens=1e9)
    figures = check(plan_figures("repeated", law, coefficients, plan_law(law, coefficients, goal), goal))
    assert named(figures, "repeated", "N").source.startswith("searched")
    whole = study("chinchilla", sweep_source(read_sweep(record_grid(tmp_path, "own"))).points, draws=30)
    goal = Goal(flops=1e18)
    result = plan_fit(whole.fit, whole.draws, goal)
    low, high = result.intervals["params"]
    one = named(plan_figures("own", whole.fit.law, whole.fit.coefficients, result, goal, ("a",)), "own", "N")
    assert "90 %" in one.uncertainty and one.runs == ("a",)
    assert low < result.params < high


@pytest.mark.slow
def test_the_stages_of_a_run_that_was_trained(tiny: Path, tmp_path: Path) -> None:
    trained = [sys.executable, "-m", "scaling_tui", "run", str(tiny), "--runs", str(tmp_path / "runs"), "--jobs", "2"]
    subprocess.run(trained, check=True, capture_output=True)
    view = read_sweep(tmp_path / "runs" / "tiny")
    run = view.runs[-1]
    figures = check(pipeline_figures(run, stages(run)))
    with_formula = {one.of for one in figures if one.steps}
    assert {"tokens", "initialised model", "training", "split"} <= with_formula
    assert {"raw text", "evaluation"} <= {one.of for one in figures}
    check(sweep_figures(view))


def test_words_find_a_number(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)

    def keys(*words: str) -> list[tuple[str, str]]:
        return [(one.of, one.key) for one in figures_asked("quickstart", words, tmp_path, TableOptions())]

    assert keys("r5", "loss") == keys("R5-s0", "LOSS") == [("r5-s0", "loss")]
    assert keys("alpha") == [("law", "alpha")]
    assert keys("fit", "alpha") == [("fit", "alpha")]
    assert keys("fit", "r5-s0", "off") == [("r5-s0", "off")]
    assert keys("prediction", "error") == [("prediction", "error")]
    assert ("r7-s0", "loss") in keys()
    with pytest.raises(InputError, match="why: no number 'losss'; did you mean 'loss'"):
        keys("r5", "losss")
    one = plan_asked(Goal(flops=1e21), ["N"], law=None, source=None, coef=[], draws=0, runs=None,
                     table=TableOptions(), restrictions=Restrictions())  # fmt: skip
    assert [(each.of, each.key) for each in one] == [("plan", "N")]
    assert SYMBOLS["params"] == one[0].key
