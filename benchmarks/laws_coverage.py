"""How often a 90 % interval holds the truth, on points drawn from a known law.

    python benchmarks/laws_coverage.py [DATASETS]

Two tables. First the law chinchilla with Besiroglu's coefficients, noise on the log loss, intervals from 400 refits
each: every coefficient, and the law's value at the optimum of ten times the largest C. Then five rungs of a small
ladder, E + A/N^alpha, and the interval for the loss that the next rung (2.7 × the largest) will really show.
"""

import sys

import numpy as np

from scaling_tui.laws import Points, coefficient_set, fit, get, predict
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.planning.plan import Goal, plan_published

CHOSEN = coefficient_set("chinchilla:besiroglu2024")
TRUTH = dict(CHOSEN.coefficients)
LADDER = np.array([6.2e3, 2.4e4, 8.3e4, 1.97e5, 4.43e5])
NEXT = 1.18e6


def many_points(datasets: int) -> None:
    print(f"chinchilla, {datasets} datasets a row, nominal 90 %")
    print(f"{'points':>6} {'noise':>12} {'refits by':<9}" + "".join(f"{name:>8}" for name in (*TRUTH, "10 × C")))
    law = get("chinchilla")
    for size, noise, tail in ((15, 0.005, "normal"), (60, 0.005, "normal"), (120, 0.005, "normal"),
                              (240, 0.005, "normal"), (240, 0.02, "normal"), (240, 0.005, "t, 3 d.f.")):  # fmt: skip
        hits = dict.fromkeys((*TRUTH, "10 × C"), 0)
        way = ""
        for seed in range(datasets):
            rng = np.random.default_rng(seed)
            N = 10 ** rng.uniform(7.7, 10.2, size)
            C = 10 ** rng.uniform(18.7, 21.6, size)
            D = C / 6 / N
            errors = rng.standard_normal(size) if tail == "normal" else rng.standard_t(3, size)
            loss = law.loss(TRUTH, params=N, tokens=D) * np.exp(noise * errors)
            draws = bootstrap(fit(Points.of(loss, params=N, tokens=D), law), 400, seed=seed)
            way = draws.resample
            for name, (low, high) in draws.intervals().items():
                hits[name] += low <= TRUTH[name] <= high
            best = plan_published(CHOSEN, Goal(flops=10 * float(C.max())))
            found = draws.predict(params=best.params, tokens=best.tokens)
            hits["10 × C"] += found.low <= best.loss <= found.high
        label = f"{noise:.1%} {tail}" if tail == "normal" else f"{noise:.1%} t(3)"
        print(f"{size:>6} {label:>12} {way:<9}" + "".join(f"{n / datasets:>8.1%}" for n in hits.values()), flush=True)


def five_points(datasets: int) -> None:
    print(f"\nnext rung from five, {datasets} ladders a row, nominal 90 %")
    print(f"{'E':>5} {'A':>5} {'alpha':>6} {'noise':>6} {'covered':>8} {'half-width, median':>19} {'largest':>8}")
    for E, A, alpha in ((1.7, 40, 0.35), (1.2, 9, 0.17), (2.1, 60, 0.45)):
        for noise in (0.002, 0.005, 0.01):
            rng = np.random.default_rng(0)
            hits, halves = 0, []
            for _ in range(datasets):
                loss = (E + A / LADDER**alpha) * np.exp(noise * rng.standard_normal(5))
                new = (E + A / NEXT**alpha) * np.exp(noise * rng.standard_normal())
                found = predict(fit(Points.of(loss, params=LADDER), "chinchilla-n"), params=NEXT)
                hits += found.low <= new <= found.high
                halves.append((found.high - found.low) / 2 / found.value)
            print(
                f"{E:>5} {A:>5} {alpha:>6} {noise:>6.1%} {hits / datasets:>8.1%} "
                f"{np.median(halves):>19.2%} {max(halves):>8.1%}",
                flush=True,
            )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    many_points(count)
    five_points(count)
