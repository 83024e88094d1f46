"""The processes that train one run together, as the trainer sees them: each takes its share of every batch.

All take the same steps in the same order, so whatever one of them asks of the others here, all ask.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

WAITS = timedelta(minutes=30)  # for the others, for example while the first writes a large checkpoint to a slow disk
ASKS_EVERY_S = 0.5  # what only the first process knows
MOST_UNASKED = 1000  # steps from one question to the next

Loss = Callable[[Tensor], Tensor]


class Ranks:
    """One process that trains alone: there is nobody to share with or ask.

    Args:
        rank: of this process, from 0.
        count: how many there are.
    """

    rank = 0
    count = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that reads and writes the run's folder."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Which of `batch` sequences are this process's; `count` divides them."""
        own = batch // self.count
        return slice(self.rank * own, (self.rank + 1) * own)

    def averaging(self, model: nn.Module) -> None:
        """From now on the gradients of `model` are averaged over the processes in each backward pass of `loss`."""

    def loss(self, loss_of: Loss, windows: Tensor) -> Tensor:
        """`loss_of(windows)`, whose gradients are averaged, unless within `apart`."""
        return loss_of(windows)

    def apart(self) -> AbstractContextManager[Any]:
        """Nothing is averaged in this block: it holds all parts of a batch but the last, and trial steps."""
        return nullcontext()

    def totals(self, values: Sequence[float]) -> list[float]:
        """The sum over the processes of each value."""
        return list(values)

    def each(self, values: Sequence[int]) -> list[list[int]]:
        """The values of every process, by its rank."""
        return [list(values)]

    def mean(self, tensor: Tensor) -> None:
        """Replaces a tensor on the device by its mean over the processes."""

    def of_first(self, tensors: Sequence[Tensor], values: Sequence[int]) -> list[int]:
        """Overwrites tensors on the device by those of the first process, and returns its `values`."""
        return list(values)

    def agreed(self, question: Callable[[], bool]) -> Callable[[], bool]:
        """A function to call at each step that gives every process the first one's answer to `question`."""
        return question


ALONE = Ranks()


class _Through(nn.Module):
    """Passes a loss through a module, as DistributedDataParallel needs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, loss_of: Loss, windows: Tensor) -> Tensor:
        return loss_of(windows)


class Group(Ranks):
    """This process among those that torchrun has started, by DistributedDataParallel: NCCL on GPUs, else gloo.

    Tensors on the CPU always go by gloo, so that no GPU has to be waited for.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        """Waits for the others, as torchrun's environment describes them."""
        import torch.distributed as dist

        self.rank, self.count, self.device, self._dist = rank, count, device, dist
        self._averaged: nn.parallel.DistributedDataParallel | None = None
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=WAITS)

    def leave(self) -> None:
        self._dist.destroy_process_group()

    def averaging(self, model: nn.Module) -> None:
        devices = [self.device.index] if self.device.type == "cuda" else None
        # Its buffers are constants. Gradients stay views of the optimizer's flat tensors, not of DDP's buckets.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # newer versions rename broadcast_buffers
            self._averaged = nn.parallel.DistributedDataParallel(
                _Through(model), device_ids=devices, broadcast_buffers=False
            )

    def loss(self, loss_of: Loss, windows: Tensor) -> Tensor:
        assert self._averaged is not None
        loss: Tensor = self._averaged(loss_of, windows)
        return loss

    @contextmanager
    def apart(self) -> Iterator[None]:
        assert self._averaged is not None
        with self._averaged.no_sync():
            yield

    def totals(self, values: Sequence[float]) -> list[float]:
        both = torch.tensor(values, dtype=torch.float64)
        self._dist.all_reduce(both)
        return both.tolist()

    def each(self, values: Sequence[int]) -> list[list[int]]:
        found = torch.zeros(self.count, len(values), dtype=torch.int64)
        found[self.rank] = torch.tensor(values)
        self._dist.all_reduce(found)
        return found.tolist()

    def mean(self, tensor: Tensor) -> None:
        self._dist.all_reduce(tensor)
        tensor /= self.count

    def of_first(self, tensors: Sequence[Tensor], values: Sequence[int]) -> list[int]:
        for tensor in tensors:
            self._dist.broadcast(tensor, 0)
        said = torch.tensor(values, dtype=torch.int64)
        self._dist.broadcast(said, 0)
        return said.tolist()

    def agreed(self, question: Callable[[], bool]) -> Callable[[], bool]:
        """Asked every `ASKS_EVERY_S` or so, at steps that the first process announces: a question costs a message."""
        left = skipped = 0
        asked_at = time.monotonic()

        def answer() -> bool:
            nonlocal left, skipped, asked_at
            if left:
                left -= 1
                return False
            said = [0, 0]
            if self.first:
                now = time.monotonic()
                a_step = max(1e-6, now - asked_at) / (skipped + 1)
                # No more than twice as many as before: the first steps may be faster than those that come.
                said = [int(question()), min(MOST_UNASKED, 2 * skipped + 1, int(ASKS_EVERY_S / a_step))]
                asked_at = now
            yes, left = self.of_first([], said)
            skipped = left
            return bool(yes)

        return answer
