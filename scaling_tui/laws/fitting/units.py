"""Sizes in millions or tokens in billions, told by how little sense they make: a question to the user, never fitted."""

from collections.abc import Mapping
from itertools import product

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.column_names import Column, shown
from scaling_tui.laws.kernels import Array

_FEW_PARAMS, _FEW_TOKENS = 1e5, 1e4  # as millions 100B, as billions 10T: below both, either may be meant
_PARAMS_IN_BILLIONS, _TOKENS_IN_BILLIONS = 1e3, 1e5
_RATIO = (1e-3, 1e6)  # tokens per parameter: runs were trained at 1e-2 to 1e4
_USUAL = 1.5  # log10 of tokens per parameter around which most runs are
_USUAL_SIZE = 9.0  # log10 of N; counts less


def check_units(where: str, numbers: Mapping[str, Array], columns: Mapping[str, Column]) -> None:
    """Asks about N and D that look as if they were in millions or billions.

    Args:
        where: the file.
        numbers: the rows to fit, by role.
        columns: where they came from; a column with a factor of the user's is believed.

    Raises:
        InputError: the question, with the option that answers it either way.
    """
    N, D = numbers.get("params"), numbers.get("tokens")
    if N is None or D is None or not N.size:
        return
    own = [role for role in ("params", "tokens") if role in columns]
    if any(columns[role].stated for role in own):
        return
    ratio = float(np.median(D / N))
    small = (N.max() <= _FEW_PARAMS and D.max() <= _FEW_TOKENS) or (
        N.max() <= _PARAMS_IN_BILLIONS and D.max() <= _TOKENS_IN_BILLIONS
    )
    odd = ratio < _RATIO[0] or (ratio > _RATIO[1] and N.max() <= _FEW_PARAMS)
    if not small and not odd:
        return
    found = f"N from {N.min():.3g} to {N.max():.3g} with D from {D.min():.3g} to {D.max():.3g}"
    meant = ",".join(f"{role}={columns[role].name}*1" for role in own)
    if len(own) < 2:
        read = ", ".join(shown(columns[role].name) for role in ("params", "tokens", "flops") if role in columns)
        raise InputError(
            f"{where}: found {found} by C = 6ND: check the units of the columns {read}; "
            f"if they are meant as they stand, --columns '{meant}'"
        )
    fN, fD = _likely(N, D)
    answer = f"params={columns['params'].name}*{short(fN)},tokens={columns['tokens'].name}*{short(fD)}"
    raise InputError(
        f"{where}: found {found}, are they in millions or billions? "
        f"If so, --columns '{answer}' or such; if they are meant as they stand, --columns '{meant}'"
    )


def _likely(N: Array, D: Array) -> tuple[float, float]:
    """The factors that make N and D the most usual."""
    n, d = float(np.median(N)), float(np.median(D))
    options = [
        (abs(np.log10(d * b / (n * a)) - _USUAL) + 0.1 * abs(np.log10(n * a) - _USUAL_SIZE), a, b)
        for a, b in product((1.0, 1e6, 1e9), (1.0, 1e6, 1e9, 1e12))
        if 1e5 <= n * a <= 1e13 and 1e6 <= d * b <= 1e15
    ]
    _, a, b = min(options, default=(0.0, 1e6, 1e9))
    return a, b


def short(factor: float) -> str:
    """A factor as one types it: 1e6."""
    return f"{factor:g}".replace("e+0", "e").replace("e+", "e")
