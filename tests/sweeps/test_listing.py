"""A list of sweeps is quick, and never wrong after a change, whatever the cache holds."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling_tui.runs import Status, Writer, create_sweep, read_sweep
from scaling_tui.runs.format import append_line, claim, write_json
from scaling_tui.runs.labels import change_labels
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps import listing
from scaling_tui.sweeps.listing import Listing, rows_of
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.sweeps.summary import row_of
from tests.conftest import FINISHED, record_sweep


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sweeps of several kinds that count as at rest at once, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("scaling_tui.runs.stamp.SETTLES_NS", -(10**12))
    runs = tmp_path / "runs"
    record_sweep(runs, FINISHED, "whole")
    record_sweep(runs, ["finished", "stopped", *["queued"] * 5], "begun")
    record_sweep(runs, ["finished", "lost", *["queued"] * 5], "gone")
    with Writer.create(runs / "theirs" / "n0", {"params": 1000, "tokens": 500}) as run:
        run.log(step=1, tokens=500, loss=2.0)
    return runs


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sweeps that are read from now on."""
    found: list[str] = []
    inner = Listing._read

    def noted(self: Listing, path: Path) -> object:
        found.append(path.name)
        return inner(self, path)

    monkeypatch.setattr(Listing, "_read", noted)
    return found


def by_name(runs: Path) -> dict[str, SweepRow]:
    return {row.name: row for row in rows_of(runs, exact=True)}


def without_disk(row: SweepRow) -> dict[str, object]:
    return {key: value for key, value in row.as_json().items() if key not in ("size", "active")}


def test_what_has_not_changed_is_not_read_again(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = by_name(settled)
    read = reads(monkeypatch)
    assert by_name(settled) == first
    assert not read
    for name, row in first.items():
        assert without_disk(row) == without_disk(row_of(read_sweep(settled / name))), name
        assert row.size == sum(path.stat().st_size for path in (settled / name).rglob("*") if path.is_file())


def edited_in_place(path: Path) -> None:
    """The same number of bytes in the same file, and the old time of modification set again."""
    before = path.stat()
    text = path.read_text().replace('"params": 467808', '"params": 467809')
    with path.open("r+") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def resumed(sweep: Path) -> None:
    Status.of_this_process("running").write(claim(sweep, "supervisor") / "status.json")


def restarted(sweep: Path) -> None:
    Status.of_this_process("running").write(claim(sweep / "r7-s0", "attempt") / "status.json")


def more_records(sweep: Path) -> None:
    record = {"step": 99, "tokens": 1_000_448, "loss": 0.5, "val_loss": 0.25}
    append_line(sweep / "r1-s0" / "attempt-1" / "metrics.jsonl", record)


def heard_of_again(sweep: Path) -> None:
    status = Status("running", 1, 0.0, "elsewhere", time.time())
    status.write(sweep / "r2-s0" / "attempt-1" / "status.json")
    status.write(sweep / "supervisor-1" / "status.json")


def asked_nonsense(sweep: Path) -> None:
    (sweep / "requests").mkdir()
    (sweep / "requests" / "1.json").write_text("[]")


def replaced(sweep: Path) -> None:
    shutil.rmtree(sweep)
    create_sweep(sweep.parent, sweep.name, {"ladder": "another"})


CHANGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a run.json edited in place": ("whole", lambda sweep: edited_in_place(sweep / "r7-s0" / "run.json")),
    "a run deleted": ("whole", lambda sweep: shutil.rmtree(sweep / "r7-s0")),
    "an attempt deleted": ("whole", lambda sweep: shutil.rmtree(sweep / "r7-s0" / "attempt-1")),
    "a run added": ("theirs", lambda sweep: write_run(sweep / "n1", {"params": 5})),
    "records appended": ("whole", more_records),
    "records torn": ("whole", lambda sweep: os.truncate(sweep / "r1-s0/attempt-1/metrics.jsonl", 500)),
    "resumed": ("begun", resumed),
    "restarted by its own trainer": ("whole", restarted),
    "a heartbeat of a lost run": ("gone", heard_of_again),
    "sweep.json broken": ("whole", lambda sweep: (sweep / "sweep.json").write_text("{")),
    "run.json broken": ("whole", lambda sweep: (sweep / "r1-s0" / "run.json").write_text("{")),
    "another prediction": ("whole", lambda sweep: append_line(sweep / "predictions.jsonl", {"rung": 7})),
    "a broken request": ("begun", asked_nonsense),
    "tagged": ("theirs", lambda sweep: change_labels(sweep, lambda labels: labels.tagged(["a"]))),
    "replaced by another": ("whole", replaced),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_list_is_never_wrong_after_a_change(settled: Path, change: str) -> None:
    name, do = CHANGES[change]
    shared = Listing(settled, exact=True)
    shared.poll()
    before = by_name(settled)
    do(settled / name)
    after = by_name(settled)
    again = {row.name: row for row in shared.poll().rows}
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "scaling-tui" / "sweeps")
    fresh = by_name(settled)
    assert after == again == fresh
    assert after[name] != before[name]
    assert {key: row for key, row in after.items() if key != name} == {
        key: row for key, row in before.items() if key != name
    }


def test_sweeps_that_come_and_go_are_listed_and_not(settled: Path) -> None:
    shared = Listing(settled)
    shared.poll()
    record_sweep(settled, FINISHED, "new")
    (settled / "begun").rename(settled / "renamed")
    shutil.rmtree(settled / "gone")
    expected = {"whole", "theirs", "new", "renamed"}
    assert set(by_name(settled)) == {row.name for row in shared.poll(close=False).rows} == expected


