"""Laws in competition on public tables, as `fit --compare` compares them, printed as Markdown.

    SCALING_TUI_DATA=DIR python benchmarks/compare_laws.py

After the tables, what each law says of a run far beyond one of them: the laws fitted to OLMo's ladder, asked for
OLMo 2 13B at 5T tokens.
"""

import os
from pathlib import Path
from time import process_time

import numpy as np

from scaling_tui.laws import fit
from scaling_tui.laws.fitting.compare import Comparison, compare
from scaling_tui.laws.fitting.tables import TableOptions, table_points
from scaling_tui.text import show

DATA = Path(os.environ["SCALING_TUI_DATA"])
OLMO = "olmo_ladder_tasks.csv"
# file, options, runs of highest loss to leave out, delta
TABLES = (
    ("chinchilla_points.csv", TableOptions(), 5, None),
    ("misfitting_last_checkpoints.csv", TableOptions.of(None, "auto", "peak_lr", ["params<3e8"]), 0, None),
    ("gadre_rw.csv", TableOptions(), 0, None),
    (OLMO, TableOptions(), 0, 1e-3),
    ("isoflop_head.csv", TableOptions(), 0, None),
    ("isoflop_decay.csv", TableOptions(), 0, None),
)
# OLMo 2 13B: N of MODEL_PARAMS in allenai/OLMo-ladder, D and the C4 loss of the last row of its
# src/scripts/other/data/peteish-final-new/13B-5T.csv
LARGE = {"params": 13_202_396_160, "tokens": 5_000_080_130_048}
LARGE_LOSS = 2.4375805854797363


def compared(name: str, options: TableOptions, highest: int, delta: float | None) -> Comparison:
    path = DATA / name
    points = table_points(str(path if path.exists() else DATA / "tables" / name), options).points
    points = points.take(np.sort(np.argsort(points.loss, kind="stable")[: len(points) - highest]))
    return compare(fit("chinchilla", points, delta=delta))


def table(name: str, found: Comparison) -> None:
    lowest = found.best_within.aicc
    about = f"{name}, {len(found.points)}"
    for one in found.contenders:
        winner = " **best**" if one is found.best_beyond else ""
        within = "**best**" if one is found.best_within else f"+{one.aicc - lowest:.1f}"
        print(
            f"| {about} | {one.fit.law.name} | {one.fit.objective:.4g} | {within} "
            f"| {show.percent(one.loo, 2)} | {show.percent(one.holdout_mape, 2)}{winner} "
            f"| {show.percent(one.holdout_bias, 2, sign=True)} | {max(o.reach for o in found.origins):.0f}× |"
        )
        about = ""


def main() -> None:
    print("| runs | law | objective | AICc | left out | beyond | bias | reach |\n" + "| --- " * 8 + "|")
    seconds = {}
    for name, options, highest, delta in TABLES:
        start = process_time()
        found = compared(name, options, highest, delta)
        seconds[name] = process_time() - start
        table(f"`{name}`", found)
        if name == OLMO:
            olmo = found
    print("\nCPU seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()))
    flops = olmo.points.compute()
    assert flops is not None
    beyond = 6 * LARGE["params"] * LARGE["tokens"] / flops.max()
    print(f"\nOLMo 2 13B, {beyond:.0f} times the largest C of the ladder, measured {LARGE_LOSS:.3f}:")
    for one in olmo.contenders:
        predicted = float(one.fit.loss(**LARGE))
        print(f"{one.fit.law.name} {predicted:.3f}, {show.percent(predicted / LARGE_LOSS - 1, 1, sign=True)}")


if __name__ == "__main__":
    main()
