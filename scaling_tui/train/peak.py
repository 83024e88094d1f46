"""What this device reaches in a plain matrix product: the measure of how well training uses it."""

import time
from functools import cache

import torch

from scaling_tui.train.kernels import linear

# Large enough that nothing but the product counts: 1.1 TFLOP on a GPU in bfloat16, 0.5 GFLOP on a CPU in float32.
SIZE = {"cuda": 8192, "cpu": 640}
TIMES = 5


@cache
def matmul_peak(device: torch.device, threads: int | None = None) -> float | None:
    """FLOP/s of a large square product in the precision of training, the fastest of a few; None on other devices.

    `threads` tells measurements with other numbers of CPU threads apart; it is not set here.
    """
    size = SIZE.get(device.type)
    if size is None:
        return None
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    own = torch.Generator(device).manual_seed(0)  # the run's must stay where it is
    with torch.no_grad():
        a, b = (torch.randn(size, size, generator=own, device=device, dtype=dtype) for _ in range(2))
        seconds = []
        for _ in range(TIMES):
            wait_for(device)
            began = time.perf_counter()
            linear(a, b)
            wait_for(device)
            seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds)


def wait_for(device: torch.device) -> None:
    """Waits until a GPU has done all that it was asked for, so that a clock read next tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
