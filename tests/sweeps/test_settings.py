"""Seeds and settings given as lists: the law goes through means and bests, and like is compared with like."""

import csv
import io
import json
import math
import statistics
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil
import pytest

from scaling_tui.cli.app import app
from scaling_tui.laws import Points, fit, predict
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.report.export import export
from scaling_tui.report.fit import sweep_source
from scaling_tui.report.prediction_game import challenge_of, question_text
from scaling_tui.report.sweep import law_plot, law_text, report
from scaling_tui.runs import Status, SweepView, Writer, create_sweep, read_sweep
from scaling_tui.runs.format import append_line, claim
from scaling_tui.runs.points import points_of
from scaling_tui.sweeps.best_rates import best_rates, rate_trend, size_name
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume
from scaling_tui.sweeps.summary import summary
from scaling_tui.sweeps.sweep_fit import fit_beforehand, last_runs, points_of_sweep, predict_run
from scaling_tui.tui.services.overview import prediction_line
from tests.conftest import FINISHED, record_sweep
from tests.sweeps.test_sweeps import over, wait_for


def finish(sweep: Path, losses: Mapping[str, float | None]) -> SweepView:
    """Ends the runs named with these held-out losses, or as diverged."""
    for name, loss in losses.items():
        attempt = claim(sweep / name, "attempt")
        Status("finished" if loss is not None else "diverged", 1, 0.0, "elsewhere", 1.7e9).write(
            attempt / "status.json"
        )
        append_line(attempt / "metrics.jsonl", {"step": 9, "tokens": 4096, "val_loss": loss or 99.0})
    return read_sweep(sweep)


