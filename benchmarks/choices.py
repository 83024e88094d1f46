"""What the design of a step on a CPU is worth: the choices that docs/architecture.md gives numbers for.

    python benchmarks/choices.py

Threads that sleep against threads that spin while other work keeps every core busy; oneDNN's matrix product against
MKL's; the loss of a wide head in blocks against all logits at once. Medians of wall seconds, both sides by turns.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from scaling_tui.sweeps.limits import cores
from scaling_tui.sweeps.workers import environment

STEPS = 15
SPINNING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SIZES = (256, 512, 1024)  # of a square product
HEADS = ((256, 512, 4096), (256, 512, 50_257), (1024, 128, 50_257))  # positions, hidden, tokens


def by_turns(*works: Callable[[], object], times: int = 7) -> list[float]:
    """Median seconds of each, one after the other in each round."""
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for taken, work in zip(spent, works, strict=True):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken[1:]) for taken in spent]


def step_seconds(threads: int) -> float:
    """The median step of a two-layer model of hidden size 128."""
    import torch

    torch.set_num_threads(threads)
    model = torch.nn.Sequential(*(torch.nn.Linear(128, 128) for _ in range(12)))
    x = torch.randn(4096, 128)
    return by_turns(lambda: model(x).square().mean().backward(), times=STEPS)[0]


def threads() -> None:
    """A step while as many other processes as there are cores compute."""
    other = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores())]
    try:
        asleep = environment()
        awake = {name: value for name, value in asleep.items() if name not in SPINNING}
        for name, variables, count in (
            ("one thread", asleep, 1),
            (f"{cores()} sleeping threads", asleep, cores()),
            (f"{cores()} spinning threads", awake | {"OMP_WAIT_POLICY": "ACTIVE"}, cores()),
        ):
            command = [sys.executable, __file__, "--step", str(count)]
            path = {"PYTHONPATH": os.pathsep.join(sys.path)}
            done = subprocess.run(command, env=variables | path, capture_output=True, text=True, check=True)
            print(f"a step beside other work on every core, {name}: {1000 * json.loads(done.stdout):.0f} ms")
    finally:
        for process in other:
            process.kill()
            process.wait()


def products() -> None:
    import torch

    for size in SIZES:
        a, b = torch.randn(size, size), torch.randn(size, size)
        onednn, mkl = by_turns(
            lambda a=a, b=b: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], ""),  # type: ignore[misc]
            lambda a=a, b=b: torch.mm(a, b.t()),  # type: ignore[misc]
        )
        rates = f"{2 * size**3 / onednn / 1e9:.0f} GFLOP/s by oneDNN, {2 * size**3 / mkl / 1e9:.0f} by MKL"
        print(f"{size} × {size} product, one thread: {rates}, ratio {mkl / onednn:.2f}")


def heads() -> None:
    import torch
    from torch.nn import functional as F

    from scaling_tui.train.loss import head_loss

    for positions, hidden, tokens in HEADS:
        x = torch.randn(positions, hidden, requires_grad=True)
        head = torch.nn.Linear(hidden, tokens, bias=False)
        targets = torch.randint(tokens, (positions,))
        blocks, whole = by_turns(
            lambda x=x, head=head, targets=targets: torch.autograd.backward(head_loss(x, head, targets)),  # type: ignore[misc]
            lambda x=x, head=head, targets=targets: torch.autograd.backward(F.cross_entropy(head(x), targets)),  # type: ignore[misc]
            times=4,
        )
        print(
            f"loss and gradients of {positions} positions, hidden {hidden}, {tokens:,} tokens: {1000 * blocks:.0f} ms "
            f"in blocks, {1000 * whole:.0f} ms at once, ratio {blocks / whole:.2f}"
        )


def main() -> None:
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(step_seconds(int(sys.argv[2]))))
        return
    import torch

    threads()
    torch.set_num_threads(1)
    products()
    heads()


if __name__ == "__main__":
    main()
