"""Several token budgets off one trunk: cheaper, and yet to the last bit the runs that each alone would have been."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui.cli.app import app
from scaling_tui.runs import make_request, read_sweep
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.writer import checkpoints, read_config
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume
from tests.sweeps.test_sweeps import over, wait_for

BUDGETS = """
summary = "One size at four budgets."
[corpus]
name = "markov"
tokenizer = "ids"
[corpus.parameters]
vocab = 16
tokens = 20_000
held_out_tokens = 4_000
[model]
context = 16
heads = 1
[training]
tokens = [1600, 3200, 6400, 12_800]
batch = 4
lr = 1e-2
warmup = 0
held_out_tokens = 2_000
evaluations = 2
[fit]
law = "chinchilla-d"
[[rungs]]
name = "a"
layers = 1
hidden = 16
"""


@pytest.fixture
def ladder(tmp_path: Path) -> str:
    path = tmp_path / "budgets.toml"
    path.write_text(BUDGETS)
    return str(path)


def test_several_budgets_share_a_trunk_unless_told_otherwise(ladder: str, capsys: pytest.CaptureFixture[str]) -> None:
    rungs = load_ladder(ladder).rungs
    assert [rung.training.schedule for rung in rungs] == ["wsd"] * 4
    assert [rung.trunk.step if rung.trunk else None for rung in rungs] == [20, 40, 80, None]
    assert rungs[-1].keep == (20, 40, 80)
    assert sum(rung.cost for rung in rungs) / sum(rung.flops for rung in rungs) == pytest.approx(9.4 / 15)
    for settings in (["branch=false"], ["schedule=linear"]):
        assert not any(rung.trunk or rung.keep for rung in load_ladder(ladder, settings).rungs)
    app(["run", ladder, "--dry-run"], standalone_mode=False)
    assert "3 of them branch off a longer run" in capsys.readouterr().out


@given(
    tokens=st.lists(st.integers(1, 400), min_size=2, max_size=5, unique=True),
    cooldown=st.floats(0, 1),
    warmup=st.floats(0, 1),
)
def test_no_branch_leaves_before_the_warm_up_or_after_the_trunk_cools_down(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[int], cooldown: float, warmup: float
) -> None:
    path = tmp_path_factory.mktemp("ladders") / "budgets.toml"
    path.write_text(BUDGETS)
    lengths = [64 * count for count in tokens]
    rungs = load_ladder(str(path), [f"tokens={lengths}", f"cooldown={cooldown}", f"warmup={warmup}"]).rungs
    (trunk,) = (rung for rung in rungs if rung.tokens == max(lengths))
    assert trunk.trunk is None
    for rung in rungs:
        steps = rung.training.steps(16)
        if rung.trunk:
            assert rung.trunk.step in trunk.keep
            assert rung.training.warmup * steps - 0.5 < rung.trunk.step <= trunk.training.cooldown_from(16)
            assert rung.trunk.tokens == rung.trunk.step * 64 <= rung.tokens


def test_a_branch_ends_where_the_run_alone_ends_and_is_not_charged_for_its_trunk(ladder: str, tmp_path: Path) -> None:
    together = wait_for(launch(tmp_path / "runs", load_ladder(ladder), jobs=2, device="cpu"), over)
    alone = wait_for(launch(tmp_path / "runs", load_ladder(ladder, ["branch=false"]), jobs=2, device="cpu"), over)
    assert together.state == alone.state == "finished", together.log
    assert [run.loss for run in together.runs] == [run.loss for run in alone.runs]
    trunk = together.runs[-1]
    kept = [path.name for path in checkpoints(trunk.path)]
    assert {"checkpoint-20", "checkpoint-40", "checkpoint-80"} <= set(kept)
    assert len(kept) == 5, "those that others begin with, and the last two"
    for branch, whole in zip(together.runs[:-1], alone.runs[:-1], strict=True):
        assert branch.trunk and branch.trunk.run == trunk.name
        assert branch.curve["step"][0] > branch.trunk.step
        assert branch.flops == whole.flops
        assert branch.cost == pytest.approx(0.2 * (whole.cost or 0))


def test_a_branch_waits_for_its_trunk_over_a_stop_and_a_resume(ladder: str, tmp_path: Path) -> None:
    # The shorter ones are worth a branch only after most of a long trunk.
    path = load_ladder(ladder, ["tokens=[6_400_000, 6_400_640]"])
    assert [rung.case for rung in path.rungs] == ["a-D6400000", "a-D6400640"]
    sweep = launch(tmp_path / "runs", path, jobs=2, device="cpu")
    wait_for(sweep, lambda view: view.runs[-1].state == "running" and len(view.runs[-1].curve) > 0)
    make_request(sweep, "stop")
    stopped = wait_for(sweep, over)
    assert [run.state for run in stopped.runs] == ["queued", "stopped"]
    resume(sweep, device="cpu")
    goes_on = wait_for(sweep, lambda view: view.runs[-1].attempts == 2 and len(view.runs[-1].curve) > 0)
    assert goes_on.runs[0].state == "queued"
    make_request(sweep, "stop")
    wait_for(sweep, over)


def test_the_record_of_an_older_sweep_is_still_understood(ladder: str, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(ladder))
    (run,) = (run for run in read_sweep(sweep).runs if run.trunk is None)
    document = {key: value for key, value in read_config(run.path).items() if key not in ("trunk", "keep")}
    assert RunConfig.from_json(document).trunk is None
