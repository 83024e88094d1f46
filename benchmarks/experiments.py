"""The table of experiments: what each ladder expected, what came out over its seeds, what it cost.

    python benchmarks/experiments.py [--runs DIR] [--markdown]

It reads sweeps that are on disk and trains nothing: `scaling-tui run LADDER --runs DIR` makes them, and several sweeps
of one ladder (one a seed, say) are read as one. Losses are held out, in nats per token; measured is the mean ± standard
deviation over seeds; CPU is processor seconds of one run, over all its threads.
"""

import argparse
import math
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from scaling_tui.laws import Points, fit, predict
from scaling_tui.laws.fitting.isoflop import profiles
from scaling_tui.runs import RunView, SweepView, list_sweeps, read_sweep, runs_folder
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.summary import summary
from scaling_tui.sweeps.sweep_fit import points_of_sweep
from scaling_tui.text import show
from scaling_tui.text.columns import columns

ORDER = (
    "simple-llm", "text-prediction", "text-prediction-dropout", "tiny-shakespeare", "known-law", "emergence", "repeat",
    "isoflop", "budgets",
)  # fmt: skip
# What a ladder is about, where it promises no figure of it.
TOLD = {
    "text-prediction": ("val_accuracy", "gap"),
    "text-prediction-dropout": ("val_loss", "val_accuracy", "gap"),
    "emergence": ("val_loss", "val_accuracy", "exact_match"),
}
WIDE_TOKENS = 1e15  # D at which what is left of B/D^beta is beyond any digit shown


def sweeps_by_ladder(runs: Path) -> dict[str, SweepView]:
    """One view a ladder: the runs of all its sweeps, the latest of each name that finished."""
    found: dict[str, SweepView] = {}
    kept: dict[str, dict[str, RunView]] = defaultdict(dict)
    for path in list_sweeps(runs):
        view = read_sweep(path)
        ladder = str(view.document.get("ladder", view.name))
        found.setdefault(ladder, view)
        for run in view.runs:
            if run.state == "finished":
                kept[ladder].setdefault(run.name, run)
    return {
        ladder: replace(view, runs=tuple(sorted(kept[ladder].values(), key=lambda run: (run.flops or 0, run.name))))
        for ladder, view in found.items()
    }


def metric_rows(ladder: str, sweep: SweepView) -> Iterator[tuple[str, ...]]:
    for case in outcome(sweep):
        for metric, found in case["metrics"].items():
            promised = found["expected"] or found["claimed"] is not None
            if not promised and metric not in TOLD.get(ladder, ()):
                continue
            band, claim = found["expected"], found["claimed"]
            measured = show.loss(found["mean"])
            if found["sd"] is not None:
                measured += f" ± {found['sd']:.4f}"
            verdict = {None: "", True: "inside", False: "OUTSIDE"}[found["inside"]]
            yield (
                ladder,
                case["case"],
                metric,
                "" if claim is None else f"{claim:g}",
                f"{band[0]:g} to {band[1]:g}" if band else "",
                measured,
                str(len(found["values"])),
                verdict,
                show.duration(case["cpu_s"]),
            )


def known_law(sweep: SweepView) -> list[str]:
    """E with its 90 % interval (profile likelihood) seed by seed, against the source's entropy rate."""
    truth = float((sweep.document.get("corpus") or {})["entropy"])
    lines, inside, widths = [], 0, []
    planned = len((sweep.document.get("cases") or {}) or {run.tokens for run in sweep.runs})
    seeds = sorted({run.seed for run in sweep.runs})
    for seed in seeds:
        runs = [run for run in sweep.runs if run.seed == seed]
        if len(runs) < planned:
            lines.append(f"  seed {seed}: {len(runs)} of {planned} runs finished, not fitted")
            continue
        points = Points.of([run.loss or math.nan for run in runs], tokens=[run.tokens or math.nan for run in runs])
        found = predict(fit("chinchilla-d", points), of="law", tokens=WIDE_TOKENS)
        holds = found.low <= truth <= found.high
        inside += holds
        widths.append((found.high - found.low) / 2 / found.value)
        lines.append(
            f"  seed {seed}: E = {found.value:.4f} [{found.low:.4f}, {found.high:.4f}], half-width {widths[-1]:.1%}, "
            f"{'holds' if holds else 'misses'} {truth:.4f}; {len(runs)} points"
        )
    if widths:
        lines.append(
            f"  the truth is inside for {inside} of {len(widths)} seeds (wanted 8 of 10); "
            f"median half-width {statistics.median(widths):.1%}, largest {max(widths):.1%} (wanted 5 %)"
        )
    return lines


