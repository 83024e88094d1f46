"""What the coming steps need, on the device ahead of time: their windows and learning rates."""

import numpy as np
import torch
from torch import Tensor

from scaling_tui.data import Windows
from scaling_tui.laws.schedules.shapes import rate_share
from scaling_tui.runs.config import Training
from scaling_tui.train.ranks import ALONE, Ranks

AHEAD_BYTES = 4_000_000
AHEAD_STEPS = 256


def learning_rate(step: int, steps: int, training: Training) -> float:
    """The rate at `step` (from 0) of `steps`: it rises from zero in the warm-up, then follows the schedule."""
    warmup = max(1, round(training.warmup * steps))
    if step < warmup:
        return training.lr * (step + 1) / warmup
    left = rate_share(training.schedule, step, steps, warmup, round(training.cooldown * steps))
    return training.lr * (training.final_lr + (1 - training.final_lr) * left)


class Feed:
    """Gathers windows on the host for many steps at a time and sends them to the device in one copy.

    The host runs ahead of a GPU, so the next copy is under way before the GPU needs it; and tokens may be mapped from a
    file that is larger than memory.
    """

    def __init__(
        self, windows: Windows, steps: int, training: Training, device: torch.device, ranks: Ranks = ALONE
    ) -> None:
        self.windows, self.steps, self.training, self.device = windows, steps, training, device
        self.own = ranks.share(training.batch)
        bytes_a_step = training.batch * (windows.context + 1) * 8
        self.at_once = max(1, min(AHEAD_STEPS, AHEAD_BYTES // bytes_a_step))
        self.first = self.end = 0
        self.ahead = torch.empty(0)
        self.rates: list[float] | Tensor = []

    def at(self, step: int) -> tuple[Tensor, float | Tensor]:
        """The windows of `step` that are this process's, (batch, context + 1), and its rate: on a GPU a tensor too."""
        if not self.first <= step < self.end:
            self._fill(step)
        return self.ahead[step - self.first], self.rates[step - self.first]

    def _fill(self, step: int) -> None:
        batch, context = self.training.batch, self.windows.context
        self.first, self.end = step, min(step + self.at_once, max(self.steps, step + 1))
        count = self.end - self.first
        # The windows of several steps are those of one step of so many times the batch, wherever that step begins.
        gathered = self.windows.at(step * batch, count * batch).reshape(count, batch, context + 1)
        rates = [learning_rate(each, self.steps, self.training) for each in range(self.first, self.end)]
        self.ahead, self.rates = torch.from_numpy(np.ascontiguousarray(gathered[:, self.own])), rates
        if self.device.type == "cuda":
            self.ahead = self.ahead.pin_memory().to(self.device, non_blocking=True)
            self.rates = torch.tensor(rates).pin_memory().to(self.device, non_blocking=True)
        else:
            self.ahead = self.ahead.to(self.device)
