"""Which tokens a model sees at which step: a function of the seed and the step alone.

Nothing here has state, so a run resumed at step s sees what it would have seen without the interruption, and two rungs
of the same seed see the same text in the same order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data.shards import Ids


@dataclass(frozen=True)
class Windows:
    """The training part as adjacent windows of `context` tokens and the next one, reshuffled each epoch.

    Args:
        sample: tokens in a sample where samples are independent: each window is then one sample. None where the ids
            are one stream; the last target of a window is then the first input of the next.
        unique: how many distinct windows to train on: the first of epoch 0's order, reshuffled each epoch; None is all.

    Raises:
        InputError: fewer tokens than one window needs, or samples that are not as long as a window.
    """

    ids: Ids
    context: int
    seed: int
    sample: int | None = None
    unique: int | None = None

    def __post_init__(self) -> None:
        if len(self.ids) <= self.context:
            raise InputError(f"corpus: {len(self.ids)} training tokens, too few for a context of {self.context}")
        if self.sample is not None and self.sample != self.context + 1:
            raise InputError(f"model.context: found {self.context}, want {self.sample - 1}: the length of a sample")

    @property
    def stride(self) -> int:
        """Tokens from the start of a window to the start of the next."""
        return self.sample or self.context

    @property
    def per_epoch(self) -> int:
        every = (len(self.ids) - self.context - 1) // self.stride + 1
        return every if self.unique is None else max(1, min(self.unique, every))

    def batch(self, step: int, size: int) -> NDArray[np.int64]:
        """The windows of `step`, shape (size, context + 1): inputs are [:, :-1], targets [:, 1:]."""
        return self.at(step * size, size)

    def at(self, place: int, count: int) -> NDArray[np.int64]:
        """`count` windows from `place` on in the order of training, shape (count, context + 1)."""
        places = np.arange(place, place + count)
        epochs, within = np.divmod(places, self.per_epoch)
        windows = np.concatenate([self._epoch(int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])
        return self.ids[windows[:, None] * self.stride + np.arange(self.context + 1)].astype(np.int64)

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        every = (len(self.ids) - self.context - 1) // self.stride + 1
        if self.per_epoch == every:
            return _order(every, self.seed, epoch)
        first = _order(every, self.seed, 0)[: self.per_epoch]
        return first if epoch == 0 else first[_order(self.per_epoch, self.seed, epoch)]


_orders: dict[tuple[int, int, int], NDArray[np.int64]] = {}


def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    key = (count, seed, epoch)
    order = _orders.pop(key, None)
    if order is None:
        while len(_orders) > 2:  # two epochs that follow one another, and the first, which `unique` needs in each
            del _orders[next(iter(_orders))]
        order = np.random.default_rng((seed, epoch)).permutation(count)
    _orders[key] = order  # used last: the first epoch of many windows is not made again in each small one
    return order


def held_out(ids: Ids, context: int, tokens: int, sample: int | None = None) -> NDArray[np.int64]:
    """Fixed windows spread evenly over the held-out part, shape (about tokens / context, context + 1).

    They are the same for every seed and rung. Where samples are independent, each window is one sample.

    Raises:
        InputError: fewer tokens than one window needs.
    """
    if len(ids) <= context:
        raise InputError(f"corpus: {len(ids)} held-out tokens, too few for a context of {context}")
    if sample is not None:
        rows = ids[: len(ids) // sample * sample].reshape(-1, sample)
        count = max(1, min(tokens // context, len(rows)))
        return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)].astype(np.int64)
    count = max(1, min(tokens, len(ids) - 1) // context)
    starts = np.linspace(0, len(ids) - context - 1, count).astype(np.int64)
    windows: NDArray[np.int64] = ids[starts[:, None] + np.arange(context + 1)].astype(np.int64)
    return windows
