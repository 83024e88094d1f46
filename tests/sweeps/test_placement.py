"""How runs are spread over a machine: cores, threads, GPUs, memory."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws.counting import Architecture
from scaling_tui.runs import read_sweep
from scaling_tui.sweeps import devices, placement, preflight
from scaling_tui.sweeps.devices import check_device, gpus, kind_of, visible_gpus
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import LaunchOptions, launched_with, lay_out
from scaling_tui.sweeps.placement import at_a_time, fitting, gpu_memory, main_memory, places, runs_per_gpu, threads_for
from scaling_tui.sweeps.preflight import check_memory
from scaling_tui.sweeps.size import Size

GB = 1_000_000_000
UUIDS = ["GPU-aa11", "GPU-bb22", "GPU-cc33"]


def of_gflops(gflops: float) -> Size:
    """A size with about so many GFLOPs a step of 512 tokens."""
    hidden = round((gflops * 1e9 / 512 / (6 * 2 * 12)) ** 0.5)
    return Size("gpt", Architecture(2, hidden, context=64), 8)


def test_a_small_run_gets_one_thread_and_one_that_trains_alone_all_that_it_is_worth() -> None:
    asked = {
        (gflops, alone): threads_for(of_gflops(gflops), alone, 8, 4)
        for gflops in (0.04, 1.41, 100)
        for alone in (False, True)
    }
    assert asked == {
        (0.04, False): 1, (0.04, True): 1, (1.41, False): 2, (1.41, True): 2, (100, False): 2, (100, True): 8,
    }  # fmt: skip
    assert threads_for(of_gflops(100), False, 2, 8) == 1


@pytest.mark.parametrize(
    ("parameters", "needs", "free", "runs"),
    [
        ([10_000, 80_000, 1_200_000], [GB] * 3, 80 * GB, 3),
        ([10_000] * 20, [GB] * 20, 80 * GB, 4),
        ([10_000] * 20, [GB] * 20, 3 * GB, 2),
        ([10_000] * 20, [GB] * 20, GB // 2, 1),
        ([10_000, 124_000_000], [GB, 4 * GB], 80 * GB, 1),
        ([10_000] * 20, [GB] * 20, None, 1),
        ([], [], 80 * GB, 1),
    ],
)
def test_several_small_runs_share_a_gpu_as_far_as_its_memory_goes(
    parameters: list[int], needs: list[int], free: int | None, runs: int
) -> None:
    assert runs_per_gpu(parameters, needs, free) == runs


def test_the_memory_of_a_run_on_a_gpu_counts_its_logits() -> None:
    large = Size("gpt", Architecture(12, 768, context=1024, vocab=50_304, head="tied"), 16)
    assert 15 * GB < gpu_memory(large) < 40 * GB
    assert gpu_memory(Size("gpt", Architecture(2, 16, context=64, vocab=256, head="tied"), 8)) < GB


def test_a_batch_never_has_to_fit(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "memory", lambda: (2 * GB, True))
    large = ["batch=1_000_000", "layers=12", "hidden=256", "context=32", "tokens=32_000_000"]
    ladder = load_ladder(str(tiny), large)
    assert main_memory(Size.of_rung(ladder.rungs[0]), gpu=False) > 100 * GB
    check_memory(ladder, "cpu")
    with pytest.raises(InputError, match=r"parameters in batches of 1.00M need at least 4.* GB of memory"):
        check_memory(load_ladder(str(tiny), [*(one for one in large if one != "hidden=256"), "hidden=1344"]), "cpu")


def test_the_number_at_a_time_is_what_memory_and_the_gpu_hold(four_gpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = [Size("gpt", Architecture(2, 16, context=64, vocab=256, head="tied"), 8)] * 40
    monkeypatch.setattr(placement, "free_memory", lambda device: 80 * GB)
    monkeypatch.setattr(placement, "memory", lambda: (100 * GB, False))
    assert at_a_time(None, "cuda", None, small) == 16
    assert at_a_time(None, "cuda", None, small, free=2 * GB) == 8
    assert at_a_time(None, "cuda", 1, small) == 4
    monkeypatch.setattr(placement, "memory", lambda: (int(0.5 * GB), True))
    assert [at_a_time(jobs, "cuda", None, small) for jobs in (None, 5)] == [3, 5]
    monkeypatch.setattr(placement, "core_numbers", lambda: list(range(8)))
    batches = [replace(size, batch=2_000) for size in small]  # they are split
    large = [Size("gpt", Architecture(12, 512, context=64, vocab=256, head="tied"), 8)] * 40
    monkeypatch.setattr(placement, "memory", lambda: (4 * GB, False))
    assert [at_a_time(None, "cpu", None, sizes) for sizes in (small, batches, large)] == [8, 8, 5]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (None, ["0", "1", "2"]), ("", []), ("-1", []), ("2,0", ["2", "0"]), ("0,7,1", ["0"]), ("1,1", ["1"]),
        ("GPU-bb22", ["1"]), ("GPU-b", ["1"]), ("GPU-dd", []), ("MIG-a-b", ["MIG-a-b"]), ("x", []), (" 1 ", ["1"]),
    ],
)  # fmt: skip
def test_gpus_are_those_that_cuda_visible_devices_leaves(named: str | None, found: list[str]) -> None:
    environment = {} if named is None else {"CUDA_VISIBLE_DEVICES": named}
    assert visible_gpus(3, environment, UUIDS) == found


@given(st.text(), st.integers(0, 4))
def test_no_text_in_cuda_visible_devices_is_taken_for_a_gpu_that_is_not_there(text: str, count: int) -> None:
    found = visible_gpus(count, {"CUDA_VISIBLE_DEVICES": text}, [""] * count)
    assert len(set(found)) == len(found)
    assert all(int(name) < count for name in found if name.isdecimal())


@pytest.fixture
def four_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with four GPUs, as the driver shows it."""
    for number in range(4):
        folder = tmp_path / "gpus" / f"0000:{number}1:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t H100\nGPU UUID:\t GPU-{number}{number}ab\n")
    monkeypatch.setattr(devices, "NVIDIA_GPUS", tmp_path / "gpus")
    monkeypatch.setattr(devices, "has_gpu", lambda: True)
    monkeypatch.setattr(devices, "built_for_cpus", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path / "gpus"


def test_cuda_is_every_gpu_and_cuda_1_one_of_them(four_gpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [place.device for place in places("cuda")] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert [place.device for place in places("auto")] == ["auto:0", "auto:1", "auto:2", "auto:3"]
    assert [(place.device, place.name) for place in places("cuda:1")] == [("cuda:1", "cuda 1")]
    assert [at_a_time(jobs, "cuda", per_gpu) for jobs, per_gpu in ((None, None), (None, 3), (2, None))] == [4, 12, 2]
    assert len(places("cuda:1", jobs=3)) == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-11ab")
    assert gpus() == ["3", "1"]
    # torch numbers what it sees; the lock is of the card.
    assert [(place.device, place.locks) for place in places("cuda:1")] == [("cuda:1", (("cuda-1", False),))]
    with pytest.raises(InputError, match=r"--device 'cuda:2': this machine has 2 GPUs; want cuda:0 to cuda:1"):
        check_device("cuda:2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert kind_of("auto") == "cpu"
    with pytest.raises(InputError, match=r"CUDA_VISIBLE_DEVICES hides every GPU; want auto or cpu"):
        check_device("cuda")


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", "cpu"),
        ("cuda = None\nhip = None\n", "cpu"),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "cuda"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'\n", "cuda"),
        ("", "cuda"),
    ],
)
def test_a_torch_for_cpus_trains_on_the_cpu_whatever_cards_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, kind: str
) -> None:
    monkeypatch.setattr(devices, "has_gpu", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('imported')")
    (tmp_path / "torch" / "version.py").write_text(version)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert kind_of("auto") == kind
    assert {place.device.partition(":")[0] for place in places("auto")} <= {"cpu", "auto"}
    if kind == "cpu":
        with pytest.raises(InputError, match="the torch here is built for CPUs"):
            check_device("cuda")


def test_gpus_are_counted_by_their_device_files_where_the_driver_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "NVIDIA_GPUS", tmp_path / "missing")
    monkeypatch.setattr(devices, "NVIDIA_FILES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidia1", "nvidia-uvm", "nvidiactl", "nvidia0x"):
        (tmp_path / name).touch()
    assert gpus() == ["0", "1"]


def test_more_jobs_than_cores_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "core_numbers", lambda: [4, 6])
    assert [(place.name, place.runs) for place in places("cpu", 5)] == [("cpu 4", 3), ("cpu 6", 3)]
    assert [place.runs for place in places("cpu")] == [1, 1]


def test_as_many_runs_as_memory_holds_whichever_they_are() -> None:
    assert fitting([5, 1, 1, 1], 7, worker=1) == 1
    assert fitting([5, 1, 1, 1], 8, worker=1) == 2
    assert fitting([5], 1, worker=1) == 1


def test_jobs_that_do_not_fit_into_memory_together_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "memory", lambda: (2 * placement.WORKER_BYTES + 10_000_000, True))
    ladder = load_ladder(str(tiny))
    check_memory(ladder, "cpu", 2)
    with pytest.raises(InputError, match=r"--jobs 3: 3 runs of .* at a time need at least 0.5 GB .*; want --jobs 2"):
        check_memory(ladder, "cpu", 3)
    check_memory(ladder, "cpu", None)


def test_resume_finds_the_options_of_the_launch(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 2, 3)
    assert launched_with(read_sweep(sweep)) == LaunchOptions("cpu", 2, 3)
