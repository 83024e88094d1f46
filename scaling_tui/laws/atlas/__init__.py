"""The atlas: published loss laws, allocations and hyperparameter laws, as plain data with their sources.

Every entry states a figure of its source that its coefficients give again; `planning.reproduced` computes it.
"""

from scaling_tui.laws.atlas.allocations import ALLOCATIONS, allocation
from scaling_tui.laws.atlas.entries import Allocation, CoefficientSet, Entry, HyperparameterLaw, Power, Scope, Stated
from scaling_tui.laws.atlas.hyperparameters import HYPERPARAMETER_LAWS
from scaling_tui.laws.atlas.loss_laws import SETS

ENTRIES: tuple[Entry, ...] = (*SETS, *ALLOCATIONS, *HYPERPARAMETER_LAWS)

__all__ = [
    "ALLOCATIONS",
    "ENTRIES",
    "HYPERPARAMETER_LAWS",
    "SETS",
    "Allocation",
    "CoefficientSet",
    "Entry",
    "HyperparameterLaw",
    "Power",
    "Scope",
    "Stated",
    "allocation",
]
