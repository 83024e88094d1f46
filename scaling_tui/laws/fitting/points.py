"""The points that a law is fitted to: plain arrays, one entry a run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scaling_tui import InputError
from scaling_tui.laws.arguments import array
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.forms import Input
from scaling_tui.laws.kernels import Array
from scaling_tui.tables.columns import Columns
from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.tables.columns import DataFrame

_QUANTITIES = ("params", "tokens", "flops", "unique_tokens", "total_params", "non_embedding")
CONVENTIONS = ("all", "non-embedding")
"""Which parameters N counts."""


@dataclass(frozen=True, eq=False)
class Points:
    """Runs as arrays of shape (n,). Equal to itself only: arrays have no one answer to `==`.

    `read_points` makes them of tables, `Points.of` of numbers:

    >>> Points.of([3.2, 2.9, 2.7], params=[1e6, 1e7, 1e8], tokens=[2e7, 2e8, 2e9])
    <Points: 3 runs, loss 2.7000 to 3.2000, N 1.00M to 100M, D 20.0M to 2.00B>

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
        convention: which parameters `params` counts, "all" or "non-embedding"; `under` gives the other.
        read_from: of points from a table, the column that each quantity was read from.
        warnings: of points from a table, what to know before believing a fit, one line each.
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
    convention: str = "all"
    read_from: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("loss", *_QUANTITIES):
            column = getattr(self, name)
            if column is not None and not isinstance(column, np.ndarray):
                raise InputError(f"column {name}: found {type(column).__name__}, want an array; Points.of makes it one")
            if column is not None and column.shape != self.loss.shape:
                raise InputError(f"column {name}: {column.size} values, loss has {self.loss.size}")

    @classmethod
    def of(cls, loss: ArrayLike, *, labels: Iterable[str] = (), **columns: ArrayLike | None) -> "Points":
        """Points from sequences of numbers, (n,) each.

        Args:
            loss: nats per token.
            labels: a name for each point.
            columns: `params`, `tokens`, `flops`, `unique_tokens`, `total_params`, `non_embedding`; None for none.

        Raises:
            InputError: columns of unequal lengths or unknown names, or something that is no number.
        """
        arrays: dict[str, Any] = {"loss": np.atleast_1d(array("loss", loss))}
        for name, column in columns.items():
            if name not in _QUANTITIES:
                raise InputError(f"column {name}: unknown, want some of {', '.join(sorted(_QUANTITIES))}")
            if column is not None:
                arrays[name] = np.atleast_1d(array(f"column {name}", column))
        for name, values in arrays.items():
            if values.shape != arrays["loss"].shape:
                raise InputError(f"column {name}: {values.size} values, loss has {arrays['loss'].size}")
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

    def under(self, convention: str) -> "Points":
        """These points with N counted under `convention`: `params` and `non_embedding` change places.

        Raises:
            InputError: no such convention, or no column for it.
        """
        if convention not in CONVENTIONS:
            raise InputError(f"convention: found {convention!r}, want all or non-embedding")
        if convention == self.convention:
            return self
        if self.non_embedding is None:
            raise InputError(f"convention {convention}: the points have no column non_embedding")
        return replace(self, params=self.non_embedding, non_embedding=self.params, convention=convention)

    def columns(self) -> Columns:
        """The quantities that are known, by name, (n,) each; first the labels as `run`, where there are any."""
        named = {"run": list(self.labels)} if self.labels else {}
        if self.clusters:
            named[self.cluster_name or "cluster"] = list(self.clusters)
        names = ("params", "non_embedding", "total_params", "tokens", "unique_tokens", "flops", "loss")
        if self.convention != "all":
            names = ("non_embedding", "params", *names[2:])
        shown = dict(zip(names, ("params", "non_embedding", *names[2:]), strict=True))
        known = {shown[name]: array for name in names if (array := getattr(self, name)) is not None}
        return Columns.of({**named, **known})

    def to_pandas(self) -> "DataFrame":
        """`columns` as a data frame of pandas, a row a point; `read_points` reads it back.

        Raises:
            InputError: pandas is not installed.
        """
        return self.columns().to_pandas()

    def __repr__(self) -> str:
        spans = [f"loss {_span(self.loss, show.loss)}"]
        spans += [
            f"{symbol} {_span(array, show.count if symbol != 'C' else show.scientific)}"
            for symbol, array in (("N", self.params), ("D", self.tokens), ("C", self.flops))
            if array is not None
        ]
        counted = "" if self.convention == "all" else f", N {self.convention}"
        return f"<Points: {show.counted(len(self), 'run')}, {', '.join(spans)}{counted}>"

    def _repr_html_(self) -> str:
        read = ", ".join(f"{role} = {column}" for role, column in self.read_from.items())
        lines = [*([f"read: {read}"] if read else []), *self.warnings]
        return self.columns().html([repr(self)[1:-1]], lines)

    def column(self, name: Input) -> Array:
        """The column of that input; without one, FLOPs are 6ND and unique tokens equal tokens.

        Raises:
            InputError: the points have no such column.
        """
        value = getattr(self, name)
        if value is None and name == "flops" and self.params is not None and self.tokens is not None:
            return training_flops(self.params, self.tokens)
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


def _span(array: Array, text: Callable[[float], str]) -> str:
    there = array[np.isfinite(array)]
    if not there.size:
        return "unknown"
    low, high = text(float(there.min())), text(float(there.max()))
    return low if low == high else f"{low} to {high}"


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
