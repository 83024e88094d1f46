"""Slots: who holds one, who waits for one, and what in their folder must stop or hurt nobody."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui.runs.format import incarnation_of
from scaling_tui.sweeps import slots as module
from scaling_tui.sweeps.placement import cpu_places, gpu_places
from scaling_tui.sweeps.slots import SHARED, Holder, Place, Slots, told

CPU = cpu_places([0, 1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "slots"


def holding(folder: Path, place: Place) -> "subprocess.Popen[bytes]":
    """A process that inherits the lock of `place`, as a worker does, and outlives who took it."""
    slot = Slots(folder).take(place)
    assert slot is not None
    code = "import sys; print('scaling_tui', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=slot.descriptors
    )
    slot.name_holder("first", process.pid)
    assert process.stdout
    process.stdout.readline()
    slot.release()
    return process


def test_a_slot_is_taken_once_and_free_again_when_released(folder: Path) -> None:
    ours, theirs = Slots(folder), Slots(folder)
    slot = ours.take(CPU[0])
    assert slot is not None
    assert theirs.take(CPU[0]) is None
    assert theirs.take(CPU[1]) is not None
    slot.release()
    assert theirs.take(CPU[0]) is not None


def test_a_slot_is_held_by_who_inherited_it_and_free_when_that_is_killed(folder: Path) -> None:
    waiting = Slots(folder)
    with holding(folder, CPU[0]) as process:
        assert waiting.take(CPU[0]) is None
        holders = waiting.holders(CPU)
        assert holders == {Holder("first", process.pid): ["cpu 0"]}
        assert told(holders) == f"first (pid {process.pid}) holds cpu 0"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert waiting.take(CPU[0]) is not None
        assert waiting.holders(CPU) == {}


def test_runs_share_a_gpu_and_one_that_wants_it_alone_waits(folder: Path) -> None:
    shares, whole = gpu_places([(0, "0"), (1, "1")], 2), gpu_places([(0, "0")], 1)[0]
    assert [place.device for place in shares] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert len(set(shares)) == 4
    ours, theirs = Slots(folder), Slots(folder)
    taken = [ours.take(place) for place in shares]
    assert all(taken)
    assert theirs.take(whole) is None
    for slot in taken:
        assert slot is not None
        slot.release()
    assert theirs.take(whole) is not None
    assert [ours.take(place) is None for place in shares] == [True, False, True, False]


def test_a_lock_whose_file_names_nobody_alive_stops_nobody_for_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = Slots(folder), Slots(folder)
    assert theirs.take(CPU[0])
    assert ours.take(CPU[0]) is None  # its holder may be about to write its name
    monkeypatch.setattr(module, "UNNAMED_S", 0.0)
    unlocked = ours.take(CPU[0])
    assert unlocked is not None
    assert unlocked.descriptors == []
    # A live process of another program is named, as anyone could write.
    line = {"sweep": "x", "pid": 1, "started": 0.0, "incarnation": incarnation_of(1)}
    (folder / "cpu-0").write_text(json.dumps(line))
    assert ours.take(CPU[0]) is not None


@pytest.mark.parametrize("broken", ["link", "hard link", "pipe", "folder", "closed", "garbage", "nested"])
def test_a_broken_or_hostile_file_stops_nobody_and_hurts_nothing(folder: Path, tmp_path: Path, broken: str) -> None:
    folder.mkdir()
    victim, lock = tmp_path / "victim", folder / "cpu-0"
    victim.write_text("precious")
    if broken == "link":
        lock.symlink_to(victim)
    elif broken == "hard link":
        lock.hardlink_to(victim)
    elif broken == "pipe":
        os.mkfifo(lock)
    elif broken == "folder":
        lock.mkdir()
    elif broken == "closed":
        lock.touch(0o000)
    else:
        lock.write_bytes(b"[" * 100_000 if broken == "nested" else b"\x1b]0;\xff{" * 1000)
    ours = Slots(folder)
    assert ours.holders(CPU) == {}
    slot = ours.take(CPU[0])
    assert slot is not None
    slot.name_holder("mine", os.getpid())
    assert victim.read_text() == "precious"


def test_the_name_of_a_holder_reaches_no_terminal_unfiltered(folder: Path) -> None:
    with holding(folder, CPU[0]) as process:
        document = json.loads((folder / "cpu-0").read_text())
        (folder / "cpu-0").write_text(json.dumps({**document, "sweep": "\x1b]0;owned\x07\n" + "x" * 1000}))
        (holder,) = Slots(folder).holders(CPU)
        assert holder.sweep.isprintable()
        assert len(holder.sweep) <= 100
        process.kill()


def test_without_a_folder_every_slot_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    ours, theirs = Slots(tmp_path / "file"), Slots(tmp_path / "file")
    assert ours.take(CPU[0])
    assert theirs.take(CPU[0])
    assert theirs.holders(CPU) == {}


def test_a_folder_of_all_users_that_somebody_spoilt_is_replaced_by_one_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCALING_TUI_SLOTS")
    shared = tmp_path / "shared"
    monkeypatch.setattr(module, "SHARED", str(shared))
    assert Slots().take(CPU[0])
    assert shared.stat().st_mode & 0o7777 == 0o1777
    assert (shared / "cpu-0").stat().st_mode & 0o777 == 0o666
    (shared / "cpu-0").unlink()
    shared.rmdir()
    shared.symlink_to(tmp_path)
    assert Slots().take(CPU[0])
    own = tmp_path / f"shared-{os.getuid()}"
    assert own.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in own.iterdir()] == ["cpu-0"]
    assert SHARED.startswith("/tmp/")


def test_many_slots_are_told_briefly() -> None:
    held = {Holder("big", 100 + number): [f"cpu {number}"] for number in range(64)}
    assert told(held) == "big (pid 100, 101, 102 and 61 more) holds cpu 0, cpu 1, cpu 2 and 61 more"
