"""How the runs of a sweep are spread over the machine: which places, how many at a time, with how many threads.

All of it is decided from counts and names, before anything is started and without torch.
"""

from collections.abc import Sequence

from scaling_tui import InputError
from scaling_tui.laws.memory import least_bytes, training_bytes
from scaling_tui.sweeps.devices import free_memory, gpus, kind_of
from scaling_tui.sweeps.limits import core_numbers, memory
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.slots import Place
from scaling_tui.text import show

BYTES_A_TOKEN = 16  # of a batch: its place in the corpus, and its id
BYTES_A_WEIGHT = 4  # for a GPU only the initial weights pass through main memory
# Of a worker before its model, with torch 2.13 for CPUs: anonymous memory.
WORKER_BYTES = 150_000_000

# On a GPU. A step of a model below SMALL is a queue of launches that fill a fraction of the card: several processes
# fill more of it. Beyond a few they wait for each other's time slices.
SMALL_PARAMETERS = 4_000_000
MOST_A_GPU = 4
CONTEXT_BYTES = 700_000_000  # CUDA context, kernels and library workspaces of a process
USED_OF_FREE = 0.8  # of a GPU's free memory; the rest is for the allocator and for others

# On the CPU a run is worth a thread for every so many FLOPs per step: with less work per thread they mostly wait for
# each other. Two threads against one, in milliseconds a step: 2.7 and 1.8 at 0.04 GFLOPs, 8.9 and 13 at 0.4, 22.5 and
# 40 at 1.4, 63 and 115 at 2.8, 778 and 1460 at 60; the fastest tenth of the steps, on two cores that others used too.
FLOPS_A_THREAD = 7e8


