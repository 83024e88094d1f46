"""What a trainer of one's own may log, and that its logger never ends it."""

import decimal
import json
import math
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.runs import SweepReader, Writer, create_sweep, join_sweep, make_request, read_sweep
from scaling_tui.runs.curve import HEAD, OTHERS_SHARE
from scaling_tui.runs.metrics import KNOWN, MOST_OTHERS, is_usable
from scaling_tui.text.visible import HARMFUL

CONFIG = {"params": 1000, "tokens": 400}


def records_of(run: Writer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.attempt / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_any_metric_is_logged_by_name_and_read_by_name(tmp_path: Path) -> None:
    import torch

    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "small", CONFIG) as run:
        run.log(step=1, tokens=100, loss=torch.tensor(3.0), accuracy=0.5, **{"eval/mmlu": 0.3})
        run.log(step=2, tokens=200, loss=np.float32(2.0), self=np.int64(3), converged=True)
        run.log(step=3, tokens=300, accuracy=decimal.Decimal("0.75"), ones=np.array([[1.0]]))
    (small,) = read_sweep(sweep).runs
    assert small.curve.metrics == (
        "step", "tokens", "loss", "time", "accuracy", "converged", "eval/mmlu", "ones", "self",
    )  # fmt: skip
    found = {name: [values.tolist() for values in small.curve.points("tokens", name)] for name in small.curve.metrics}
    assert found["accuracy"] == [[100, 300], [0.5, 0.75]]
    assert found["eval/mmlu"] == [[100], [0.3]]
    assert (found["self"], found["converged"], found["ones"]) == ([[200], [3]], [[200], [1]], [[300], [1]])
    assert found["loss"] == [[100, 200], [3, 2]]
    assert np.array_equal(small.curve.column("accuracy"), [0.5, math.nan, 0.75], equal_nan=True)
    assert small.curve.last("accuracy") == 0.75
    assert small.curve.last("nothing") is None


class Evil:
    def item(self) -> float:
        raise SystemError("no")

    __float__ = item

    def __repr__(self) -> str:
        raise SystemError("no")


UNREADABLE = ("3.0", b"3", [1.0], {"a": 1}, object(), np.ones(2), 1j, 10**400, Evil())


@pytest.mark.parametrize("value", UNREADABLE, ids=[type(value).__name__ for value in UNREADABLE])
def test_what_is_no_number_is_left_out_and_told_once(tmp_path: Path, value: object) -> None:
    run = Writer.create(create_sweep(tmp_path, "mine", {}) / "small", CONFIG)
    with pytest.warns(RuntimeWarning, match="run small: metric accuracy: found") as told:
        for step in (1, 2):
            run.log(step=step, loss=2.0, accuracy=value)
    assert len(told) == 1
    assert [record.keys() for record in records_of(run)] == [{"time", "step", "loss"}] * 2


def test_a_strict_writer_raises_instead(tmp_path: Path) -> None:
    run = Writer.create(create_sweep(tmp_path, "mine", {}) / "small", CONFIG, strict=True)
    run.log(step=1, val_loss=None)
    with pytest.raises(InputError, match="metric accuracy: found 'high', want a number"):
        run.log(accuracy="high")
    with pytest.raises(InputError, match=r"metric 'a\\x1b': found an unusable name, want 1 to 120 printable"):
        run.log(**{"a\x1b": 1})
    shutil.rmtree(run.attempt)
    with pytest.raises(FileNotFoundError):
        run.log(step=2)


