"""`tune = "lr"`: small rungs probe rates, larger ones wait for theirs; each step survives a kill."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from scaling_tui import InputError
from scaling_tui.cli.app import app
from scaling_tui.report.sweep import report
from scaling_tui.runs import Status, SweepView, make_request, read_sweep
from scaling_tui.runs.writer import append_rates, write_run
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume, start_supervisor
from scaling_tui.sweeps.policy import Decision, decide
from scaling_tui.sweeps.summary import summary
from scaling_tui.sweeps.tuning import choose_rates, further_probes, give_rates
from tests.sweeps.test_settings import finish
from tests.sweeps.test_sweeps import over, wait_for

# One rung probes; its best rate lies between these.
FEW = ["tune.rungs=1", "tune.factors=[4,16,32]"]
WIDTHS = {"a": 8, "b": 12, "c": 16, "d": 24}


def laid_out(tiny: Path, tmp_path: Path, *settings: str) -> Path:
    return lay_out(tmp_path / "runs", load_ladder(str(tiny), ["tune=lr", *settings]))


def next_step(view: SweepView, requests: Mapping[str, str] | None = None) -> Decision:
    return decide(view, {run.name: (requests or {}).get(run.name) for run in view.runs}, {}, [], 2)


def probed(sweep: Path, best: Mapping[str, float], rates: tuple[str, ...] = ("0.005", "0.01", "0.02")) -> SweepView:
    """Ends the probes with losses that are a parabola in log lr around the best rate of each rung."""
    return finish(
        sweep,
        {
            f"{rung}-lr{lr}-s0": 2.5 - 0.1 * place + 0.05 * math.log(float(lr) / at) ** 2
            for place, (rung, at) in enumerate(best.items())
            for lr in rates
        },
    )


# --- the ladder


def test_the_smallest_rungs_probe_and_the_others_wait(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ladder = load_ladder(str(tiny), ["tune=lr"])
    assert ladder.probes == ("a", "b")
    assert [(rung.case, rung.planned) for rung in ladder.rungs] == [
        *[(f"{name}-lr{lr}", False) for name in "ab" for lr in ("0.005", "0.01", "0.02")],
        ("c", True),
        ("d", True),
    ]
    app(["run", str(tiny), "--set", "tune=lr", "--dry-run"], standalone_mode=False)
    text = capsys.readouterr().out
    assert "a, b probe 3 learning rates" in text
    assert text.count("tuned") == 2


@pytest.mark.parametrize("where", ['tune = "lr"\n[corpus]', "[tune]\nfactors = [0.5, 1, 2]\n[corpus]", "[training]"])
def test_tune_may_stand_at_the_top_as_a_table_or_with_the_settings(tiny: Path, where: str) -> None:
    text = tiny.read_text()
    own = where if "[corpus]" in where else '[training]\ntune = "lr"'
    tiny.write_text(text.replace("[corpus]" if "[corpus]" in where else "[training]", own, 1))
    assert load_ladder(str(tiny)).probes == ("a", "b")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["tune=batch"], "tune: found 'batch', want 'lr'"),
        (["tune=3"], "tune: found 3, want a table"),
        (["tune.setting=lr", "tune.factor=[1,2]"], "tune.factor: not a key here; did you mean 'factors'?"),
        (["tune.factors=[1]"], "tune.factors: found [1], want a list of at least two numbers above 0"),
        (["tune.factors=[1,-2]"], "tune.factors: found [1, -2], want"),
        (["tune.rungs=4"], "tune.rungs: found 4 of 4 rungs to probe, want a larger rung"),
        (["tune.rungs=0"], "tune.rungs: found 0, want how many rungs probe, at least 1"),
        (["tune.transfer=guess"], "tune.transfer: found 'guess', want 'width' or 'trend'"),
        (["tune=lr", "lr=[0.1,0.2]"], "tune: found together with a list of lr"),
    ],
)
def test_what_is_wrong_with_tune_is_told(tiny: Path, settings: list[str], told: str) -> None:
    with pytest.raises(InputError) as error:
        load_ladder(str(tiny), settings)
    assert told in str(error.value)


# --- the stages, from what is on disk


def test_who_waits_for_a_rate_has_no_run_json_and_is_shown_as_queued(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path)
    assert not (sweep / "c-s0").exists()
    view = read_sweep(sweep)
    run = view.run("c-s0")
    assert run is not None
    assert (run.state, run.reason, run.planned) == ("queued", "waits for its learning rate", True)
    assert run.params and run.tokens and run.flops
    assert not view.all_faults
    assert "c-s0" in report(summary(view))
    assert "queued: waits for its learning rate" in report(summary(view))


def test_probes_come_first_and_then_the_rates(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path)
    assert all(name[:2] in ("a-", "b-") for name in next_step(read_sweep(sweep)).start)
    view = probed(sweep, {"a": 0.012, "b": 0.008})
    assert next_step(view) == Decision(tune=True)
    assert next_step(view, dict.fromkeys((run.name for run in view.runs), "stop")) == Decision(end=True)
    give_rates(view)
    after = read_sweep(sweep)
    assert next_step(after) == Decision(start=("c-s0",))
    product = math.sqrt(0.012 * 8 * 0.008 * 12)  # the geometric mean of lr times hidden
    for rung in "cd":
        config = json.loads((sweep / f"{rung}-s0" / "run.json").read_text())
        assert config["training"]["lr"] == pytest.approx(product / WIDTHS[rung], rel=5e-3)
        assert config["training"]["tokens"] == 4096
    assert "lr = 0.096 / hidden (Yang et al. 2022)" in report(summary(after))


def test_the_rates_may_follow_the_trend_of_the_probes(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path, "tune.setting=lr", "tune.transfer=trend")
    rates = choose_rates(probed(sweep, {"a": 0.1 * 8**-1.0, "b": 0.1 * 12**-1.0})).rates
    assert rates == pytest.approx({rung: 0.1 / WIDTHS[rung] for rung in "cd"}, rel=5e-3)
    other = laid_out(tiny, tmp_path, "tune.transfer=trend")
    rates = choose_rates(probed(other, {"a": 0.02 * 8**-0.3, "b": 0.02 * 12**-0.3})).rates
    assert rates == pytest.approx({rung: 0.02 * WIDTHS[rung] ** -0.3 for rung in "cd"}, rel=5e-3)


def test_rates_once_recorded_are_not_chosen_again(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path)
    view = probed(sweep, {"a": 0.012, "b": 0.008})
    chosen = choose_rates(view)
    # Killed after the record, and after one of the two run.json.
    append_rates(sweep, chosen)
    with (sweep / "rates.jsonl").open("a") as file:
        file.write('{"rates": {"c": 0.5')
    give_rates(read_sweep(sweep))
    first = (sweep / "c-s0" / "run.json").read_bytes()
    (sweep / "d-s0" / "run.json").unlink()
    view = read_sweep(sweep)
    assert next_step(view) == Decision(tune=True)
    give_rates(view)
    assert (sweep / "c-s0" / "run.json").read_bytes() == first
    assert json.loads((sweep / "d-s0" / "run.json").read_text())["training"]["lr"] == chosen.rates["d"]
    assert len((sweep / "rates.jsonl").read_text().splitlines()) == 2
    assert read_sweep(sweep).rates == chosen


def test_the_best_at_an_edge_is_probed_further_until_it_lies_between(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path, "seeds=[3]")
    view = finish(
        sweep,
        {f"{rung}-lr{lr}-s3": loss for rung in "ab" for lr, loss in (("0.005", 2.3), ("0.01", 2.2), ("0.02", 2.1))},
    )
    further = further_probes(view)
    assert {name: config["training"]["lr"] for name, config in further.items()} == {
        "a-lr0.04-s3": 0.04, "b-lr0.04-s3": 0.04,
    }  # fmt: skip
    assert {config["seed"] for config in further.values()} == {3}
    for name, config in further.items():
        write_run(sweep / name, config)
    order = [run.rung for run in read_sweep(sweep).runs]
    assert order == sorted(order), "further probes stand with their rung"
    down = laid_out(tiny, tmp_path)
    view = probed(down, {"a": 0.001, "b": 0.01})
    assert list(further_probes(view)) == ["a-lr0.0025-s0"]


def test_probes_do_not_go_on_for_ever(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path, "tune.factors=[1,2]", "tune.rungs=1")
    losses = {"a-lr0.01-s0": 3.0, "a-lr0.02-s0": 2.9}
    view = finish(sweep, losses)
    count = 0
    while further := further_probes(view):
        for name, config in further.items():
            write_run(sweep / name, config)
        view = finish(sweep, dict.fromkeys(further, 2.8 - count / 100))
        count += 1
        assert count < 20
    assert count == 5
    assert "a is best at the highest rate tried" in choose_rates(view).how


def test_without_a_probe_that_was_measured_nothing_larger_is_trained(tiny: Path, tmp_path: Path) -> None:
    sweep = laid_out(tiny, tmp_path)
    view = finish(sweep, {f"{rung}-lr{lr}-s0": None for rung in "ab" for lr in ("0.005", "0.01", "0.02")})
    assert next_step(view) == Decision(end=True)
    start_supervisor(sweep, jobs=1, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "failed"
    assert "c-s0 queued (waits for its learning rate)" in view.reason


@pytest.mark.parametrize("text", ["[]", '{"rates": {"c": "fast"}}', '{"rates": {"c": 1e9}, "probes": {}}', "\x00"])
def test_a_broken_record_of_rates_is_named_and_chosen_anew(tiny: Path, tmp_path: Path, text: str) -> None:
    sweep = laid_out(tiny, tmp_path)
    probed(sweep, {"a": 0.012, "b": 0.008})
    (sweep / "rates.jsonl").write_text(text + "\n")
    view = read_sweep(sweep)
    assert any(fault.startswith("broken: rates.jsonl: line 1: ") for fault in view.faults)
    assert next_step(view) == Decision(tune=True)
    assert give_rates(view).rates.keys() == {"c", "d"}


# --- trained for real


def test_a_ladder_is_tuned_and_its_larger_rungs_trained_at_the_rates_chosen(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), FEW)
    sweep = launch(tmp_path / "runs", ladder, jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", view.log
    (line,) = (sweep / "rates.jsonl").read_text().splitlines()
    rates = json.loads(line)["rates"]
    for rung in "bcd":
        assert json.loads((sweep / f"{rung}-s0" / "run.json").read_text())["training"]["lr"] == rates[rung]
    found = summary(view)
    assert found["rates"]["rates"] == rates
    (record,) = (sweep / "predictions.jsonl").read_text().splitlines()
    best = {point["rung"]: point["best"] for point in found["points"]}
    assert json.loads(record)["points"] == [best["a"], "b-s0", "c-s0"]
    assert json.loads(line)["time"] < json.loads(record)["time"]


@pytest.mark.slow
def test_a_supervisor_killed_between_the_stages_is_followed_by_one_that_goes_on(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), [*FEW, "rungs.c.tokens=400_000"])
    sweep = launch(tmp_path / "runs", ladder, jobs=2, device="cpu")
    wait_for(sweep, lambda view: view.rates is not None)
    status = Status.read(sweep / "supervisor-1" / "status.json")
    assert status
    psutil.Process(status.pid).kill()
    before = (sweep / "rates.jsonl").read_bytes()
    wait_for(sweep, lambda view: view.state == "lost")
    resume(sweep, jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", view.log
    assert (sweep / "rates.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_stop_while_rates_are_probed_ends_the_sweep_and_a_resume_goes_on(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), ["tune=lr", "tokens=1024", "rungs.a.tokens=20_000_000"])
    sweep = launch(tmp_path / "runs", ladder, jobs=1, device="cpu")
    wait_for(sweep, lambda view: any(run.state == "running" and len(run.curve) for run in view.runs))
    make_request(sweep, "stop")
    view = wait_for(sweep, over)
    assert view.state == "stopped"
    assert view.rates is None
    resume(sweep, jobs=1, device="cpu")
    wait_for(sweep, lambda view: any(run.state == "running" for run in view.runs))
    make_request(sweep, "stop")
    wait_for(sweep, over)
