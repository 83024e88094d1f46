"""The load of GPUs, by a driver that is played: whole, in part, broken, absent."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Static

from scaling_tui.runs import read_sweep
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.services.machine import load_text, read_load
from scaling_tui.tui.widgets.panel import in_view
from tests.conftest import record_sweep
from tests.tui.conftest import shown, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
GB = 10**9


class NVMLError(Exception):
    pass


class Driver(ModuleType):
    """Stands in for `pynvml`: `gpus` are what each device answers; a question that it does not know fails."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *gpus: dict[str, Any], works: bool = True) -> None:
        super().__init__("pynvml")
        self.gpus, self.works, self.open = gpus, works, 0

    def nvmlInit(self) -> None:
        if not self.works:
            raise NVMLError
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        if not self.gpus[index]:
            raise NVMLError("GPU is lost")
        return self.gpus[index]

    def __getattr__(self, question: str) -> Any:
        if not question.startswith("nvmlDeviceGet"):
            raise AttributeError(question)

        def answer(device: dict[str, Any], *_: Any) -> Any:
            if question not in device:
                raise NVMLError("Not Supported")
            return device[question]

        return answer


def gpu(pids: dict[int, int | None], name: str | bytes = "NVIDIA H100 80GB HBM3") -> dict[str, Any]:
    return {
        "nvmlDeviceGetName": name,
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=61 * GB, total=85 * GB),
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97),
        "nvmlDeviceGetTemperature": 64,
        "nvmlDeviceGetPowerUsage": 411_600,
        "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        "nvmlDeviceGetComputeRunningProcesses": [
            SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in pids.items()
        ],
    }


def test_each_gpu_tells_its_load_and_who_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = read_sweep(record_sweep(tmp_path, ["finished"] * 5 + ["running", "queued"]))
    driver = Driver(gpu({os.getpid(): GB, 2**22 + 7: None}), gpu({}, b"NVIDIA A2"))
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    first, second = load_text(sweep).splitlines()[1:]
    assert first == f"GPU 0  H100 80GB HBM3  97 %  61.0 of 85.0 GB  64 °C  412 of 700 W  r6-s0, pid {2**22 + 7}"
    assert second == "GPU 1  A2              97 %  61.0 of 85.0 GB  64 °C  412 of 700 W  free"
    assert driver.open == 0, "the driver is closed again"


def test_a_gpu_that_tells_little_or_is_lost_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver({}, {"nvmlDeviceGetName": "MIG"}, gpu({})))
    found = read_load().gpus
    assert [one.index for one in found] == [1, 2]
    assert (found[0].busy, found[0].used, found[0].temperature, found[0].power) == (None, None, None, None)
    assert load_text(None).splitlines()[1].split() == ["GPU", "1", "MIG", "–", "–", "–", "–", "free"]


@pytest.mark.parametrize("driver", [None, Driver(works=False), Driver()])
def test_without_a_gpu_none_is_shown(driver: Driver | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver)  # None is as if it were not installed
    assert read_load().gpus == ()
    assert "GPU" not in load_text(None)


async def test_a_key_shows_the_gpus_on_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    monkeypatch.setitem(sys.modules, "pynvml", Driver(*[gpu({os.getpid(): GB})] * 8))
    monkeypatch.setattr("scaling_tui.tui.services.machine.load_text", load_text)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        machine = app.screen.query_one("#machine", Static)
        assert not in_view(machine)
        await pilot.press("m")
        await until(pilot, lambda: "GPU 7" in str(machine.render()))
        await pilot.pause()
        assert machine.size.height == 9
        await pilot.press("m")
        assert not in_view(machine)