def last_losses(sweep: Path) -> dict[str, float]:
    """The last held-out loss of each run, straight from its records."""
    found = {}
    for path in sweep.glob("*/attempt-1/metrics.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.parent.parent.name] = [record["val_loss"] for record in records if "val_loss" in record][-1]
    return found


@pytest.fixture
def untrained(tiny: Path, tmp_path: Path) -> Path:
    """Four sizes at three seeds each, laid out and not trained."""
    return lay_out(tmp_path / "runs", load_ladder(str(tiny), ["seeds=[0,1,2]"]))


SEEDED = {f"{rung}-s{seed}": 3.0 - 0.2 * place + off for place, rung in enumerate("abc")
          for seed, off in enumerate((0.0, 0.01, 0.05))}  # fmt: skip


# --- seeds


def test_seeds_trained_for_real_are_fitted_by_their_means_and_predicted_once(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), ["seeds=[0,1,2]"]), jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", view.log
    losses = last_losses(sweep)
    means = {rung: statistics.mean(losses[f"{rung}-s{seed}"] for seed in (0, 1, 2)) for rung in "abcd"}
    assert len({losses["a-s0"], losses["a-s1"], losses["a-s2"]}) == 3

    (line,) = (sweep / "predictions.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["points"] == ["a", "b", "c"]
    assert record["losses"] == pytest.approx({rung: means[rung] for rung in "abc"})
    assert record["averaged"] == {rung: [f"{rung}-s{seed}" for seed in (0, 1, 2)] for rung in "abc"}
    sizes = {run.rung: float(run.non_embedding or 0) for run in view.runs}
    by_hand = fit("kaplan-n", Points.of([means[r] for r in "abc"], params=[sizes[r] for r in "abc"]))
    assert record["predicted"] == pytest.approx(predict(by_hand, params=sizes["d"]).value)

    prediction = summary(view)["prediction"]
    assert prediction["measured"] == pytest.approx(means["d"])
    assert prediction["sd"] == pytest.approx(statistics.stdev(losses[f"d-s{seed}"] for seed in (0, 1, 2)))
    assert prediction["error"] == pytest.approx(means["d"] / record["predicted"] - 1)
    assert prediction["below"] == pytest.approx(means["d"] / means["c"] - 1)
    assert f"d measured: {means['d']:.4f} ± " in report(summary(view))
    assert prediction_line(view).startswith("d ") and f"{means['d']:.4f} measured" in prediction_line(view)


def test_a_rung_of_several_runs_is_a_point_by_their_mean_and_their_scatter_is_the_noise(
    tiny: Path, tmp_path: Path
) -> None:
    ladder = load_ladder(str(tiny), ["runs=3", "rungs.d.runs=1"])
    sweep = lay_out(tmp_path / "runs", ladder, seed=7)
    names = sorted(run.name for run in read_sweep(sweep).runs)
    assert names == sorted(["d-s7", *(f"{rung}-s{seed}" for rung in "abc" for seed in (7, 1007, 2007))])
    losses = {"a": (3.0, 3.01, 3.05), "b": (2.8, 2.81, 2.85), "c": (2.6, 2.61, 2.65)}
    view = finish(
        sweep,
        {f"{rung}-s{7 + 1000 * n}": loss for rung, found in losses.items() for n, loss in enumerate(found)},
    )
    (one,) = (run for run in view.runs if run.rung == "d")
    record = predict_run(view, one, last_runs(view))
    assert record.losses == pytest.approx({rung: statistics.mean(found) for rung, found in losses.items()})
    # Nine runs and two coefficients: Student's t with seven degrees of freedom, and the noise of one run at least.
    reach = t_quantile(0.95, 7) * statistics.stdev(losses["a"]) * math.sqrt(2 / 3) / 3.03
    assert record.low is not None and record.high is not None
    assert math.log(record.high / record.low) / 2 > reach
    fitted = fit_beforehand(view)
    assert fitted is not None
    mean = fitted.predict(one, runs=3)
    assert mean.low < mean.value < mean.high
    assert mean.high - mean.low < 1.01 * (record.high - record.low)


@pytest.mark.slow
def test_a_supervisor_killed_between_the_seeds_of_the_predicted_rung_predicts_nothing_twice(
    tiny: Path, tmp_path: Path
) -> None:
    settings = ["seeds=[0,1]", "rungs.d.tokens=400_000"]
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), settings), jobs=2, device="cpu")
    wait_for(sweep, lambda view: any(run.rung == "d" and run.state == "running" for run in view.runs))
    before = (sweep / "predictions.jsonl").read_text()
    status = Status.read(sweep / "supervisor-1" / "status.json")
    assert status
    psutil.Process(status.pid).kill()
    wait_for(sweep, lambda view: view.state == "lost")
    resume(sweep, jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished"
    assert (sweep / "predictions.jsonl").read_text() == before
    assert len(before.splitlines()) == 1
    found = summary(view)["prediction"]
    losses = last_losses(sweep)
    assert found["measured"] == pytest.approx((losses["d-s0"] + losses["d-s1"]) / 2)


def test_a_table_tells_seeds_standard_deviation_and_error(untrained: Path) -> None:
    found = summary(finish(untrained, SEEDED))
    (point,) = (point for point in found["points"] if point["rung"] == "a")
    (setting,) = point["settings"]
    assert point["loss"] == pytest.approx(3.02)
    assert setting["sd"] == pytest.approx(statistics.stdev([3.0, 3.01, 3.05]))
    assert setting["se"] == pytest.approx(statistics.stdev([3.0, 3.01, 3.05]) / math.sqrt(3))
    assert setting["seeds"] == [0, 1, 2]
    text = report(found)
    assert "through 3 points, each the mean over 3 seeds" in text
    (row,) = (line for line in text.splitlines() if line.startswith("✓ a × 3 "))
    assert row.split()[-3:-1] == ["3.0200", "0.0265"]
    assert text.count("✓ ") == 3


def test_a_seed_that_is_missing_leaves_the_mean_of_the_others(untrained: Path) -> None:
    view = finish(untrained, {**SEEDED, "b-s2": None})
    points = points_of_sweep(view)
    assert dict(zip(points.labels, points.loss.tolist(), strict=True)) == pytest.approx(
        {"a": 3.02, "b": (2.8 + 2.81) / 2, "c": 2.62}
    )
    assert "b-s2 diverged and is left out of the law" in summary(view)["warnings"]
    assert "each the mean over 2 to 3 seeds" in report(summary(view))


def test_the_plot_shows_means_with_their_spread_and_the_runs_faint(untrained: Path) -> None:
    view = finish(untrained, SEEDED)
    figure = law_plot(view, fit_beforehand(view))
    points = [series for series in figure.series if series.mark == "●"]
    assert [(series.label, round(float(series.y[0]), 6)) for series in points] == [
        ("a", 3.02),
        ("b", 2.82),
        ("c", 2.62),
    ]
    sd = statistics.stdev([3.0, 3.01, 3.05])
    assert [(round(low, 6), round(high, 6)) for _, low, high, _ in figure.spans[:1]] == [
        (round(3.02 - sd, 6), round(3.02 + sd, 6))
    ]
    source = sweep_source(view)
    assert source.beside is not None and sorted(source.beside.labels) == sorted(SEEDED)
    assert all(source.names[name] == "" for name in SEEDED)
    assert source.behind["a"] == ("a-s0", "a-s1", "a-s2")


def test_runs_of_one_rung_of_another_trainer_are_its_seeds(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {"fit": {"law": "kaplan-n", "params": "all"}})
    for n in (1000, 2000, 4000):
        for seed in (1, 2):
            config = {"rung": f"n{n}", "seed": seed, "params": n, "tokens": 5000}
            with Writer.create(sweep / f"n{n}-try{seed}", config) as run:
                run.log(step=1, tokens=5000, loss=1.0, val_loss=9 * n**-0.1 + seed / 100)
    points = points_of_sweep(read_sweep(sweep), "all")
    assert len(points) == 3
    assert points.loss == pytest.approx([9 * n**-0.1 + 0.015 for n in (1000, 2000, 4000)])


def test_the_prediction_game_shows_means_and_says_that_losses_are_of_training(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {"fit": {"law": "kaplan-n", "params": "all"}})
    for n in (1000, 2000, 4000, 8000):
        for seed in (1, 2):
            config = {"rung": f"n{n}", "seed": seed, "params": n, "tokens": 5000}
            with Writer.create(sweep / f"n{n}-s{seed}", config) as run:
                run.log(step=1, tokens=5000, loss=9 * n**-0.1 + seed / 100)
    challenge = challenge_of(read_sweep(sweep))
    assert [(known.run, round(known.loss, 9)) for known in challenge.known] == [
        (f"n{n}", round(9 * n**-0.1 + 0.015, 9)) for n in (1000, 2000, 4000)
    ]
    assert challenge.measured == pytest.approx(9 * 8000**-0.1 + 0.015)
    text = question_text(challenge)
    assert "! fitted to training loss: no run recorded a held-out loss" in text
    assert "held-out loss, in nats" not in text


# --- settings as lists


@pytest.mark.slow
def test_lists_trained_for_real_are_fitted_by_their_bests(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.005,0.02]"]), jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", view.log
    losses = last_losses(sweep)
    best = {
        rung: min((losses[f"{rung}-lr{lr}-s0"], f"{rung}-lr{lr}-s0") for lr in ("0.005", "0.02")) for rung in "abcd"
    }
    (line,) = (sweep / "predictions.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["points"] == [best[rung][1] for rung in "abc"]
    found = summary(view)
    assert found["prediction"]["measured"] == best["d"][0]
    assert found["prediction"]["below"] == pytest.approx(best["d"][0] / best["c"][0] - 1)
    assert {run["run"]: run["best"] for run in found["runs"]} == {
        name: name in {name for _, name in best.values()} for name in losses
    }
    assert any("the best lr is the" in warning and "d is the largest rung" in warning for warning in found["warnings"])
    text = report(found)
    assert "at the best lr of each rung" in text
    (row,) = (line for line in text.splitlines() if f" {best['a'][1]} " in line)
    assert row.endswith("  best")


def test_the_best_of_settings_is_the_lowest_mean_over_seeds_not_the_lowest_run(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.01,0.02]", "seeds=[0,1]"]))
    losses = {f"{rung}-lr0.01-s{seed}": loss for rung in "abcd" for seed, loss in enumerate((2.4, 2.4))}
    losses |= {f"{rung}-lr0.02-s{seed}": loss for rung in "abcd" for seed, loss in enumerate((2.0, 2.9))}
    view = finish(sweep, losses)
    points = points_of_sweep(view)
    assert points.labels == tuple(f"{rung}-lr0.01" for rung in "abcd")
    assert points.loss == pytest.approx([2.4] * 4)


def test_a_setting_whose_seed_diverged_is_not_the_best_by_the_rest(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.01,0.02]", "seeds=[0,1]"]))
    view = finish(sweep, {"a-lr0.01-s0": 2.4, "a-lr0.01-s1": 2.5, "a-lr0.02-s0": 2.0, "a-lr0.02-s1": None})
    assert points_of_sweep(view).labels == ("a-lr0.01",)


def test_budgets_and_unique_tokens_stay_points_and_a_batch_does_not(tiny: Path, tmp_path: Path) -> None:
    settings = ["tokens=[2048,4000]", "unique_tokens=[0,1024]", "batch=[4,24]", "branch=false"]
    runs = read_sweep(lay_out(tmp_path / "runs", load_ladder(str(tiny), settings))).runs
    points = [point for point in points_of(runs) if point.rung == "a"]
    assert len(points) == 4, "two D, each fresh and repeated"
    assert [len(point.trials) for point in points] == [2] * 4
    assert all(point.varied() == ["batch"] for point in points)
    assert any(len({run.tokens for run in point.runs}) == 2 for point in points), "whole steps round D"


@pytest.mark.parametrize(
    ("losses", "edges"),
    [
        ((2.3, 2.1, 2.2), {}),
        ((2.1, 2.2, 2.3), {"lr": "lowest"}),
        ((2.3, 2.2, 2.1), {"lr": "highest"}),
        ((2.3, 2.1, None), {}),  # beyond it training diverges
        ((None, None, 2.1), {"lr": "highest"}),
    ],
)
def test_a_best_at_an_edge_is_told(
    tiny: Path, tmp_path: Path, losses: tuple[float | None, ...], edges: dict[str, str]
) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.01,0.02,0.04]"]))
    names = [f"d-lr{lr}-s0" for lr in ("0.01", "0.02", "0.04")]
    view = finish(sweep, dict(zip(names, losses, strict=True)))
    (point,) = (point for point in points_of(view.runs) if point.rung == "d")
    assert point.edges() == edges
    told = [warning for warning in summary(view)["warnings"] if "d is the largest rung" in warning]
    assert bool(told) == bool(edges)


def test_the_end_of_a_scale_is_no_edge(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["dropout=[0.0,0.1]"]))
    view = finish(sweep, {"a-dropout0-s0": 2.0, "a-dropout0.1-s0": 2.1})
    assert points_of(view.runs)[0].edges() == {}


