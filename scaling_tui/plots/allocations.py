"""A published allocation as a figure: N and D over the budget."""

import numpy as np

from scaling_tui.laws.atlas import Allocation
from scaling_tui.laws.planning.allocated import AllocatedRun
from scaling_tui.plots.figures import Figure, Series
from scaling_tui.text import show


def allocation_figure(chosen: Allocation, run: AllocatedRun) -> Figure:
    """N and D of the allocation from a tenth of the run's budget to ten times it, with the run."""
    flops, here = np.geomspace(run.flops / 10, run.flops * 10, 60), np.array([run.flops])
    return Figure(
        "N, parameters, and D, tokens, for a budget · x C, FLOPs · ◆ the plan",
        (
            Series(flops, chosen.params(flops), "primary", "N", name="N"),
            Series(flops, chosen.tokens(flops), "success", "D", name="D"),
            Series(here, np.array([run.params]), "primary", mark="◆", weight="strong"),
            Series(here, np.array([run.tokens]), "success", mark="◆", weight="strong"),
        ),
        log_x=True,
        log_y=True,
        x_name="C",
        y_name="N, D",
        x_text=show.scientific,
        x_unit="FLOPs",
        y_unit="parameters, tokens",
    )
