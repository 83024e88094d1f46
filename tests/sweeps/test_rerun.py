"""A run trained again from the start ends with the same bits; what it was stays on disk. One run pauses alone."""

import json
from functools import partial
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.runs import SweepView, make_request, read_sweep
from scaling_tui.runs.fence import start_over, take_back
from scaling_tui.runs.format import Status, append_line, claim, claim_if_alone
from scaling_tui.runs.writer import Writer, checkpoints
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, resume
from scaling_tui.sweeps.rerun import rerun
from tests.conftest import FINISHED, record_sweep
from tests.sweeps import waiting

LONG = ["tokens=20_000_000", "rungs.d.tokens=4096"]
wait_for = partial(waiting.wait_for, seconds=120)


def over(view: SweepView) -> bool:
    return view.state not in ("running", "queued")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_finished_run_is_trained_again_to_the_same_end_and_keeps_what_it_was(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny)), jobs=2, device="cpu")
    before = wait_for(sweep, over)
    assert before.state == "finished"
    was = files_of(sweep / "b-s0" / "attempt-1")
    rerun(sweep, "b-s0")
    after = wait_for(sweep, over)
    assert after.state == "finished", after.log
    assert files_of(sweep / "b-s0" / "attempt-1") == was, "checkpoints too"
    last = sorted((sweep / "b-s0").glob("attempt-*"))[-1]
    assert last.name == "attempt-3"
    records = [json.loads(line) for line in (last / "metrics.jsonl").read_text().splitlines()]
    first = [json.loads(line) for line in was["metrics.jsonl"].splitlines()]
    assert records[0]["step"] == first[0]["step"], "from the start"
    assert [record["loss"] for record in records] == [record["loss"] for record in first], "the same bits"
    for one, other in zip(before.runs, after.runs, strict=True):
        assert (one.name, one.loss, len(one.curve)) == (other.name, other.loss, len(other.curve))
    assert {path.parent for path in checkpoints(sweep / "b-s0")} == {last}
    assert len((sweep / "predictions.jsonl").read_text().splitlines()) == 1, "what was predicted stays predicted"