def test_settings_that_are_still_to_come_are_no_edge(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.01,0.02,0.04]"]))
    view = finish(sweep, {"a-lr0.02-s0": 2.0})
    assert points_of(view.runs)[0].edges() == {}


def rates(tiny: Path, tmp_path: Path, best: Mapping[str, float]) -> SweepView:
    """Losses that are a parabola in log lr around the best rate of each rung."""
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=[0.005,0.01,0.02,0.04,0.08]"]))
    losses = {}
    for place, (rung, at) in enumerate(best.items()):
        for lr in ("0.005", "0.01", "0.02", "0.04", "0.08"):
            losses[f"{rung}-lr{lr}-s0"] = 2.5 - 0.1 * place + 0.05 * math.log(float(lr) / at) ** 2
    return finish(sweep, losses)


def test_the_trend_of_the_best_rate_is_the_power_law_through_the_minima(tiny: Path, tmp_path: Path) -> None:
    widths = {"a": 8, "b": 12, "c": 16, "d": 24}
    view = rates(tiny, tmp_path, {rung: 0.4 * width**-1.1 for rung, width in widths.items()})
    points = points_of(view.runs)
    found = best_rates(points)
    assert size_name(points) == "hidden"
    assert {rate.rung: rate.rate for rate in found} == pytest.approx({r: 0.4 * w**-1.1 for r, w in widths.items()})
    trend = rate_trend(found, "hidden")
    assert trend is not None
    assert (trend.scale, trend.exponent) == pytest.approx((0.4, -1.1))
    assert trend.low == pytest.approx(trend.high)
    text = summary(view)["best_rate"]["text"]
    assert text.endswith("lr = 0.4 · hidden^-1.10 [-1.10, -1.10]")
    assert text in report(summary(view))