def repetition(sweep: SweepView) -> Iterator[str]:
    """What the same tokens again cost beside as many fresh ones, seed by seed; with the mean's standard error."""
    finished = {(run.rung, run.tokens or 0, run.unique_tokens, run.seed): run for run in sweep.runs if run.loss}
    costs: dict[tuple[str, int, int, int | None], list[float]] = defaultdict(list)
    for (rung, tokens, unique, seed), run in finished.items():
        fresh = finished.get((rung, tokens, tokens, seed))
        if unique and unique < tokens and fresh and run.loss and fresh.loss:
            costs[rung, tokens, unique, run.non_embedding].append(run.loss / fresh.loss - 1)
    for (rung, tokens, unique, size), found in sorted(costs.items()):
        error = statistics.stdev(found) / math.sqrt(len(found)) if len(found) > 1 else math.nan
        yield (
            f"  {rung}, N {show.count(size)} non-embedding, D {show.count(tokens)}: {tokens / unique:.0f} epochs cost "
            f"{show.percent(statistics.mean(found), 1, sign=True)} ± {show.percent(error, 1)} of the loss on fresh "
            f"tokens; {len(found)} seeds"
        )


def branches(runs: Path) -> Iterator[str]:
    """The ladder of budgets with a trunk beside the same budgets each alone."""
    found: dict[str, SweepView] = {}
    for path in list_sweeps(runs):
        view = read_sweep(path)
        if view.document.get("ladder") == "budgets" and all(run.state == "finished" for run in view.runs):
            schedule = view.runs[0].config["training"]["schedule"]
            kind = "off one trunk" if any(run.trunk for run in view.runs) else f"each alone, {schedule}"
            found.setdefault(kind, view)
    trunk = found.pop("off one trunk", None)
    if trunk is None:
        return
    for kind, alone in found.items():
        cost = sum(run.cost or 0 for run in trunk.runs) / sum(run.cost or 0 for run in alone.runs)
        yield f"  off one trunk at {cost:.0%} of the FLOPs of {kind}:"
        for run in trunk.runs:
            other = alone.run(run.name)
            if other and other.loss and run.loss:
                yield (
                    f"    D {show.count(run.tokens):>5}  {run.loss:.4f}, alone {other.loss:.4f}, "
                    f"{show.percent(run.loss / other.loss - 1, 1, sign=True)}"
                )


def laws(ladder: str, sweep: SweepView) -> Iterator[str]:
    if ladder == "repeat":
        yield from repetition(sweep)
    if ladder == "known-law":
        yield from known_law(sweep)
        return
    fitted = summary(sweep)["fit"]
    if fitted:
        for convention, coefficients in fitted["conventions"].items():
            values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in coefficients.items())
            yield f"  {fitted['law']} through {len(fitted['points'])} runs, N {convention}: {values}"
        yield from (f"  ! {warning}" for warning in fitted["warnings"])
    if ladder == "isoflop":
        found = profiles(points_of_sweep(sweep))
        for valley in found.valleys:
            edge = ", at the edge of the sizes tried" if valley.edge else ""
            yield (
                f"  valley of C {valley.flops:.1e}: N {show.count(valley.params)} (non-embedding), "
                f"D {show.count(valley.tokens)}, loss {valley.loss:.4f}{edge}"
            )
        if found.params:
            growth = found.params
            yield f"  N of least loss grows as C^{growth.exponent:.2f} [{growth.low:.2f}, {growth.high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    runs = runs_folder(given.runs)
    found = sweeps_by_ladder(runs)
    head = ("ladder", "case", "metric", "source", "expected", "measured", "seeds", "", "CPU a run")
    rows = [row for ladder in ORDER if ladder in found for row in metric_rows(ladder, found[ladder])]
    if given.markdown:
        for row in (head, ("---",) * len(head), *rows):
            print("| " + " | ".join(row) + " |")
    else:
        print(columns([head, *rows], numeric=(3, 5, 6, 8)))
    for ladder in ORDER:
        if ladder not in found:
            print(f"\n{ladder}: no sweep on disk")
        elif lines := list(branches(runs) if ladder == "budgets" else laws(ladder, found[ladder])):
            print("\n".join(["", ladder, *lines]))


if __name__ == "__main__":
    main()
