"""How precisely a held-out part measures a loss, estimated before anything is trained."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_tui.data.shards import Ids

COUNTED = 1 << 22  # training tokens whose frequencies are counted
PIECES = 64  # of them, spread evenly


def standard_error(train: Ids, windows: NDArray[np.int64], vocab: int) -> float:
    """The standard error of the mean loss over `windows`, as a share of that loss; NaN with fewer than two windows.

    There is no trained model yet, so it is that of a unigram model: one that knows the frequencies of the training
    tokens alone, with one added to each. The spread between windows counts, not that between tokens, because the tokens
    of one window are alike.

    Args:
        train: the training tokens.
        windows: held-out tokens, shape (windows, context + 1); the first of each is not predicted.
        vocab: how many different tokens there may be.
    """
    if len(windows) < 2:
        return math.nan
    counts = np.ones(vocab)
    for piece in _spread(train):
        counts += np.bincount(piece, minlength=vocab)[:vocab]
    losses = -np.log(counts / counts.sum())[windows[:, 1:]].mean(1)
    return float(losses.std(ddof=1) / math.sqrt(len(losses)) / losses.mean())


def distinct(ids: Ids) -> int:
    """How many different tokens there are among `ids`."""
    return len(np.unique(np.asarray(ids)))


def _spread(train: Ids) -> list[NDArray[Any]]:
    if len(train) <= COUNTED:
        return [np.asarray(train).astype(np.int64)]
    length = COUNTED // PIECES
    starts = np.linspace(0, len(train) - length, PIECES).astype(np.int64)
    return [np.asarray(train[int(start) : int(start) + length]).astype(np.int64) for start in starts]