NAMES = st.one_of(
    st.text(max_size=200), st.sampled_from(["eval/mmlu", "loss", "", " ", "\x1b]0;x\x07", "\u202egnp", "[red]", "律"])
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.floats(), max_size=2),
    st.floats(width=32).map(np.float32), st.integers(-99, 99).map(np.int64), st.just(Evil()), st.complex_numbers(),
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logged=st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=4))
def test_whatever_is_logged_ends_nothing_and_every_number_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, logged: list[dict[str, Any]]
) -> None:
    sweep = create_sweep(tmp_path_factory.mktemp("any"), "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for metrics in logged:
            run.log(**metrics)
    assert not [warning for warning in told if HARMFUL.search(str(warning.message))]
    view = read_sweep(sweep)
    assert not view.all_faults
    wanted: dict[str, float] = {}
    for metrics in logged:
        for name, value in metrics.items():
            numeric = isinstance(value, bool | int | float | np.number)
            if numeric and is_usable(name) and abs(float(value)) < 1e300 and math.isfinite(value):
                wanted[name] = float(value)
    (small,) = view.runs
    for name, number in wanted.items():
        assert small.curve.last(name) == number
    assert all(is_usable(name) for name in small.curve.metrics)


def test_of_too_many_names_the_first_are_kept(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    with pytest.warns(RuntimeWarning, match=f"more than {MOST_OTHERS} names") as told:
        for number in range(MOST_OTHERS + 50):
            run.log(step=number, **{f"m{number}": 1.0})
    assert len(told) == 1
    assert len(set(read_sweep(sweep).runs[0].curve.metrics) - set(KNOWN)) == MOST_OTHERS


def test_a_reader_of_names_that_others_wrote_is_bounded_and_takes_no_unusable_one(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    with (run.attempt / "metrics.jsonl").open("w") as file:
        for step in range(3000):
            record = {"step": step, "loss": 2.0, f"many{step}": 1.0, "\x1b]0;owned\x07": 2, "text": "x", "x": [1]}
            file.write(json.dumps(record) + "\n")
    (small,) = SweepReader(sweep, keep=4096).poll().runs
    assert len(small.curve.others) == MOST_OTHERS
    assert not [name for name in small.curve.metrics if not is_usable(name)]
    assert small.faults == (
        "broken: small/attempt-1/metrics.jsonl: left out metrics whose name is not 1 to 120 printable characters",
    )


def test_a_reader_that_keeps_few_records_keeps_the_extremes_of_every_metric(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    with (run.attempt / "metrics.jsonl").open("w") as file:
        for step in range(20_000):
            record = {"step": step, "tokens": step, "loss": 2.0 + 1 / (1 + step), "spiky": float(step == 11_111)}
            if step % 1000 == 7:
                record["eval/seldom"] = step / 2
            file.write(json.dumps(record) + "\n")
            if step % 997 == 0:
                file.write(
                    json.dumps({"step": step, "tokens": step, "val_accuracy": 0.5 + (step == 997 * 13) / 4}) + "\n"
                )
    few, whole = (SweepReader(sweep, keep).poll().runs[0].curve for keep in (4096, None))
    for name in ("spiky", "eval/seldom", "val_accuracy"):
        (x, y), (all_x, all_y) = few.points("tokens", name), whole.points("tokens", name)
        assert (y.max(), y.min(), y[-1]) == (all_y.max(), all_y.min(), all_y[-1]), name
        assert x[y.argmax()] == all_x[all_y.argmax()], name
    assert np.array_equal(few.points("step", "eval/seldom"), whole.points("step", "eval/seldom"))
    assert few.others["spiky"].shape[1] <= 4096 // OTHERS_SHARE
    assert list(few.points("step", "spiky")[0][: HEAD // OTHERS_SHARE]) == list(range(HEAD // OTHERS_SHARE))


def test_other_metrics_are_joined_over_attempts_like_the_loss(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    first = Writer.create(sweep / "small", CONFIG)
    for step in (10, 20, 30, 40):
        first.log(step=step, loss=float(step), accuracy=step / 100)
    second = Writer.create(sweep / "small", CONFIG)
    for step in (30, 40, 50):
        second.log(step=step, loss=step + 0.5, **({"accuracy": 1.0} if step == 50 else {}), late=1.0)
    (small,) = read_sweep(sweep).runs
    assert small.curve.points("step", "accuracy")[0].tolist() == [10, 20, 50]
    assert np.array_equal(small.curve.column("accuracy"), [0.1, 0.2, math.nan, math.nan, 1.0], equal_nan=True)
    assert np.array_equal(small.curve.column("late"), [math.nan, math.nan, 1, 1, 1], equal_nan=True)


def test_a_sampled_sweep_shows_other_metrics_too(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    with (run.attempt / "metrics.jsonl").open("w") as file:
        for step in range(1, 30_000):
            file.write(json.dumps({"step": step, "tokens": step, "loss": 2.0, "accuracy": step / 30_000}) + "\n")
    reader = SweepReader(sweep, keep=4096)
    sampled = reader.poll(0).runs[0]
    x, y = sampled.curve.points("tokens", "accuracy")
    assert sampled.unread
    assert len(x) > 50
    assert np.all(np.diff(x) > 0)
    assert np.allclose(y, x / 30_000)
    while reader.poll(1 << 20).unread:
        pass
    assert reader.poll().runs[0].curve.last("accuracy") == 29_999 / 30_000


# --- faults


def test_a_folder_that_is_deleted_ends_no_training(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    no_such_file = pytest.warns(RuntimeWarning, match="mine/small: cannot be written to .No such file")
    with no_such_file as told, Writer.create(sweep / "small", CONFIG) as run:
        run.log(step=1, loss=2.0)
        shutil.rmtree(sweep)
        for step in range(2, 50):
            run.log(step=step, loss=2.0)
    assert len(told) == 1
    assert not sweep.exists(), "what somebody deleted stays deleted"


def test_a_disk_that_takes_nothing_ends_no_training_and_one_with_room_again_gets_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    opened = os.open

    def refuse(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if full and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(28, "No space left on device", str(path))
        return opened(path, flags, *rest, **more)

    sweep = create_sweep(tmp_path, "mine", {})
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("scaling_tui.runs.writer.write_json", lambda *_: refuse("run.json", os.O_WRONLY))
    with pytest.warns(RuntimeWarning, match="No space left on device.; the training goes on") as told:
        run = Writer.create(sweep / "small", CONFIG)
        run.log(step=1, loss=2.0)
    monkeypatch.undo()
    run.log(step=2, loss=2.0)
    run.end()
    assert len(told) == 1
    (small,) = read_sweep(sweep).runs
    assert (small.state, small.params, small.curve["step"].tolist()) == ("finished", 1000, [2])


@pytest.mark.parametrize("name", ["a\x1b[31mb", "\u202egnp", ".hidden", "-rf", "a\nb", "\ud800", "x" * 300])
def test_a_run_whose_name_no_folder_can_have_gets_another(tmp_path: Path, name: str) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    with pytest.warns(RuntimeWarning, match="it is called") as told, Writer.create(sweep / name, CONFIG) as run:
        run.log(step=1, loss=2.0)
    assert not HARMFUL.search(str(told[0].message))
    (found,) = read_sweep(sweep).runs
    assert (found.state, found.params, found.loss) == ("finished", 1000, 2.0)


def test_a_sweep_whose_name_no_folder_can_have_gets_another(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="sweep name .* it is called 'a-b'"):
        Writer.create(tmp_path / "a\x1bb" / "small", CONFIG).end()
    with Writer.create(tmp_path / "a-b" / "large", CONFIG) as run:
        run.log(step=1, loss=2.0)
    assert [run.name for run in read_sweep(tmp_path / "a-b").runs] == ["large", "small"]


@pytest.mark.parametrize("path", ["/dev/null/mine/small", "/proc/mine/small", "/x", "a\0b/c", "a/b\0c", ".", ""])
def test_wherever_a_run_is_to_be_no_training_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with Writer.create(path if path != "/x" else "relative/small", CONFIG) as run:
            run.log(step=1, loss=2.0)
            assert not run.stop_requested()
    assert told


def test_a_run_is_asked_to_stop_and_a_later_attempt_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling_tui.runs.writer.HEARTBEAT_S", 0.0)
    sweep = create_sweep(tmp_path, "mine", {})
    first, other = (Writer.create(sweep / name, CONFIG) for name in ("small", "other"))
    assert not first.stop_requested()
    make_request(sweep, "stop", "small")
    assert (first.stop_requested(), other.stop_requested()) == (True, False)
    again = Writer.create(sweep / "small", CONFIG)
    assert not again.stop_requested()
    make_request(sweep, "stop")
    assert again.stop_requested()
    assert other.stop_requested()


def test_warnings_that_are_errors_end_no_training(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from scaling_tui.runs import Writer
with Writer.create(Path({str(tmp_path / "mine" / "small")!r}), {{"params": 10}}) as run:
    run.log(step=1, loss=2.0, accuracy="high")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "run small: metric accuracy: found 'high', want a number; it is left out\n"
    assert [run.loss for run in read_sweep(tmp_path / "mine").runs] == [2.0]


def test_a_configuration_of_numpy_numbers_and_paths_is_written(tmp_path: Path) -> None:
    config: dict[Any, Any] = {
        "params": np.int64(5),
        "tokens": np.float64(1e6),
        "out": tmp_path,
        "betas": (0.9, np.float32(0.5)),
        3: 4,
    }
    with Writer.create(tmp_path / "mine" / "small", config) as run:
        run.log(step=1, loss=2.0)
    found = json.loads((run.run / "run.json").read_text())
    assert (found["params"], found["tokens"], found["betas"], found["out"]) == (5, 1e6, [0.9, 0.5], str(tmp_path))


def test_processes_that_join_a_sweep_meet_in_one_folder(tmp_path: Path) -> None:
    assert join_sweep(tmp_path, "mine", {"summary": "one"}) == join_sweep(tmp_path, "mine", {"summary": "two"})
    assert read_sweep(tmp_path / "mine").document["summary"] == "one"
    with pytest.raises(InputError, match="not usable as a folder name"):
        join_sweep(tmp_path, "../mine")


def test_the_logger_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from scaling_tui.runs import Writer\n"
        "with Writer.create('mine/small', {'params': 10}) as run: run.log(step=1, loss=2.0, accuracy=.5)\n"
        "print([name for name in ('torch', 'textual', 'plotext', 'rich', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- what the reader makes of what others wrote


def test_rungs_of_others_sort_by_size(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    sizes: dict[str, dict[str, float]] = {
        "zz-small": {"params": 10},
        "b10": {"params": 100, "tokens": 5},
        "b9": {"params": 100, "tokens": 5},
        "a": {"params": 100, "tokens": 7},
        "unsized": {},
        "big": {"params": 1e9},
    }
    for name, config in sizes.items():
        with Writer.create(sweep / name, config) as run:
            run.log(step=1, loss=2.0)
    assert [run.name for run in read_sweep(sweep).runs] == ["zz-small", "b9", "b10", "a", "big", "unsized"]


def test_a_sweep_without_runs_is_empty(tmp_path: Path) -> None:
    view = read_sweep(create_sweep(tmp_path, "mine", {}))
    assert (view.state, view.reason) == ("empty", "no runs yet")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("COMPLETED", "finished"), ("success", "finished"), ("crashed", "failed"), ("preempted", "stopped"),
        ("Finished", "finished"), ("training", "lost"), ("almost", "lost"), (3, "lost"),
    ],
)  # fmt: skip
def test_the_words_of_others_for_an_end_are_known(tmp_path: Path, word: object, state: str) -> None:
    run = Writer.create(create_sweep(tmp_path, "mine", {}) / "small", CONFIG)
    run.log(step=1, tokens=400, loss=2.0)
    (run.attempt / "status.json").write_text(json.dumps({"state": word}))
    (small,) = read_sweep(run.run.parent).runs
    assert small.state == state
    assert bool(small.faults) == (word in ("almost", 3))


@pytest.mark.parametrize(
    ("config", "age", "state"),
    [({"tokens": 400}, 9e4, "finished"), ({"tokens": 900}, 9e4, "lost"), ({}, 9e4, "lost"), ({}, 0, "running")],
)
def test_a_run_without_a_status_is_judged_by_its_records(
    tmp_path: Path, config: dict[str, int], age: float, state: str
) -> None:
    run = Writer.create(create_sweep(tmp_path, "mine", {}) / "small", {"params": 10, **config})
    run.log(step=1, tokens=399, loss=2.0)
    (run.attempt / "status.json").unlink()
    metrics = run.attempt / "metrics.jsonl"
    os.utime(metrics, (metrics.stat().st_mtime - age,) * 2)
    (small,) = read_sweep(run.run.parent).runs
    assert small.state == state
    if state == "lost":
        assert small.reason == "no status.json tells how it ended; its last record is 1.0 days old"


def test_tokens_come_from_the_last_record_where_run_json_has_none(tmp_path: Path) -> None:
    run = Writer.create(create_sweep(tmp_path, "mine", {}) / "small", {"params": 10})
    run.log(step=1, tokens=100, loss=3.0)
    assert read_sweep(run.run.parent).runs[0].tokens is None, "it still trains"
    run.log(step=2, tokens=200, loss=2.0)
    run.end()
    assert read_sweep(run.run.parent).runs[0].tokens == 200


def test_a_result_may_stand_in_run_json(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    results: dict[str, dict[str, float]] = {"a": {"val_loss": 2.5}, "b": {"loss": 2.6}, "c": {}}
    for name, config in results.items():
        with Writer.create(sweep / name, {"params": 10, "tokens": 7, "unique_tokens": 5, **config}):
            pass
    runs = read_sweep(sweep).runs
    assert [(run.loss, run.loss_is_held_out) for run in runs] == [(2.5, True), (2.6, False), (None, None)]
    assert {run.unique_tokens for run in runs} == {5}


def test_a_configuration_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="run.json: params: found '124M', want a number from 0 to 1e60"):
        run = Writer.create(tmp_path / "mine" / "a", {"params": "124M", "note": "any"})
    run.log(step=1, loss=3.0)
    run.end()
    assert read_sweep(tmp_path / "mine").runs[0].loss == 3.0
