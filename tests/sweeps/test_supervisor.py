"""What the supervisor does next, decided from what lies on disk."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaling_tui.runs import Status, SweepView, make_request, read_sweep
from scaling_tui.runs.format import claim
from scaling_tui.sweeps.engines import signal_name
from scaling_tui.sweeps.placement import at_a_time, threads_for
from scaling_tui.sweeps.policy import Decision, decide
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.supervisor import Supervisor
from tests.conftest import RECORDED, record_sweep

NAMES = [f"{rung}-s0" for rung, *_ in RECORDED]


def planned(
    tmp_path: Path,
    states: Sequence[str],
    jobs: int = 2,
    requests: dict[str, str] | None = None,
    started: dict[str, int] | None = None,
) -> Decision:
    view = read_sweep(record_sweep(tmp_path, states))
    working = [run.name for run in view.runs if run.state == "running"]
    return decide(view, {name: (requests or {}).get(name) for name in NAMES}, started or {}, working, jobs)


def test_the_largest_start_first_but_the_predicted_one_waits(tmp_path: Path) -> None:
    assert planned(tmp_path, ["queued"] * 7) == Decision(start=("r6-s0", "r5-s0"))


def test_no_more_than_jobs_run_at_a_time(tmp_path: Path) -> None:
    assert planned(tmp_path, ["queued"] * 4 + ["running", "running", "queued"]) == Decision()
    assert planned(tmp_path, ["queued"] * 4 + ["finished", "running", "queued"]) == Decision(start=("r4-s0",))


def test_the_predicted_run_waits_for_the_last_of_the_others(tmp_path: Path) -> None:
    assert planned(tmp_path, ["running"] + ["finished"] * 5 + ["queued"]) == Decision()


def test_when_the_others_are_over_it_is_predicted_and_then_started(tmp_path: Path) -> None:
    assert planned(tmp_path, ["finished"] * 6 + ["queued"]) == Decision(start=("r7-s0",), alone="r7-s0")
    states = ["failed", "diverged"] + ["finished"] * 4 + ["queued"]
    assert planned(tmp_path, states) == Decision(start=("r7-s0",), alone="r7-s0")


def test_when_nothing_is_left_it_ends(tmp_path: Path) -> None:
    assert planned(tmp_path, ["finished"] * 7) == Decision(end=True)
    assert planned(tmp_path, ["finished"] * 6 + ["failed"]) == Decision(end=True)


def test_who_is_asked_to_stop_is_not_started_and_who_was_stopped_is_on_resume(tmp_path: Path) -> None:
    stop = dict.fromkeys(NAMES, "stop")
    assert planned(tmp_path, ["finished"] * 5 + ["stopped", "queued"], requests=stop) == Decision(end=True)
    resumed = dict.fromkeys(NAMES, "resume")
    assert planned(tmp_path, ["finished"] * 5 + ["stopped", "queued"], requests=resumed) == Decision(start=("r6-s0",))


@pytest.mark.parametrize(("attempts", "again"), [(1, True), (2, True), (3, False)])
def test_a_run_whose_worker_was_lost_is_started_again_a_few_times(tmp_path: Path, attempts: int, again: bool) -> None:
    states = ["finished"] * 5 + ["lost", "queued"]
    sweep = record_sweep(tmp_path, ["finished"] * 5 + ["running", "queued"])
    Status("running", 1, 0.0, "elsewhere", 1.0).write(sweep / "r6-s0" / "attempt-1" / "status.json")
    view = read_sweep(sweep)
    assert [run.state for run in view.runs] == states
    found = decide(view, dict.fromkeys(NAMES), {"r6-s0": attempts}, [], 2)
    assert found == (Decision(start=("r6-s0",)) if again else Decision(start=("r7-s0",), alone="r7-s0"))


@pytest.mark.parametrize(("request_", "tried", "again"), [(None, 0, False), ("resume", 0, True), ("resume", 1, False)])
def test_a_failed_run_is_tried_again_where_it_is_asked_to_resume(
    tmp_path: Path, request_: str | None, tried: int, again: bool
) -> None:
    states = [*["finished"] * 5, "failed", "finished"]
    requests = {name: request_ for name in NAMES if request_}
    found = planned(tmp_path, states, requests=requests, started={"r6-s0": tried})
    assert found == (Decision(start=("r6-s0",)) if again else Decision(end=True))


def test_a_diverged_run_is_not_tried_again_when_its_sweep_resumes(tmp_path: Path) -> None:
    resumed = dict.fromkeys(NAMES, "resume")
    states = ["diverged", "stopped", *["finished"] * 5]
    assert planned(tmp_path, states, requests=resumed) == Decision(start=("r2-s0",))


def test_a_run_json_with_nulls_ends_no_supervisor(tmp_path: Path) -> None:
    nulls: list[dict[str, Any]] = [
        {"training": None, "architecture": {"context": None}}, {"training": {"batch": None}}, {"architecture": None},
        {"family": "gpt", "architecture": {"layers": "2", "hidden": 8}, "training": {"batch": 8}},
        {"family": "gpt", "architecture": {"layers": 2, "hidden": 8, "context": 8}, "training": {"batch": 8.5}},
    ]  # fmt: skip
    for config in nulls:
        assert Size.of_config(config) is None
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    (sweep / "r1-s0" / "run.json").write_text(json.dumps({"params": 10, **nulls[1]}))
    supervisor = Supervisor(claim(sweep, "supervisor"), None, "cpu")
    supervisor.plan()
    assert supervisor.at_a_time == at_a_time(None, "cpu")
    assert threads_for(None, True, 4, 1) == 1


def test_every_signal_that_kills_has_a_name() -> None:
    assert (signal_name(9), signal_name(40)) == ("SIGKILL", "signal 40")


@pytest.mark.parametrize(("ends", "asked"), [("finished", "resume"), ("failed", "resume"), ("failed", None)])
def test_a_resume_in_the_instant_in_which_the_supervisor_ends_is_not_lost(
    tmp_path: Path, ends: str, asked: str | None
) -> None:
    sweep = record_sweep(tmp_path, [*["finished"] * 5, "failed", "finished"])
    started: list[str] = []
    ended: list[str] = []

    class Ending(Supervisor):
        def _start(self, view: SweepView, name: str) -> bool:
            started.append(name)
            self.started[name] = self.started.get(name, 0) + 1
            Status.of_this_process(ends).write(claim(sweep / name, "attempt") / "status.json")  # type: ignore[arg-type]
            return True

        def _end(self, view: SweepView, requests: Mapping[str, str | None]) -> None:
            super()._end(view, requests)
            if asked and len(ended) < 2:
                make_request(sweep, "resume", "r6-s0")
            ended.append(view.state)

    Ending(claim(sweep, "supervisor"), 1, "cpu").run()
    expected = {("finished", "resume"): 1, ("failed", "resume"): 2, ("failed", None): 0}[ends, asked]
    assert started == ["r6-s0"] * expected
    assert read_sweep(sweep).state == ("finished" if ends == "finished" else "failed")


def test_a_worker_that_never_claims_an_attempt_is_not_started_for_ever(tmp_path: Path) -> None:
    states = [*["finished"] * 5, "queued", "finished"]
    assert planned(tmp_path, states, started={"r6-s0": 3}) == Decision(end=True)