def test_what_changed_a_moment_ago_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A further change could bear the same time on a file system with a coarse clock."""
    record_sweep(tmp_path, FINISHED)
    rows_of(tmp_path)
    read = reads(monkeypatch)
    rows_of(tmp_path)
    assert read == ["quickstart"]


def test_what_trains_or_was_lost_a_moment_ago_is_always_read(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard_of_again(settled / "gone")
    assert by_name(settled)["gone"].state == "running"
    # A clock that is ahead: lost now, and alive once this one has caught up.
    for folder in ("supervisor-1", "r2-s0/attempt-1"):
        Status("running", 1, 0.0, "elsewhere", time.time() + 1000).write(settled / "gone" / folder / "status.json")
    assert by_name(settled)["gone"].state == "lost"
    read = reads(monkeypatch)
    by_name(settled)
    assert read == ["gone"]


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def with_other_fields(file: Path) -> None:
    entries = json.loads(file.read_bytes().partition(b"\n")[2])
    for entry in entries.values():
        entry[-1]["unheard_of"] = 1
    text = json.dumps(entries).encode()
    file.write_bytes(listing._digest(text) + b"\n" + text)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "torn": lambda file: os.truncate(file, file.stat().st_size // 2),
    "other text": lambda file: file.write_bytes(file.read_bytes().replace(b"finished", b"stopped!")),
    "not text": lambda file: file.write_bytes(os.urandom(1000)),
    "a folder": a_folder,
    "of another program": lambda file: file.write_bytes(listing._digest(b"[1]") + b"\n[1]"),
    "with other fields": with_other_fields,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_counts_as_none(settled: Path, damage: str) -> None:
    first = by_name(settled)
    (file,) = (Path(os.environ["XDG_CACHE_HOME"]) / "scaling-tui" / "sweeps").iterdir()
    DAMAGE[damage](file)
    assert by_name(settled) == first


def test_where_no_cache_can_be_written_the_sweeps_are_listed_all_the_same(
    settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert set(by_name(settled)) == {"whole", "begun", "gone", "theirs"}


def test_two_folders_and_two_hosts_share_nothing(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_name(settled)
    read = reads(monkeypatch)
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    by_name(settled)
    assert set(read) == {"whole", "begun", "gone", "theirs"}


def test_losses_of_the_last_records_are_not_taken_for_those_of_all(
    settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run without a held-out loss: the mean of its last tenth needs more than its last records."""
    run = Writer.create(settled / "long" / "n0", {"params": 9, "tokens": 10**7})
    (run.attempt / "metrics.jsonl").write_text(
        "".join(f'{{"step": {step}, "tokens": {step}, "loss": {5 - step / 6e4}}}\n' for step in range(1, 30_000))
    )
    run.end()
    glanced = {row.name: row for row in rows_of(settled)}["long"]
    exact = by_name(settled)["long"]
    assert exact.best is not None
    assert glanced.best is not None
    assert exact.best["loss"] == read_sweep(settled / "long").runs[0].loss != glanced.best["loss"]
    read = reads(monkeypatch)
    assert {row.name: row for row in rows_of(settled)}["long"] == exact
    assert by_name(settled)["long"] == exact
    assert not read


def test_a_look_takes_no_longer_than_it_may_and_the_next_goes_on(settled: Path) -> None:
    shared, seen = Listing(settled), []
    while True:
        listed = shared.poll(most_s=0.0)
        seen.append(len(listed.rows))
        assert len(listed.rows) + len(listed.unread) == 4
        if not listed.unread:
            break
    assert seen == [1, 2, 3, 4]


def test_what_a_short_look_does_not_come_to_stays_as_it_was_and_is_read_next(settled: Path) -> None:
    shared = Listing(settled)
    before = shared.poll()
    for name in ("whole", "begun"):
        more_records(settled / name)
    first, second = shared.poll(most_s=0.0), shared.poll(most_s=0.0)
    assert [row.name for row in first.rows] == [row.name for row in second.rows] == [row.name for row in before.rows]
    (left,) = first.unread
    assert not first.unknown
    assert {row.name: row for row in first.rows}[left] == {row.name: row for row in before.rows}[left]
    assert not {left} & set(second.unread), "it is read before what has been"


def test_in_a_quick_look_every_change_shows_before_long(settled: Path) -> None:
    shared = Listing(settled, exact=True)
    shared.poll()
    more_records(settled / "whole")
    found = [shared.poll(close=False).rows for _ in range(listing.TURNS)][-1]
    assert {row.name: row for row in found} == by_name(settled)


def test_a_line_of_a_list_costs_a_small_part_of_reading_the_sweep(
    settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In system calls that look at files, as time depends on the machine: none opens a file of a run."""
    by_name(settled)
    opened: list[str] = []
    inner = os.open

    def noted(path: object, *args: object, **others: object) -> int:
        opened.append(str(path))
        return inner(path, *args, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", noted)
    by_name(settled)
    assert not [path for path in opened if path.startswith(str(settled))]


def test_an_unreadable_sweep_is_a_row_with_its_reason(settled: Path) -> None:
    write_json(settled / "whole" / "sweep.json", [])
    assert "want an object" in by_name(settled)["whole"].broken
