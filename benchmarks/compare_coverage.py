"""Differences between sources: how often their intervals hold the truth, and how often equal laws seem to differ.

    python benchmarks/compare_coverage.py [--runs DIR] [--pairs 100] [--level 0.9]

First pairs of tables with noise of their own around known laws, which differ in E by 5 % and in nothing else; at 16
points each, where refits get noise, and at 100, where points are drawn. Then, with --runs, every two sweeps in DIR,
such as those that quickstart_seeds.py trains: they differ in their seeds alone, so no difference of theirs is real.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from scaling_tui.laws import Points, find_law, get
from scaling_tui.laws.fitting.difference import differences
from scaling_tui.laws.fitting.study import Study, study
from scaling_tui.report.comparison.comparing import compare_sources
from scaling_tui.report.comparison.sources import open_source, with_own_names
from scaling_tui.runs import list_sweeps
from scaling_tui.text.columns import columns

NOISE, SHIFT = 0.004, 0.05


def drawn(side: int, shift: float, rng: np.random.Generator, level: float) -> Study:
    """A study of side² runs of Besiroglu's law, its E raised by `shift`, with `NOISE` of the loss."""
    law, coefficients = find_law("chinchilla"), dict(get("chinchilla:besiroglu2024").coefficients)
    coefficients["E"] *= 1 + shift
    n, d = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e9, side), np.geomspace(1e9, 4e10, side)))
    losses = law.loss(coefficients, params=n, tokens=d) * np.exp(NOISE * rng.standard_normal(n.size))
    return study("chinchilla", Points.of(losses, params=n, tokens=d), draws=200, level=level)


def known_laws(pairs: int, level: float) -> str:
    """A row a coefficient: in how many pairs the interval holds the true difference, and in how many it seems real."""
    rng, rows = np.random.default_rng(5), [("points each", "coefficient", "held", "seems real")]
    for side in (4, 10):
        held: Counter[str] = Counter()
        real: Counter[str] = Counter()
        for _ in range(pairs):
            for one in differences(drawn(side, 0.0, rng, level), drawn(side, SHIFT, rng, level), level):
                true = SHIFT * get("chinchilla:besiroglu2024").coefficients["E"] if one.name == "E" else 0.0
                held[one.name] += one.low <= true <= one.high
                real[one.name] += bool(one.real)
        rows += [(str(side**2), name, f"{held[name] / pairs:.2f}", f"{real[name] / pairs:.2f}") for name in held]
    return columns(rows, numeric=(0, 2, 3))


def seeds_alone(runs: Path, level: float) -> str:
    """A row a coefficient: between how many pairs of the sweeps in `runs` a difference seems real."""
    sources = with_own_names([open_source(path.name, runs, runs) for path in list_sweeps(runs)])
    pairs: Counter[str] = Counter()
    real: Counter[str] = Counter()
    for apart in compare_sources(sources, level=level).apart:
        for one in (*apart.coefficients, *([apart.loss] if apart.loss else [])):
            pairs[one.name] += 1
            real[one.name] += bool(one.real)
    rows = [("of", "pairs", "seem real")]
    rows += [(name, str(count), f"{real[name] / count:.3f}") for name, count in pairs.items()]
    return columns(rows, numeric=(1, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--level", type=float, default=0.9)
    given = parser.parse_args()
    print(known_laws(given.pairs, given.level))
    if given.runs is not None:
        print(f"\n{seeds_alone(given.runs, given.level)}")


if __name__ == "__main__":
    main()
