"""The points that a law is fitted to: plain arrays, one entry a run."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scaling_tui import InputError
from scaling_tui.laws.forms import Input
from scaling_tui.laws.kernels import Array


@dataclass(frozen=True, eq=False)
class Points:
    """Runs as arrays of equal length. Equal to itself only: arrays have no one answer to `==`.

    Args:
        loss: nats per token.
        params: parameters, under the convention of the fit (all, unless stated otherwise); of a mixture of experts
            the active ones.
        tokens: training tokens.
        flops: training FLOPs, if known.
        unique_tokens: tokens seen at least once, if data repeat.
        total_params: of a mixture of experts all parameters, active or not.
        non_embedding: parameters without embeddings and head, if known, to fit under that convention too.
        labels: the name of each point (a rung, a row).
        clusters: the name of each point's cluster, whose points share an error; `cluster_name` says what it is.
    """

    loss: Array
    params: Array | None = None
    tokens: Array | None = None
    flops: Array | None = None
    unique_tokens: Array | None = None
    total_params: Array | None = None
    non_embedding: Array | None = None
    labels: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    cluster_name: str = ""

    @classmethod
    def of(cls, loss: ArrayLike, *, labels: Iterable[str] = (), **columns: ArrayLike | None) -> "Points":
        """Points from sequences of numbers.

        Raises:
            InputError: columns of unequal lengths or unknown names.
        """
        known = {item.name for item in fields(cls)} - {"loss", "labels", "clusters", "cluster_name"}
        arrays: dict[str, Any] = {"loss": np.atleast_1d(np.asarray(loss, dtype=np.float64))}
        for name, column in columns.items():
            if name not in known:
                raise InputError(f"column {name}: unknown, want some of {', '.join(sorted(known))}")
            if column is not None:
                arrays[name] = np.atleast_1d(np.asarray(column, dtype=np.float64))
        for name, array in arrays.items():
            if array.shape != arrays["loss"].shape:
                raise InputError(f"column {name}: {array.size} values, loss has {arrays['loss'].size}")
        return cls(**arrays, labels=tuple(labels))

    def __len__(self) -> int:
        return int(self.loss.size)

    def take(self, which: NDArray[Any]) -> "Points":
        """The points selected by a mask or a list of indices."""
        index = np.arange(len(self))[which]
        columns: dict[str, Any] = {
            item.name: column[index]
            for item in fields(self)
            if isinstance(column := getattr(self, item.name), np.ndarray)
        }
        for name in ("labels", "clusters"):
            names = getattr(self, name)
            columns[name] = tuple(names[i] for i in index) if names else ()
        return replace(self, **columns)

    def column(self, name: Input) -> Array:
        """The column of that input; without one, FLOPs are 6ND and unique tokens equal tokens.

        Raises:
            InputError: the points have no such column.
        """
        value = getattr(self, name)
        if value is None and name == "flops" and self.params is not None and self.tokens is not None:
            return 6.0 * self.params * self.tokens
        if value is None and name == "unique_tokens":
            return self.column("tokens")
        if value is None:
            other = {"tokens": "; the law chinchilla-n does without", "params": "; the law chinchilla-d does without"}
            raise InputError(
                f"points: no column {name}, which the law needs; of a table, --columns {name}=NAME says which it is"
                + other.get(name, "")
            )
        return np.asarray(value, dtype=np.float64)

    def compute(self) -> Array | None:
        """Training FLOPs of each point; None unless they are known or computable for all."""
        if self.flops is None and (self.params is None or self.tokens is None):
            return None
        flops = self.column("flops")
        return None if np.isnan(flops).any() else flops


def name_points(points: Points, which: NDArray[np.bool_]) -> str:
    """Names up to three of the points selected by a mask."""
    index = np.flatnonzero(which)
    names = [points.labels[i] if points.labels else f"point {i + 1}" for i in index[:3]]
    return ", ".join(names) + (f" and {index.size - 3} more" if index.size > 3 else "")


def repeats(rows: Array) -> NDArray[np.intp]:
    """A number for each column of `rows` (m, n), the same for equal columns, shape (n,)."""
    order = np.lexsort(rows)
    new = np.any(np.diff(rows[:, order], axis=1) != 0, axis=0)
    number = np.empty(order.size, dtype=np.intp)
    number[order] = np.concatenate([[0], np.cumsum(new)])
    return number
