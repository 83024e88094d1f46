"""One optimiser step: as it is written, compiled, or replayed from a CUDA graph."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch
from torch import Tensor

from scaling_tui.train.loss import head_loss
from scaling_tui.train.model import Transformer
from scaling_tui.train.optimizer import Optimizer
from scaling_tui.train.ranks import ALONE, Ranks

WARM_UP_STEPS = 3  # before a capture, in which libraries set up what they must not set up in one


class Step(Protocol):
    """Takes windows, (batch, context + 1), and a learning rate; returns the loss and the norm of the gradients.

    Both stay on the device; what is returned is overwritten by the next step.
    """

    def __call__(self, windows: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]: ...


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 products on a GPU."""
    # A graph replays the casts of the weights with everything else, so none may be kept from outside it.
    return torch.autocast("cuda", torch.bfloat16, cache_enabled=False) if device.type == "cuda" else nullcontext()


def inputs_and_targets(windows: Tensor, next_tokens: bool) -> tuple[Tensor, Tensor]:
    """Of windows (n, context + 1): every next token, or for a classifier only the last one."""
    return windows[:, :-1], windows[:, 1:] if next_tokens else windows[:, -1]


class PlainStep:
    """The step as it is written.

    Args:
        micro_batches: parts into which a batch is split, one after the other, so that only one has to fit in memory.
        compiled: whether torch.compile makes the forward and the backward pass.
        ranks: over which the gradients are averaged; the loss is that of this one's windows.
    """

    def __init__(
        self,
        model: Transformer,
        optimizer: Optimizer,
        micro_batches: int = 1,
        compiled: bool = False,
        ranks: Ranks = ALONE,
    ) -> None:
        self.model, self.optimizer, self.micro_batches, self.ranks = model, optimizer, micro_batches, ranks
        if compiled:
            # What the process compiled for an earlier run makes the compiler write code for any shape, with other sums
            # than in a new process, and counts towards a limit beyond which nothing is compiled.
            torch._dynamo.reset()
        self.loss_of = torch.compile(self._loss_of) if compiled else self._loss_of

    def __call__(self, windows: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
        self.optimizer.zero()
        if self.micro_batches == 1:
            loss = self.ranks.loss(self.loss_of, windows)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach(), self.optimizer.step(rate)
        total = torch.zeros((), device=windows.device)
        *others, last = windows.tensor_split(self.micro_batches)
        with self.ranks.apart():
            for part in others:
                total += self._backward(part, len(windows))
        total += self._backward(last, len(windows))
        return total, self.optimizer.step(rate)

    def _backward(self, part: Tensor, whole: int) -> Tensor:
        """Adds the gradients of a part of a batch of `whole` sequences; returns its part of the loss."""
        loss = self.ranks.loss(self.loss_of, part) * (len(part) / whole)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _loss_of(self, windows: Tensor) -> Tensor:
        inputs, targets = inputs_and_targets(windows, self.model.arch.classes is None)
        with autocast(windows.device):
            x = self.model.before_head(inputs)
            return head_loss(x.flatten(0, -2), self.model.head, targets.flatten())


Replay = Callable[[], None]
Capture = Callable[[Callable[[], None]], Replay]


def cuda_graph(work: Callable[[], None]) -> Replay:
    """Captures all that `work` asks of the GPU, and returns what asks for it again."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


class CapturedStep:
    """A step recorded once and replayed: Python and the launch of each kernel, most of a small step, are left out.

    Whatever changes from step to step is a tensor that the recording reads: windows, learning rate, weights, moments,
    and the state of the random generators, which CUDA advances.

    Args:
        step: what to record.
        windows: an example, in shape and device.
        capture: records; `cuda_graph` on a GPU.
    """

    def __init__(self, step: Step, windows: Tensor, capture: Capture = cuda_graph) -> None:
        self.windows = windows.clone()
        self.rate = torch.zeros((), device=windows.device)
        self.loss, self.norm = (torch.zeros((), device=windows.device) for _ in range(2))

        def work() -> None:
            loss, norm = step(self.windows, self.rate)
            self.loss.copy_(loss)
            self.norm.copy_(norm)

        self.replay = capture(work)

    def __call__(self, windows: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
        self.windows.copy_(windows)
        self.rate.copy_(rate)  # type: ignore[arg-type]
        self.replay()
        return self.loss, self.norm


class Rehearsal:
    """Steps that leave no trace: on the way out weights, moments and generators are as they were."""

    def __init__(self, optimizer: Optimizer, generators: Sequence[torch.Generator]) -> None:
        self.optimizer, self.generators = optimizer, generators

    def __enter__(self) -> None:
        self.state = [tensor.clone() for tensor in self.optimizer.state()]
        self.drawn = [generator.get_state() for generator in self.generators]

    def __exit__(self, *error: object) -> None:
        for tensor, before in zip(self.optimizer.state(), self.state, strict=True):
            tensor.copy_(before)
        for generator, before in zip(self.generators, self.drawn, strict=True):
            generator.set_state(before)
