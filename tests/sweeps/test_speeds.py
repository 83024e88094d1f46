"""What is known of the speed of this machine: by runs that it has trained, and by probes that are kept."""

import json
import platform
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui.laws.counting import Architecture
from scaling_tui.runs.format import claim
from scaling_tui.sweeps import probe as probes
from scaling_tui.sweeps import speeds
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.sweeps.machine import versions
from scaling_tui.sweeps.probe import lacking, probe
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained, cached, evidence, keep, recorded

SIZE = Size("gpt", Architecture(1, 8, context=16, vocab=64, norm="rms", final_norm=True, head="tied"), 8)
TRAINED = Trained(SIZE, 1, 2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(probes, "LONGEST_S", 250.0)  # however busy this machine is
    return tmp_path / "cache"


def trained_sweep(tiny: Path, runs: Path, pause: float = 0.0) -> Path:
    """A sweep with two runs at a time whose steps took 10 ms, and an evaluation of 512 tokens 0.1 s."""
    sweep = lay_out(runs, load_ladder(str(tiny)), device="cpu", jobs=2)
    for run in sorted(sweep.glob("*-s0")):
        attempt = claim(run, "attempt")
        (attempt / "engine.json").write_text(json.dumps({"threads": 1}))
        lines, moment = [], 1.7e9
        for step in range(1, 33):
            evaluated = step % 8 == 0
            moment += 0.01 + 0.1 * evaluated + (pause if step == 20 else 0.0)
            line = {"step": step, "tokens": 128 * step, "loss": 3.0, "tokens_per_s": 12_800.0, "time": moment}
            lines.append(json.dumps(line | ({"val_loss": 3.0} if evaluated else {})) + "\n")
        (attempt / "metrics.jsonl").write_text("".join(lines))
    return sweep


def change(sweep: Path, **parts: Any) -> None:
    document = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps(document | parts))


def test_runs_tell_the_time_of_a_step_and_of_an_evaluation(tiny: Path, tmp_path: Path) -> None:
    trained_sweep(tiny, tmp_path / "runs")
    found = recorded(tmp_path / "runs", "cpu")
    assert [(one.threads, one.together) for one in found] == [(1, 2)] * 3 + [(1, 1)]
    assert [one.size for one in found] == [Size.of_rung(rung) for rung in load_ladder(str(tiny)).rungs]
    for speed in found.values():
        assert speed.step == pytest.approx(0.01)
        assert speed.evaluation == pytest.approx(0.1 / 512, rel=1e-4)


def test_a_pause_between_two_attempts_is_no_training(tiny: Path, tmp_path: Path) -> None:
    trained_sweep(tiny, tmp_path / "runs", pause=3600.0)
    assert all(speed.step == pytest.approx(0.01) for speed in recorded(tmp_path / "runs", "cpu").values())


def test_only_this_machine_with_this_device_and_these_versions_tells_anything(tiny: Path, tmp_path: Path) -> None:
    sweep = trained_sweep(tiny, tmp_path / "runs")
    here = {"host": platform.node(), "device": "cpu"}
    for parts in (
        {"machine": {**here, "host": "elsewhere"}}, {"machine": {**here, "device": "cuda"}}, {"machine": None},
        {"versions": versions() | {"torch": "0.1"}}, {"versions": versions() | {"scaling-tui": "0"}},
        {"versions": "x"}, {"launch": {"jobs": 2}}, {"launch": None},
    ):  # fmt: skip
        before = (sweep / "sweep.json").read_text()
        change(sweep, **parts)
        assert recorded(tmp_path / "runs", "cpu") == {}, parts
        (sweep / "sweep.json").write_text(before)
    assert len(recorded(tmp_path / "runs", "cpu")) == 4


def test_what_a_probe_measured_is_kept_for_this_machine_and_these_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Evidence(
        probed={TRAINED: Speed(1e-3, 1e-6, None, 0.1)}, start=1.5, peak={1: 1e11},
        too_large=frozenset({replace(TRAINED, threads=4)}),
    )  # fmt: skip
    keep("cpu", known)
    assert cached("cpu") == known
    assert cached("cuda") == Evidence()
    monkeypatch.setattr(speeds, "versions", lambda: {**versions(), "torch": "99"})
    assert cached("cpu") == Evidence()


def test_an_old_probe_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("cpu", Evidence(probed={TRAINED: Speed(1e-3)}, start=1.5))
    monkeypatch.setattr(speeds, "PROBE_LASTS_S", -1.0)
    assert cached("cpu") == Evidence()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["time", "probed", "size", "speed", "architecture", "peak", "start", "threads"]), inner,
        max_size=4,
    ),
    max_leaves=8,
))  # fmt: skip
def test_a_broken_cache_is_no_cache(own_cache: Path, document: Any) -> None:
    keep("cpu", Evidence(start=1.0))
    next(own_cache.rglob("*.json")).write_text(json.dumps(document))
    assert isinstance(cached("cpu"), Evidence)


def test_a_probe_measures_what_is_lacking_and_only_once(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny))
    wanted = [Trained(Size.of_rung(rung), 1, 2) for rung in ladder.rungs[:2]]
    known = probe(wanted, Evidence(), "cpu", "cpu")
    assert set(known.probed) == set(wanted)
    assert all(0 < speed.step < 1 for speed in known.probed.values())
    assert known.start is not None
    assert not lacking(wanted, evidence(tmp_path / "none", "cpu"))
    assert probe(wanted, cached("cpu"), "cpu", "cpu") == cached("cpu")


def test_of_many_sizes_some_are_measured_and_of_the_largest_it_is_said_that_it_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = replace(SIZE, architecture=replace(SIZE.architecture, layers=100, hidden=16_384))
    wanted = [Trained(size, 1, 1) for size in (*(replace(SIZE, batch=2 + each) for each in range(9)), large)]
    monkeypatch.setattr(probes, "WINDOW_S", 0.02)
    known = probe(wanted, Evidence(), "cpu", "cpu")
    assert [wanted.index(one) for one in known.probed] == [0, 3, 6]
    assert known.too_large == {wanted[-1]}
    assert not lacking(wanted, known)


def test_a_process_that_is_killed_takes_nothing_along(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as the commands have it
    asked: list[probes._Process] = []
    ask = probes._Process.ask

    def to_a_dead_one(process: probes._Process, question: dict[str, Any]) -> None:
        process.process.kill()
        process.process.wait()
        asked.append(process)
        ask(process, question)

    monkeypatch.setattr(probes._Process, "ask", to_a_dead_one)
    try:
        known = probe([TRAINED, replace(TRAINED, threads=2)], Evidence(), "cpu", "cpu")
    finally:
        assert signal.signal(signal.SIGPIPE, before) == signal.SIG_DFL
    assert (known.probed, known.too_large, len(asked)) == ({}, frozenset(), 4)


def test_a_probe_that_cannot_start_tells_nothing_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    known = probe([TRAINED], Evidence(), "cpu", "cpu")
    assert (known.probed, known.start, known.too_large) == ({}, None, frozenset())