def test_what_cannot_be_put_into_the_queue_is_as_it_was(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    (sweep / "requests").write_text("in the way")
    was = files_of(sweep)
    with pytest.raises(InputError, match="quickstart: cannot be written to"):
        rerun(sweep, "r3-s0")
    assert files_of(sweep) == was
    assert read_sweep(sweep).state == "finished"


def test_a_run_that_waits_to_start_over_is_queued_and_its_records_count_no_more(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    was = files_of(sweep / "r3-s0")
    attempt = start_over(sweep / "r3-s0")
    assert attempt.name == "attempt-2"
    view = read_sweep(sweep)
    run = view.run("r3-s0")
    assert run is not None
    assert (run.state, len(run.curve), run.loss, view.state) == ("queued", 0, None, "stopped")
    assert files_of(sweep / "r3-s0").items() >= was.items()
    assert claim_if_alone(sweep / "r3-s0", "attempt") == sweep / "r3-s0" / "attempt-3"
    run = read_sweep(sweep).run("r3-s0")
    assert run is not None
    assert (run.state, len(run.curve)) == ("running", 0)


def test_a_start_over_is_taken_back_until_somebody_has_begun(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    take_back(start_over(sweep / "r3-s0"))
    run = read_sweep(sweep).run("r3-s0")
    assert run is not None
    assert (run.state, run.loss) == ("finished", 1.7290)
    assert [path.name for path in (sweep / "r3-s0").glob("*attempt*")] == ["attempt-1"]
    attempt = start_over(sweep / "r3-s0")
    claim(sweep / "r3-s0", "attempt")
    take_back(attempt)
    assert attempt.exists()


def test_a_new_attempt_deletes_no_checkpoint_of_before_the_run_started_over(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished", "failed", *["queued"] * 5])
    run = sweep / "r2-s0"
    for step in (1, 2, 3):
        (run / "attempt-1" / f"checkpoint-{step}").mkdir()
    (run / "attempt-1" / ".checkpoint-4.tmp").mkdir()
    start_over(run)
    with Writer(run) as writer:
        writer.take_over()
        for step in (1, 2, 3):
            writer.checkpoint(step, lambda folder: None)
        writer.log(step=3, loss=2.0)
    names = sorted(str(path.relative_to(run)) for path in run.glob("attempt-*/checkpoint-*"))
    assert names == [
        *(f"attempt-1/checkpoint-{step}" for step in (1, 2, 3)),
        "attempt-3/checkpoint-2",
        "attempt-3/checkpoint-3",
    ]


def test_a_reader_that_follows_sees_a_run_start_over(tmp_path: Path) -> None:
    from scaling_tui.runs import SweepReader

    sweep = record_sweep(tmp_path, FINISHED)
    reader = SweepReader(sweep)
    assert len(reader.poll().run("r3-s0").curve) == 40  # type: ignore[union-attr]
    start_over(sweep / "r3-s0")
    assert len(reader.poll().run("r3-s0").curve) == 0  # type: ignore[union-attr]
    attempt = claim(sweep / "r3-s0", "attempt")
    Status.of_this_process("running").write(attempt / "status.json")
    append_line(attempt / "metrics.jsonl", {"step": 1, "tokens": 5, "loss": 5.0})
    view = reader.poll().run("r3-s0")
    assert view is not None
    assert (view.state, view.curve["loss"].tolist()) == ("running", [5.0])


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("r1-s0", "run r1-s0: still training; stop it first with"),
        ("r2-s0", "run r2-s0: has not begun, so there is nothing to train again"),
        ("r9", "run 'r9': not in sweep quickstart; known: r1-s0"),
    ],
)
def test_what_cannot_be_trained_again_is_left_alone(tmp_path: Path, run: str, said: str) -> None:
    sweep = record_sweep(tmp_path, ["running", "queued", *["finished"] * 5])
    was = files_of(sweep)
    with pytest.raises(InputError) as caught:
        rerun(sweep, run)
    assert str(caught.value).startswith(said)
    assert files_of(sweep) == was


def test_where_it_cannot_be_trained_here_it_is_as_it_was(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny)), jobs=2, device="cpu")
    wait_for(sweep, over)
    document = json.loads((sweep / "sweep.json").read_text())
    document["launch"]["device"] = "cuda:99"
    (sweep / "sweep.json").write_text(json.dumps(document))
    was = files_of(sweep)
    with pytest.raises(InputError):
        rerun(sweep, "b-s0")
    assert files_of(sweep) == was


def test_one_run_pauses_with_a_checkpoint_and_goes_on_while_the_other_trains(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), LONG), jobs=2, device="cpu")
    view = wait_for(sweep, lambda view: sum(run.state == "running" and len(run.curve) > 0 for run in view.runs) == 2)
    paused, other = (run.name for run in view.runs if run.state == "running")
    waits = next(run.name for run in view.runs if run.state == "queued")
    make_request(sweep, "stop", waits)
    make_request(sweep, "stop", paused)

    def has_paused(view: SweepView) -> bool:
        run = view.run(paused)
        return run is not None and run.state == "stopped"

    view = wait_for(sweep, has_paused)
    run, beside, held = view.run(paused), view.run(other), view.run(waits)
    assert run is not None and beside is not None and held is not None
    assert list((run.path / "attempt-1").glob("checkpoint-*"))
    assert (beside.state, held.state, view.trains) == ("running", "queued", True)
    reached = run.curve.last("step") or 0
    with pytest.raises(InputError, match="--jobs and --device found while it trains; stop it first"):
        resume(sweep, run=paused, jobs=1, device="cpu")
    resume(sweep, run=paused)
    view = wait_for(sweep, lambda view: any(run.name == paused and run.attempts == 2 and len(run.curve) > 0
                                            and (run.path / "attempt-2" / "metrics.jsonl").exists()
                                            for run in view.runs))  # fmt: skip
    line = (sweep / paused / "attempt-2" / "metrics.jsonl").read_text().splitlines()[0]
    assert json.loads(line)["step"] >= reached
    make_request(sweep, "stop")
    wait_for(sweep, over)
