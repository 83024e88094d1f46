"""What happened between two looks at a sweep, and the command that is told of it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.runs import Status, SweepView, read_sweep
from scaling_tui.runs.format import claim
from scaling_tui.sweeps.events import SweepEvent, events
from scaling_tui.sweeps.notify import Notifier
from tests.conftest import FINISHED, record_sweep

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


def told(before: SweepView | None, after: SweepView) -> list[tuple[str, str | None]]:
    return [(event.kind, event.run) for event in events(before, after)]


def with_states(view: SweepView, **states: str) -> SweepView:
    runs = tuple(replace(run, state=states.get(run.rung, run.state)) for run in view.runs)  # type: ignore[arg-type]
    return replace(view, runs=runs)


def test_trouble_of_a_run_is_told_once_for_each_attempt(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, UNDER_WAY))
    bad = with_states(view, r5="diverged", r6="lost")
    assert told(view, view) == []
    assert told(view, bad) == [("diverged", "r5-s0"), ("lost", "r6-s0")]
    assert told(bad, bad) == []
    again = replace(bad, runs=tuple(replace(run, attempts=run.attempts + 1) for run in bad.runs))
    assert told(bad, again) == [("diverged", "r5-s0"), ("lost", "r6-s0")]
    assert events(view, bad)[0].text == "quickstart: r5-s0 diverged at 45 %"


def test_what_is_only_found_out_as_records_are_read_has_not_happened(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, UNDER_WAY))
    half_read = replace(view, runs=tuple(replace(run, unread=9) for run in view.runs))
    assert told(half_read, with_states(view, r1="diverged")) == []
    assert told(view, with_states(half_read, r1="diverged")) == []
    assert told(view, replace(with_states(view, r5="lost"), undecided=True)) == []


@pytest.mark.parametrize(("left", "kinds"), [("running", [("lost", "r5-s0")]), ("stopped", [])])
def test_a_worker_whose_successor_was_quicker_than_the_look_counts_as_lost(
    tmp_path: Path, left: str, kinds: list[tuple[str, str]]
) -> None:
    """But not one that stopped on request, whose run was then resumed."""
    sweep = record_sweep(tmp_path, UNDER_WAY)
    before = read_sweep(sweep)
    status = sweep / "r5-s0" / "attempt-1" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": left, "pid": 2**22 + 1}))
    Status.of_this_process("running").write(claim(sweep / "r5-s0", "attempt") / "status.json")
    assert told(before, read_sweep(sweep)) == kinds


def test_the_end_tells_how_the_prediction_turned_out(tmp_path: Path) -> None:
    before = read_sweep(record_sweep(tmp_path, [*["finished"] * 6, "running"], "a"))
    after = replace(read_sweep(record_sweep(tmp_path, FINISHED, "b")), name="a")
    assert [event.text for event in events(before, after)] == [
        "a finished: 7 runs, r7 1.4479, -0.8 % from the prediction"
    ]
    assert told(None, after) == [("predicted", "r7-s0")], "that it is finished is no news where nobody saw it train"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("stopped", "a stopped: 4 of 7 runs finished"),
        ("failed", "a ended, failed: 4 of 7 runs finished"),
        ("lost", "a lost its supervisor: 4 of 7 runs finished"),
    ],
)
def test_the_end_of_a_sweep_that_did_not_finish(tmp_path: Path, state: str, text: str) -> None:
    before = read_sweep(record_sweep(tmp_path, UNDER_WAY, "a"))
    (event,) = events(before, replace(before, state=state))  # type: ignore[arg-type]
    assert (event.kind, event.run, event.text) == (state, None, text)
    assert event.calls


def test_a_prediction_and_a_wait_are_told_when_they_begin(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, [*["finished"] * 6, "running"]))
    before = replace(view, predictions=())
    waits = replace(view, reason="waits for a slot: other (pid 7) holds cpu 0")
    assert told(before, view) == [("predicted", "r7-s0")]
    assert told(view, waits) == [("waits", None)]
    assert told(waits, waits) == told(waits, view) == []
    assert not any(event.calls for event in (*events(before, view), *events(view, waits)))


STATES = ("queued", "running", "finished", "stopped", "failed", "diverged", "lost", "unreadable")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    return read_sweep(record_sweep(tmp_path_factory.mktemp("events"), UNDER_WAY))


@given(st.lists(st.lists(st.sampled_from(STATES), min_size=7, max_size=7), min_size=2, max_size=6))
def test_each_trouble_is_told_as_often_as_it_begins(recorded: SweepView, course: list[list[str]]) -> None:
    views = [
        with_states(recorded, **{run.rung: state for run, state in zip(recorded.runs, states, strict=True)})
        for states in course
    ]
    found = [event for before, after in pairwise(views) for event in events(before, after)]
    begins = sum(
        later[at] != earlier[at] and later[at] in ("failed", "diverged", "lost")
        for earlier, later in pairwise(course)
        for at in range(7)
    )
    assert len(found) == begins


# --- the command

WRITES = """
import json, os, sys
facts = {{name: value for name, value in os.environ.items() if name.startswith("SCALING_TUI_")}}
open({path!r}, "a").write(json.dumps([sys.argv[1:], facts]) + "\\n")
"""


def event(text: str = "a finished", run: str | None = None) -> SweepEvent:
    return SweepEvent("finished", "a", run, text)


def notified(tmp_path: Path, found: Sequence[SweepEvent]) -> list[tuple[list[str], dict[str, str]]]:
    script, out = tmp_path / "told.py", tmp_path / "out.jsonl"
    script.write_text(WRITES.format(path=str(out)))
    notifier = Notifier(f"'{sys.executable}' {script} --flag", pytest.fail)
    for one in found:
        notifier.tell(one)
    notifier.close()
    told_of = map(json.loads, out.read_text().splitlines())
    return [(arguments, facts) for arguments, facts in told_of]


def test_a_command_gets_the_facts_and_no_shell_sees_them(tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/owned); `x` \x1b]0;t\x07 \x00 \ud800 é\nnext"
    (first, second) = notified(tmp_path, [event(evil, "r1"), event()])
    arguments, facts = first
    assert arguments[0] == "--flag"
    assert arguments[1] == facts["SCALING_TUI_TEXT"]
    assert arguments[1].startswith(f"$(touch {tmp_path}/owned); `x` ␛]0;t␇ ␀ \\ud800 é next")
    assert not (tmp_path / "owned").exists()
    assert (facts["SCALING_TUI_EVENT"], facts["SCALING_TUI_SWEEP"], facts["SCALING_TUI_RUN"]) == ("finished", "a", "r1")
    assert second[0] == ["--flag", "a finished"]


@pytest.mark.parametrize(
    ("body", "limit", "why"),
    [("exit 3", 30.0, "exit status 3"), ("sleep 600 & wait", 0.3, "killed, it took more than 0.3 s")],
)
def test_a_command_that_fails_or_hangs_hurts_nobody(tmp_path: Path, body: str, limit: float, why: str) -> None:
    script = tmp_path / "command"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    complaints: list[str] = []
    notifier = Notifier(str(script), complaints.append, limit)
    for _ in range(2):
        notifier.tell(event())
    notifier.close()
    assert complaints == [f"--notify: {script}: {why}; later failures are not reported"]


def test_one_that_is_gone_by_then_is_told_of_too(tmp_path: Path) -> None:
    script = tmp_path / "command"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    complaints: list[str] = []
    notifier = Notifier(str(script), complaints.append)
    script.unlink()
    notifier.tell(event())
    notifier.close()
    assert complaints == [f"--notify: {script}: No such file or directory; later failures are not reported"]


@pytest.mark.parametrize(
    ("command", "found"), [("", "nothing"), ("'open", "No closing quotation"), ("no-such-x y", "'no-such-x'")]
)
def test_what_is_no_command_is_told_at_once(command: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        Notifier(command, print)