def places(device: str, jobs: int | None = None, per_gpu: int = 1) -> list[Place]:
    """The places of this machine that a sweep on `device` may use, in the order in which to take them.

    With more `jobs` than places each place serves several runs of the sweep.
    """
    kind = kind_of(device)
    if kind == "cpu":
        numbers = core_numbers()
        return cpu_places(numbers, -(-jobs // len(numbers)) if jobs else 1)
    if kind == "cuda":
        # One that cannot be counted, such as AMD's, is the first.
        named = list(enumerate(gpus())) or [(number, str(number)) for number in range(int(_number(device) or 0) + 1)]
        chosen = [named[int(number)]] if (number := _number(device)) else named
        torch_name = "auto" if device == "auto" else "cuda"
        return gpu_places(chosen, max(per_gpu, -(-jobs // len(chosen)) if jobs else 1), torch_name)
    return [Place(kind, kind, ((kind, False),), runs=jobs or 1)]


def cpu_places(numbers: Sequence[int], runs: int = 1) -> list[Place]:
    """A place a core, by the number that the system gives it."""
    return [Place("cpu", f"cpu {number}", ((f"cpu-{number}", False),), runs) for number in numbers]


def _number(device: str) -> str:
    return device.partition(":")[2]


def gpu_places(numbered: Sequence[tuple[int, str]], per_gpu: int, torch_name: str = "cuda") -> list[Place]:
    """`per_gpu` places on each GPU, all GPUs first; `numbered` are torch's numbers and the machine's names."""
    if per_gpu == 1:
        return [
            Place(f"{torch_name}:{number}", f"cuda {name}", ((f"cuda-{name}", False),)) for number, name in numbered
        ]
    return [
        Place(f"{torch_name}:{number}", f"cuda {name}", ((f"cuda-{name}", True), (f"cuda-{name}.{share}", False)))
        for share in range(1, per_gpu + 1)
        for number, name in numbered
    ]


def threads_for(size: Size | None, alone: bool, cores: int, slots: int) -> int:
    """CPU threads for each process of a run, one of `slots` at a time; one that trains `alone` may use all `cores`."""
    if size is None:
        return 1
    worth = int(size.share.flops_a_step / FLOPS_A_THREAD)
    return max(1, min((cores if alone else cores // slots) // size.processes, worth))


def check_gpus(processes: int, device: str) -> None:
    """Checks whether this machine has a device for each of so many processes of a run.

    Raises:
        InputError: it has fewer.
    """
    kind = kind_of(device)
    has = len({place.name for place in places(device)})
    if processes <= max(1, has):
        return
    what = {"cpu": "core", "cuda": "GPU"}.get(kind, "device")
    on = f"--device {device} is" if ":" in device else "this machine has"
    want = "want gpus 1" if has <= 1 else f"want at most {has}"
    raise InputError(f"gpus: found {processes}, {on} {show.counted(has, what)}; {want}")


def runs_per_gpu(parameters: Sequence[int], needs: Sequence[int], free: int | None) -> int:
    """How many runs of a sweep train on one GPU at a time.

    Args:
        parameters: of each run that may train beside another.
        needs: bytes of GPU memory that each of them needs, an estimate.
        free: bytes free on the fullest GPU; None where the driver does not tell, and then it is one.
    """
    if free is None or not parameters or max(parameters) > SMALL_PARAMETERS:
        return 1
    return max(1, min(MOST_A_GPU, len(parameters), int(USED_OF_FREE * free // max(needs))))


def per_gpu_for(sizes: Sequence[Size], device: str, free: int | None = None) -> int:
    """`runs_per_gpu` of runs of these sizes on this machine, by default with what the driver says is free now.

    1 on other devices.
    """
    if kind_of(device) != "cuda":
        return 1
    free = free_memory(device) if free is None else free
    return runs_per_gpu([size.params for size in sizes], [gpu_memory(size) for size in sizes], free)


def gpu_memory(size: Size) -> int:
    """About how many bytes of the memory of one GPU a run needs with its whole batch, or its share of it, at once."""
    return CONTEXT_BYTES + training_bytes(size.architecture, size.share.batch, size.recomputed, gpu=True)


def main_memory(size: Size, gpu: bool) -> int:
    """About how many bytes of main memory a run needs with its whole batch at once, without its process."""
    batch = size.share.batch
    model = BYTES_A_WEIGHT * size.params if gpu else training_bytes(size.architecture, batch, size.recomputed)
    return _in_all(size, model)


def least_memory(size: Size, gpu: bool) -> int:
    """A lower bound on the bytes of main memory that a run needs, without its process.

    Of its batch no more has to fit than the tokens: it is split into micro-batches, of one sequence each if need be.
    """
    return _in_all(size, BYTES_A_WEIGHT * size.params if gpu else least_bytes(size.architecture))


def _in_all(size: Size, model: int) -> int:
    """Bytes of all processes of a run; where there are several, they and torchrun come beside the worker."""
    beside = (size.processes + 1) * WORKER_BYTES if size.processes > 1 else 0
    return beside + size.processes * (model + BYTES_A_TOKEN * size.tokens_a_step)


def fitting(needs: Sequence[int], available: int, worker: int = WORKER_BYTES) -> int:
    """How many of the runs that need so many bytes fit into memory at a time, whichever they are; at least 1."""
    total = count = 0
    for need in sorted(needs, reverse=True):
        total += need + worker
        if total > available:
            break
        count += 1
    return max(1, count)


def at_a_time(
    jobs: int | None, device: str, per_gpu: int | None = None, beside: Sequence[Size] = (), free: int | None = None
) -> int:
    """How many runs to train at a time at most: `jobs` if given, else one a core, or `per_gpu` a GPU.

    Without `per_gpu`, as many as sizes and `free` memory of the GPU suggest for the runs that may train `beside` each
    other; and without `jobs` no more than main memory holds. Of runs in several processes there are fewer.
    """
    if jobs:
        return jobs
    slots = len(places(device, None, per_gpu or per_gpu_for(beside, device, free)))
    if not beside:
        return slots
    most = max(1, slots // min(size.processes for size in beside))
    return min(most, fitting_now(beside, device))


def fitting_now(sizes: Sequence[Size], device: str) -> int:
    """How many runs of these sizes the main memory of this machine holds at a time."""
    gpu = kind_of(device) == "cuda"
    return fitting([least_memory(size, gpu) for size in sizes], memory()[0])
