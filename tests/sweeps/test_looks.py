"""The looks of `doctor`: none fails or waits for ever, and what torch and the driver say is put together."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scaling_tui.runs.storage import kind_of, storage
from scaling_tui.sweeps import devices, machine_looks
from scaling_tui.sweeps.looks import Look, take
from scaling_tui.sweeps.machine_looks import Found, Torch
from scaling_tui.sweeps.placement import cpu_places
from scaling_tui.sweeps.slots import Slots

CARD = {"device": "cuda:0", "name": "NVIDIA H100", "memory": 85_000_000_000, "capability": "9.0"}


def answering(monkeypatch: pytest.MonkeyPatch, **answers: Found) -> Torch:
    told = {"torch": {"version": "2.13"}, "end": {"error": "the process that asks torch ended with status -9"}}
    monkeypatch.setattr(machine_looks, "_asked", lambda: {**told, **answers})
    return Torch()


def test_a_look_that_fails_or_hangs_is_unknown_and_holds_up_no_other() -> None:
    never = threading.Event()

    def hangs() -> Look:
        never.wait()
        return Look("late")

    def fails() -> Look:
        raise PermissionError(13, "Permission denied", "/disk")

    found = take({"hangs": hangs, "fails": fails, "works": lambda: Look("yes")}, lambda name: 0.5)
    never.set()
    assert found["hangs"].says == "unknown: took longer than 0.5 s"
    assert found["fails"].says == "unknown: /disk: Permission denied"
    assert found["works"] == Look("yes")


@pytest.mark.parametrize(
    ("built_for", "says", "advice"),
    [
        ("torch is built for CPUs", "built for CPUs", "pytorch.org"),
        ("driver too old", "too old", "update the driver"),
    ],
)
def test_a_gpu_that_torch_does_not_use_is_told(
    monkeypatch: pytest.MonkeyPatch, built_for: str, says: str, advice: str
) -> None:
    monkeypatch.setattr(machine_looks, "has_gpu", lambda: True)
    monkeypatch.setattr(machine_looks, "gpus", lambda: ["0", "1"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    torch = answering(monkeypatch, gpus={"gpus": []}, device={"device": "cpu", "why_no_gpu": built_for})
    look = machine_looks.devices(torch)
    assert look.says.startswith("the driver sees 2 GPUs, but torch uses none")
    assert says in look.says
    assert advice in look.advice[0]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    look = machine_looks.devices(torch)
    assert look.says == "not found: CUDA_VISIBLE_DEVICES=-1 hides every GPU"


def test_gpus_of_a_kind_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_looks, "gpus", lambda: ["0", "1"])
    monkeypatch.setattr(machine_looks, "free_memory", lambda device: 84_000_000_000)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    both: list[dict[str, Any]] = [CARD, {**CARD, "device": "cuda:1"}]
    answers = {"device": {"device": "cuda", "why_no_gpu": ""}}
    look = machine_looks.devices(answering(monkeypatch, gpus={"gpus": both}, **answers))
    assert (look.says, look.advice) == ("2 × NVIDIA H100, 85.0 GB each; at least 84.0 GB free", ())
    look = machine_looks.devices(answering(monkeypatch, gpus={"gpus": both[:1]}, **answers))
    assert "torch sees 1 of 2 GPUs" in look.advice[0]


def test_what_a_process_that_died_did_not_say_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = answering(monkeypatch, gloo={"error": "RuntimeError: Unable to resolve hostname"})
    assert machine_looks.nccl(torch).says == "unknown: the process that asks torch ended with status -9"
    assert "GLOO_SOCKET_IFNAME" in machine_looks.gloo(torch).advice[0]


def test_what_compiling_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = {"compiler": None, "headers": False, "triton": None}
    look = machine_looks.compiling(answering(monkeypatch, compile=lacks))
    assert look.status == "not found"
    assert "g++" in look.advice[0]
    assert "python3-dev" in look.advice[0]


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build  (dvs-builder)",
    ],
)
def test_the_version_of_the_driver_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    (tmp_path / "version").write_text(f"{line}\nGCC version:  gcc version 12.3.0\n")
    monkeypatch.setattr(devices, "NVIDIA_DRIVER", tmp_path / "version")
    assert devices.driver() == "NVIDIA 550.54.15"


def test_kinds_of_storage(tmp_path: Path) -> None:
    known = {"nfs4": "network", "fuse.sshfs": "network", "tmpfs": "memory", "overlay": "container", "ext4": "local"}
    assert {name: kind_of(name) for name in known} == known
    assert kind_of("fuse.something") == kind_of("") == "unknown"
    found = storage(tmp_path / "not" / "there")
    assert (found.exists, found.writable, found.nearest) == (False, True, tmp_path.resolve())


def test_to_look_at_slots_makes_nothing(tmp_path: Path) -> None:
    assert Slots(tmp_path / "slots", make=False).holders(cpu_places([0])) == {}
    assert not list(tmp_path.iterdir())
    (tmp_path / "slots").mkdir()
    assert Slots(tmp_path / "slots", make=False).holders(cpu_places([0])) == {}
    assert not list((tmp_path / "slots").iterdir())


def test_torch_answers_every_look() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scaling_tui.train.look"], capture_output=True, text=True, check=True
    )
    answers = {answer["look"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert set(answers) == {"torch", "device", "gpus", "bf16", "compile", "gloo", "nccl"}
    assert not [answer for answer in answers.values() if "error" in answer]
    assert answers["device"]["device"] in ("cpu", "cuda", "mps")
