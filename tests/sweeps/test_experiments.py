"""Ladders of the sources: lists of settings and seeds become runs; what was promised stands beside what came out."""

import json
import statistics
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.cli.app import app
from scaling_tui.runs import find_run, read_sweep
from scaling_tui.runs.format import Status, append_line, claim
from scaling_tui.runs.writer import checkpoints
from scaling_tui.sweeps.data_stages import observe, stages
from scaling_tui.sweeps.ladder import ladders, load_ladder
from scaling_tui.sweeps.launch import launch, lay_out
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.summary import summary

CLASSIFY = """
seeds = [3, 5]
[corpus]
name = "parity"
tokenizer = "ids"
[corpus.parameters]
samples = 60
length = 8
vocab = 20
[model]
family = "classifier"
context = 8
heads = 2
[training]
tokens = 1200
batch = 8
lr = 1e-2
gap = true
evaluations = 3
[[rungs]]
name = "a"
layers = 1
hidden = 8
expected = { val_accuracy = [0.0, 1.0], val_loss = [9.0, 9.5] }
claimed = { val_accuracy = 0.85 }
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


def test_every_ladder_that_is_shipped_resolves_and_says_what_it_expects() -> None:
    found = {path.stem: load_ladder(str(path)) for path in ladders()}
    wanted = {"simple-llm", "text-prediction", "text-prediction-dropout", "tiny-shakespeare", "known-law"}
    assert wanted | {"emergence", "repeat", "isoflop"} <= found.keys()
    for name in wanted | {"emergence", "repeat", "isoflop"}:
        assert found[name].summary and found[name].source and found[name].expected


def test_a_setting_given_as_a_list_makes_a_run_of_each_value(tmp_path: Path) -> None:
    text = CLASSIFY.replace("tokens = 1200", "tokens = [800, 1600]\ndropout = [0.0, 0.1]")
    ladder = load_ladder(write(tmp_path, text))
    assert [rung.case for rung in ladder.rungs] == [
        "a-D800-dropout0", "a-D800-dropout0.1", "a-D1.6k-dropout0", "a-D1.6k-dropout0.1",
    ]  # fmt: skip
    sweep = lay_out(tmp_path / "runs", ladder)
    assert {run.name for run in read_sweep(sweep).runs} == {f"{r.case}-s{s}" for r in ladder.rungs for s in (3, 5)}
    assert len(read_sweep(lay_out(tmp_path / "runs", ladder, seed=9)).runs) == 4


def test_a_budget_of_flops_is_spent_at_every_size() -> None:
    rungs = load_ladder("isoflop").rungs
    assert len(rungs) >= 20
    for rung in rungs:
        budget = float(rung.variant.removeprefix("C"))
        assert rung.flops == pytest.approx(budget, rel=0.03)


def test_repeats_that_repeat_nothing_are_the_fresh_run() -> None:
    rungs = [rung for rung in load_ladder("repeat").rungs if rung.name == "r1"]
    assert len(rungs) == 7
    assert sum(rung.training.unique_tokens > 0 for rung in rungs) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("seeds = [3, 5]", "seeds = [3, 3]"), r"seeds: found \[3, 3\], want a list of distinct whole numbers"),
        (("tokens = 1200", "tokens = []"), "training.tokens: found an empty list"),
        (("tokens = 1200", "tokens = 1200\nflops = 1e9"), "training.flops: found together with tokens"),
        (("val_loss = [9.0, 9.5]", "val_loss = 9"), r"expected.val_loss: found 9, want \[lowest, highest\]"),
        (("val_accuracy = 0.85", "wonder = 1"), "claimed.wonder: not a metric"),
        (('tokenizer = "ids"', 'tokenizer = "byte"'), "want 'ids': parity draws token ids"),
        (("samples = 60", "sample = 60"), "corpus.parameters.sample: not a parameter of parity"),
    ],
)
def test_a_wrong_ladder_is_told_what_would_be_right(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        load_ladder(write(tmp_path, CLASSIFY.replace(*change)))


def test_a_parameter_of_the_corpus_can_be_set_from_outside(tmp_path: Path) -> None:
    ladder = load_ladder(write(tmp_path, CLASSIFY), ["corpus.parameters.seed=4", "seeds=[7]"])
    assert ladder.corpus.parameters["seed"] == 4
    assert ladder.seeds == (7,)


def record(tmp_path: Path, losses: dict[int, float]) -> Path:
    """A sweep of CLASSIFY whose runs ended with these held-out losses, by seed."""
    sweep = lay_out(tmp_path / "runs", load_ladder(write(tmp_path, CLASSIFY)))
    for seed, loss in losses.items():
        attempt = claim(sweep / f"a-s{seed}", "attempt")
        Status("finished", 1, 0.0, "elsewhere", 1.7e9).write(attempt / "status.json")
        append_line(
            attempt / "metrics.jsonl", {"step": 9, "tokens": 1200, "val_loss": loss, "val_accuracy": 0.5, "cpu_s": 2}
        )
    return sweep


def test_means_over_seeds_stand_beside_what_was_expected(tmp_path: Path) -> None:
    (case,) = outcome(read_sweep(record(tmp_path, {3: 9.1, 5: 9.3})))
    assert case["case"] == "a" and case["seeds"] == [3, 5] and case["cpu_s"] == 2
    loss = case["metrics"]["val_loss"]
    assert loss["mean"] == pytest.approx(9.2)
    assert loss["sd"] == pytest.approx(statistics.stdev([9.1, 9.3]))
    # Student's t with one degree of freedom is 6.314 at 90 %: two seeds say little.
    assert loss["high"] - loss["mean"] == pytest.approx(6.314 * loss["sd"] / 2**0.5, rel=1e-3)
    assert loss["inside"] is True
    assert case["metrics"]["val_accuracy"]["claimed"] == 0.85


def test_one_seed_has_no_interval_and_a_missed_goal_is_said(tmp_path: Path) -> None:
    (case,) = outcome(read_sweep(record(tmp_path, {3: 7.0})))
    loss = case["metrics"]["val_loss"]
    assert (loss["sd"], loss["low"], loss["inside"]) == (None, None, False)


def test_observations_are_worded_from_the_numbers() -> None:
    first = {"loss": 2.0, "val_loss": 2.1}
    assert observe(first, None, 5.0) == "2.900 nats below a uniform guess (5.000)"
    assert observe({"loss": 1.8, "val_loss": 1.89}, first, 5.0) == "held-out loss falls by 10.0 %"
    assert observe({"loss": 1.5, "val_loss": 2.31}, first, 5.0).endswith("while training loss falls: it overfits")
    assert observe({"loss": 2.0, "val_loss": 2.1}, first, 5.0) == "held-out loss is flat"


def test_three_sizes_at_several_seeds_are_still_three_points(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), ["seeds=[0, 1]"])
    sweep = lay_out(tmp_path / "runs", ladder)
    for run in read_sweep(sweep).runs:
        attempt = claim(run.path, "attempt")
        Status("finished", 1, 0.0, "elsewhere", 1.7e9).write(attempt / "status.json")
        append_line(
            attempt / "metrics.jsonl", {"step": 1, "val_loss": 9.0 * (run.params or 1) ** -0.1 + 0.01 * run.seed}
        )
    fitted = summary(read_sweep(sweep))["fit"]
    assert fitted["conventions"].keys() == {"all", "non-embedding"}
    assert fitted["conventions"]["all"]["alpha_N"] > fitted["conventions"]["non-embedding"]["alpha_N"]


def test_a_classifier_is_trained_told_of_and_traced_through_its_pipeline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    sweep = launch(tmp_path / "runs", load_ladder(write(tmp_path, CLASSIFY)), jobs=2, device="cpu")
    deadline = time.monotonic() + 120
    while (view := read_sweep(sweep)).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert view.state == "finished"
    (case,) = summary(view)["outcome"]
    assert len(case["metrics"]["gap"]["values"]) == 2
    assert case["metrics"]["val_loss"]["inside"] is False
    assert case["cpu_s"] > 0
    assert checkpoints(sweep / "a-s3")
    names = [stage.name for stage in stages(find_run(tmp_path / "runs", "a-s3"))]
    assert names == ["raw text", "tokens", "split", "initialised model", "training", "evaluation"]
    app(["pipeline", "mine/a-s3", "--runs", str(tmp_path / "runs"), "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)["stages"]
    # 60 samples of 8 tokens and a label, 48 of them to train on; 19 steps of 8 samples of 8 tokens.
    assert [stage["count"] for stage in found[:3]] == [540, 540, 432]
    assert found[3]["count"] == sum(found[3]["detail"]["parts"].values()) == view.runs[0].params
    assert found[4]["count"] == 19 * 64
    assert len(found[4]["detail"]["table"]) == 3
    assert found[5]["count"] == found[5]["detail"]["val_loss"]
    assert found[5]["detail"]["ceiling"] == 1.0


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    lay_out(tmp_path / "runs", load_ladder(write(tmp_path, CLASSIFY)))
    with pytest.raises(InputError, match=r"run 'mine/zz': not in sweep mine; known: mine/a-s3, mine/a-s5"):
        find_run(tmp_path / "runs", "mine/zz")