def test_a_rung_that_is_best_at_an_edge_is_not_in_the_trend(tiny: Path, tmp_path: Path) -> None:
    view = rates(tiny, tmp_path, {"a": 0.3, "b": 0.03, "c": 0.02, "d": 0.015})
    found = summary(view)["best_rate"]
    assert found["trend"]["rungs"] == ("b", "c", "d")
    assert "a 0.08 (the highest tried)" in found["text"]


def test_fit_says_what_its_points_are_and_the_trend(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates(tiny, tmp_path, {"a": 0.04, "b": 0.03, "c": 0.02, "d": 0.015})
    app(["fit", "tiny", "--runs", str(tmp_path / "runs"), "--no-plot"], standalone_mode=False)
    text = capsys.readouterr().out
    assert "4 points, at the best lr of each rung" in text
    assert "best lr: a 0.04, b 0.03, c 0.02, d 0.015; lr = " in text
    app(["fit", "tiny", "--runs", str(tmp_path / "runs"), "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["points"] == 4 and len(document["notes"]) == 2


def test_the_points_exported_are_those_of_the_law(untrained: Path) -> None:
    view = finish(untrained, SEEDED)
    rows = list(csv.DictReader(io.StringIO(export(view, "csv").decode())))
    assert [(row["run"], row["seed"], row["seeds"]) for row in rows] == [(rung, "", "3") for rung in "abc"]
    assert [float(row["loss"]) for row in rows] == sweep_source(view).points.loss.tolist()
    assert [float(row["loss"]) for row in rows] == pytest.approx([3.02, 2.82, 2.62])


def test_a_rate_that_is_no_number_ends_no_report(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {"fit": {"law": "kaplan-n", "params": "all"}})
    odd = (10**400, -1, 0, "fast", True, [1], None, 0.1)
    for number, lr in enumerate(odd):
        config = {"rung": "a", "seed": 0, "params": 1000, "tokens": 5000, "lr": lr}
        with Writer.create(sweep / f"a{number}", config) as run:
            run.log(step=1, tokens=5000, val_loss=2.0 + number / 100)
    found = summary(read_sweep(sweep))
    assert report(found)
    assert np.isfinite(found["points"][0]["loss"])


# --- what is said when


def test_a_prediction_is_said_to_come_before_the_run_until_that_has_begun(untrained: Path) -> None:
    before = record_sweep(untrained.parent, ["finished"] * 6 + ["running"], "begun")
    view = read_sweep(before)
    assert "r7 predicted before it ran: " in report(summary(view))
    for path in sorted((before / "r7-s0" / "attempt-1").iterdir()):
        path.unlink()
    (before / "r7-s0" / "attempt-1").rmdir()
    view = read_sweep(before)
    assert "r7 predicted before it runs: " in report(summary(view))
    assert "r7 predicted before it runs: " in law_text(view, None).plain


@pytest.mark.parametrize(("spoil", "state"), [("unreadable", "unreadable"), ("lost", "lost"), ("queued", "stopped")])
def test_a_sweep_with_a_run_that_is_gone_is_not_finished(tmp_path: Path, spoil: str, state: str) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    attempt = sweep / "r3-s0" / "attempt-1"
    if spoil == "unreadable":
        (sweep / "r3-s0" / "run.json").write_text("{")
    elif spoil == "lost":
        Status("running", 1, 0.0, "elsewhere", 1.0).write(attempt / "status.json")
    else:
        for path in attempt.iterdir():
            path.unlink()
        attempt.rmdir()
    view = read_sweep(sweep)
    assert (view.state, view.reason) == (state, f"r3-s0 {spoil}")
