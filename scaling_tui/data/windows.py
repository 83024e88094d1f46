"""Which stretch of the tokens a model sees when: decided by the seed and the place in the order alone.

Nothing here keeps a state, so a run that begins again at step s sees from there on what it would have seen, and
two rungs of the same seed see the same text in the same order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data.tokens import Ids


@dataclass(frozen=True)
class Windows:
    """The training part as windows of `context` tokens and the one after, side by side, shuffled anew each epoch.

    Raises:
        InputError: fewer tokens than one window needs.
    """

    ids: Ids
    context: int
    seed: int

    def __post_init__(self) -> None:
        if len(self.ids) <= self.context:
            raise InputError(f"corpus: {len(self.ids)} training tokens, too few for a context of {self.context}")

    @property
    def per_epoch(self) -> int:
        return (len(self.ids) - 1) // self.context

    def batch(self, step: int, size: int) -> NDArray[np.int64]:
        """The windows of step `step`, shape (size, context + 1): inputs are [:, :-1], targets [:, 1:]."""
        places = np.arange(step * size, (step + 1) * size)
        epochs, within = np.divmod(places, self.per_epoch)
        windows = np.concatenate([self._order(int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])
        return self.ids[windows[:, None] * self.context + np.arange(self.context + 1)].astype(np.int64)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return _order(self.per_epoch, self.seed, epoch)


_orders: dict[tuple[int, int, int], NDArray[np.int64]] = {}


def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    key = (count, seed, epoch)
    if key not in _orders:
        while len(_orders) > 1:  # a batch touches two epochs at the most
            del _orders[next(iter(_orders))]
        _orders[key] = np.random.default_rng((seed, epoch)).permutation(count)
    return _orders[key]


def held_out(ids: Ids, context: int, tokens: int) -> NDArray[np.int64]:
    """Fixed windows spread evenly over the held-out part: shape (about tokens / context, context + 1).

    The same for every seed and rung, and drawn from no generator.
    """
    if len(ids) <= context:
        raise InputError(f"corpus: {len(ids)} held-out tokens, too few for a context of {context}")
    count = max(1, min(tokens, len(ids) - 1) // context)
    starts = np.linspace(0, len(ids) - context - 1, count).astype(np.int64)
    windows: NDArray[np.int64] = ids[starts[:, None] + np.arange(context + 1)].astype(np.int64)
    return windows
