"""How often a 90 % interval holds the truth, on points drawn from a known law.

    python benchmarks/laws_coverage.py [DATASETS] [SCENARIO…]

The law is chinchilla with Besiroglu's coefficients; intervals are from 200 refits each. A row is a kind of points:

* `iid N`: N runs with independent noise of 0.5 %; `2 %` and `t(3)` change it.
* `falling N`: the noise falls with C, from about 1.6 % at the smallest to 0.3 % at the largest.
* `seeds 12×5`, `seeds 8×6`: configurations with an error of their own (0.5 %), and seeds beside (0.2 %).
* `sizes 8×6`: eight N at six D each, where every N has an error of its own (0.5 %) beside 0.3 % of each run;
  `sizes 8×6, none` is the same without it.
* `E 0`, `E 0.3`: the floor at zero, or too low to be seen.

Columns are the coefficients, the law's value at the compute-optimal run of ten times the largest C, and the loss of one
new run there. Then ladders of few rungs, E + A/N^alpha, and the loss that the next rung (2.7 × the largest) shows.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws import Points, find_law, fit, get, predict
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.planning.plan import Goal, plan_law

Array = NDArray[np.float64]
LAW = find_law("chinchilla")
TRUTH = dict(get("chinchilla:besiroglu2024").coefficients)
LADDER = np.array([6.2e3, 2.4e4, 8.3e4, 1.97e5, 4.43e5])
NEXT = 1.18e6
DRAWS = 200


@dataclass(frozen=True)
class Sample:
    """Points of one dataset: inputs, log-loss errors, and the error that a new run has."""

    params: Array
    tokens: Array
    errors: Array
    new_error: float
    truth: dict[str, float]


Draw = Callable[[np.random.Generator], Sample]


def scattered(rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """N, D and C of runs all over the range of Hoffmann et al."""
    N, C = 10 ** rng.uniform(7.7, 10.2, size), 10 ** rng.uniform(18.7, 21.6, size)
    return N, C / 6 / N, C


def independent(size: int, noise: float, tail: float = np.inf, **truth: float) -> Draw:
    def draw(rng: np.random.Generator) -> Sample:
        N, D, _ = scattered(rng, size)
        errors = rng.standard_normal(size + 1) if np.isinf(tail) else rng.standard_t(tail, size + 1)
        return Sample(N, D, noise * errors[:-1], noise * float(errors[-1]), TRUTH | truth)

    return draw


def falling(size: int) -> Draw:
    def draw(rng: np.random.Generator) -> Sample:
        N, D, C = scattered(rng, size)
        scale = 0.005 * (C / 10**20.15) ** -0.25
        least = 0.005 * (float(C.max()) / 10**20.15) ** -0.25
        return Sample(N, D, scale * rng.standard_normal(size), least * float(rng.standard_normal()), TRUTH)

    return draw


def seeds(configurations: int, each: int) -> Draw:
    def draw(rng: np.random.Generator) -> Sample:
        N, D, _ = scattered(rng, configurations)
        which = np.repeat(np.arange(configurations), each)
        own = 0.005 * rng.standard_normal(configurations)
        errors = own[which] + 0.002 * rng.standard_normal(which.size)
        return Sample(N[which], D[which], errors, float(rng.normal(0, np.hypot(0.005, 0.002))), TRUTH)

    return draw


def sizes(shared: float) -> Draw:
    def draw(rng: np.random.Generator) -> Sample:
        which = np.repeat(np.arange(8), 6)
        N = np.geomspace(5e7, 1.5e10, 8)[which]
        D = N * np.tile(np.geomspace(5, 160, 6), 8)
        errors = shared * rng.standard_normal(8)[which] + 0.003 * rng.standard_normal(48)
        return Sample(N, D, errors, float(rng.normal(0, np.hypot(shared, 0.003))), TRUTH)

    return draw


SCENARIOS: dict[str, Draw] = {
    "iid 8": independent(8, 0.005),
    "iid 15": independent(15, 0.005),
    "iid 60": independent(60, 0.005),
    "iid 120": independent(120, 0.005),
    "iid 240": independent(240, 0.005),
    "iid 240, 2 %": independent(240, 0.02),
    "iid 240, t(3)": independent(240, 0.005, 3),
    "falling 15": falling(15),
    "falling 60": falling(60),
    "seeds 12×5": seeds(12, 5),
    "seeds 8×6": seeds(8, 6),
    "sizes 8×6": sizes(0.005),
    "sizes 8×6, none": sizes(0.0),
    "E 0, 24": independent(24, 0.005, E=0.0),
    "E 0, 120": independent(120, 0.005, E=0.0),
    "E 0.3, 24": independent(24, 0.005, E=0.3),
}


def coverage(draw: Draw, datasets: int) -> tuple[dict[str, float], str]:
    """The share of datasets whose interval holds the truth, by quantity, and how the refits were made."""
    hits = dict.fromkeys((*TRUTH, "law 10×C", "run 10×C"), 0)
    way = ""
    for seed in range(datasets):
        sample = draw(np.random.default_rng(seed))
        truth = sample.truth
        loss = LAW.loss(truth, params=sample.params, tokens=sample.tokens) * np.exp(sample.errors)
        draws = bootstrap(fit(LAW, Points.of(loss, params=sample.params, tokens=sample.tokens)), DRAWS, seed=seed)
        way = draws.resample
        for name, (low, high) in draws.intervals().items():
            hits[name] += low <= truth[name] <= high
        budget = 10 * 6 * float((sample.params * sample.tokens).max())
        best = plan_law(LAW, TRUTH, Goal(flops=budget))
        true = float(LAW.loss(truth, params=best.params, tokens=best.tokens))
        law = draws.predict(params=best.params, tokens=best.tokens)
        run = draws.predict(of="run", params=best.params, tokens=best.tokens)
        hits["law 10×C"] += law.low <= true <= law.high
        hits["run 10×C"] += run.low <= true * np.exp(sample.new_error) <= run.high
    return {name: count / datasets for name, count in hits.items()}, way


def chinchilla(datasets: int, wanted: list[str]) -> None:
    print(f"chinchilla, {datasets} datasets a row, nominal 90 %\n")
    print("| points | refits by | " + " | ".join((*TRUTH, "law 10×C", "run 10×C")) + " |")
    print("| --- | --- |" + " --- |" * 7)
    for name, draw in SCENARIOS.items():
        if not wanted or name.split(",")[0].split()[0] in wanted:
            shares, way = coverage(draw, datasets)
            cells = " | ".join(f"{100 * share:.1f}" for share in shares.values())
            print(f"| {name} | {way} | {cells} |", flush=True)


def ladders(datasets: int) -> None:
    print(f"\nthe next rung of a ladder, {datasets} ladders a row, nominal 90 %\n")
    print("| E, A, alpha | noise | rungs × seeds | covered | half-width, median | largest |")
    print("| --- | --- | --- | --- | --- | --- |")
    for E, A, alpha in ((1.7, 40, 0.35), (1.2, 9, 0.17), (2.1, 60, 0.45)):
        for noise in (0.002, 0.005, 0.01):
            for each in (1, 3):
                rng = np.random.default_rng(0)
                N = np.repeat(LADDER, each)
                hits, halves = 0, []
                for _ in range(datasets):
                    loss = (E + A / N**alpha) * np.exp(noise * rng.standard_normal(N.size))
                    new = (E + A / NEXT**alpha) * np.exp(noise * rng.standard_normal())
                    found = predict(fit("chinchilla-n", Points.of(loss, params=N)), params=NEXT)
                    hits += found.low <= new <= found.high
                    halves.append((found.high - found.low) / 2 / found.value)
                print(
                    f"| {E}, {A}, {alpha} | {noise:.1%} | 5 × {each} | {100 * hits / datasets:.1f} | "
                    f"{np.median(halves):.2%} | {max(halves):.1%} |",
                    flush=True,
                )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chinchilla(count, sys.argv[2:])
    if not sys.argv[2:] or "ladders" in sys.argv[2:]:
        ladders(count)
