"""Published allocations as `plan --allocation` prints them: from options to a document and a text."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from scaling_tui.laws.atlas import allocation
from scaling_tui.laws.planning.allocated import AllocatedRun, allocate
from scaling_tui.report.fit import option_names
from scaling_tui.report.laws import scope_text
from scaling_tui.report.plan import bill_for, bill_text
from scaling_tui.text import show
from scaling_tui.text.columns import columns

if TYPE_CHECKING:
    from scaling_tui.laws.planning.devices import Device
    from scaling_tui.laws.planning.plan import Goal
    from scaling_tui.plots.figures import Figure


def allocation_source(
    name: str, goal: "Goal", machine: "tuple[str, Device] | None"
) -> "tuple[dict[str, Any], str, Callable[[], list[Figure]]]":
    """The document and the text that `plan --allocation` prints, and a function that makes its plots.

    Raises:
        InputError: no such allocation, or a goal that it cannot meet.
    """
    from scaling_tui.plots.allocations import allocation_figure

    with option_names():
        chosen = allocation(name)
    run = allocate(chosen, goal)
    bill = bill_for(run.training_flops, machine)
    document = asdict(run) | {
        "law": None,
        "intervals": {},
        "convention": {"flops": "as published", "params": run.convention},
        "source": chosen.source,
        "scope": asdict(chosen.scope),
        "device": bill,
    }
    text = (
        allocation_text(run)
        + f"\n{chosen.source}; {scope_text(chosen.scope)}"
        + (f"\n{bill_text(bill)}" if bill else "")
    )
    return document, text, lambda: [allocation_figure(chosen, run)]


def allocation_text(run: AllocatedRun) -> str:
    """A run by a published allocation."""

    def flops(value: float) -> str:
        return f"{value:.3g}".replace("e+", "e")

    rows = [
        ("N", show.count(run.params), "parameters"),
        ("D", show.count(run.tokens), "tokens"),
        ("D/N", f"{run.tokens_per_param:.1f}", "tokens per parameter"),
        ("C", flops(run.flops), "FLOPs, as published"),
        ("6ND", flops(run.training_flops), "training FLOPs"),
        *([] if run.loss is None else [("L", show.loss(run.loss), "nats per token")]),
    ]
    return f"{run.allocation}, an allocation, N {run.convention}\n{columns(rows, numeric=(1,))}"
