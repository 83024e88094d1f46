"""Which stretch of the tokens a model sees when: decided by the seed and the place in the order alone.

Nothing here keeps a state, so a run that begins again at step s sees from there on what it would have seen, and
two rungs of the same seed see the same text in the same order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data.tokenizers import Ids


@dataclass(frozen=True)
class Windows:
    """The training part as windows of `context` tokens and the one after, side by side, shuffled anew each epoch.

    Args:
        sample: tokens of one sample where samples are independent: a window is then a sample, and none reaches
            into the next; None where the ids are one stream, and a window's last target is the next one's first input.
        unique: windows that are ever seen: the first so many of the first epoch's order, again and again in a
            new order; None for all.

    Raises:
        InputError: fewer tokens than one window needs, or samples of another length than a window.
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
        """Tokens from the beginning of a window to that of the next."""
        return self.sample or self.context

    @property
    def per_epoch(self) -> int:
        every = (len(self.ids) - self.context - 1) // self.stride + 1
        return every if self.unique is None else max(1, min(self.unique, every))

    def batch(self, step: int, size: int) -> NDArray[np.int64]:
        """The windows of step `step`, shape (size, context + 1): inputs are [:, :-1], targets [:, 1:]."""
        places = np.arange(step * size, (step + 1) * size)
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
    if key not in _orders:
        while len(_orders) > 2:  # a batch touches two epochs at the most, and the first decides what is seen at all
            del _orders[next(iter(_orders))]
        _orders[key] = np.random.default_rng((seed, epoch)).permutation(count)
    return _orders[key]


def held_out(ids: Ids, context: int, tokens: int, sample: int | None = None) -> NDArray[np.int64]:
    """Fixed windows spread evenly over the held-out part: shape (about tokens / context, context + 1).

    The same for every seed and rung, and drawn from no generator. Where the ids are samples, windows are samples.
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
