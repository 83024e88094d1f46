"""How often the 90 % interval of a predicted accuracy holds what a new run shows, on runs of known coefficients.

    python benchmarks/laws_tasks.py [DATASETS]

Runs as in OLMo's ladder (Bhagia et al. 2024): four sizes from 190M to 1.3B at 10 to 200 tokens per parameter, each
with noise on the logarithm of its bits per byte and on its accuracy. Predicted are a size beyond, 3B at 60B tokens, and
a run far beyond, 7B at 4T. "ceiling 0.95" breaks the assumption that accuracy is 1 at 0 bits per byte.
"""

import sys

import numpy as np

from scaling_tui.laws import Points, find_law
from scaling_tui.laws.fitting.sigmoid import Sigmoid
from scaling_tui.laws.fitting.tasks import fit_task
from scaling_tui.laws.kernels import Array

LAW = find_law("chinchilla")
SIZES = np.array([190e6, 371e6, 758e6, 1279e6])
PER_PARAM = np.array([10.0, 20.0, 20.0, 40.0, 100.0, 200.0])
TARGETS = {"3B, 60B": (3e9, 6e10), "7B, 4T": (6.9e9, 3.95e12)}
SMOOTH = {"E": 0.45, "A": 6.6, "B": 65.0, "alpha": 0.165, "beta": 0.26}
FLOORED = {"E": 0.75, "A": 255.0, "B": 22.0, "alpha": 0.37, "beta": 0.19}
CASES = (
    ("24 runs", SMOOTH, Sigmoid(0.25, 1.0, 13.0, 0.77), 6, 0.005, 0.005),
    ("24 runs, more noise", SMOOTH, Sigmoid(0.25, 1.0, 13.0, 0.77), 6, 0.01, 0.015),
    ("24 runs, large E", FLOORED, Sigmoid(0.5, 1.0, 5.0, 0.97), 6, 0.006, 0.006),
    ("12 runs", FLOORED, Sigmoid(0.5, 1.0, 5.0, 0.97), 3, 0.006, 0.006),
    ("24 runs, ceiling 0.95", SMOOTH, Sigmoid(0.25, 0.95, 13.0, 0.77), 6, 0.005, 0.005),
)


def bits(law: dict[str, float], params: Array, tokens: Array) -> Array:
    """Bits per byte by the true law."""
    return np.asarray(LAW.loss(law, params=params, tokens=tokens))


def main(datasets: int) -> None:
    print(f"90 % intervals for one new run, {datasets} datasets a row; half-widths are medians, of accuracy")
    head = "".join(f"{f'{name}: bpb':>14}{'accuracy':>10}{'± ':>8}" for name in TARGETS)
    print(f"{'runs':<24}{'noise: bpb, accuracy':>22}{head}")
    for name, law, sigmoid, each, noise, spread in CASES:
        params = np.repeat(SIZES, each)
        tokens = params * np.tile(PER_PARAM[-each:], SIZES.size)
        held = {target: [0, 0] for target in TARGETS}
        halves: dict[str, list[float]] = {target: [] for target in TARGETS}
        for seed in range(datasets):
            rng = np.random.default_rng(seed)

            def run(n: Array, d: Array, rng: np.random.Generator = rng) -> tuple[Array, Array]:
                shown = bits(law, n, d) * np.exp(noise * rng.standard_normal(n.size))  # noqa: B023
                true = np.array([sigmoid.at(x) for x in shown])  # noqa: B023
                return shown, true + spread * rng.standard_normal(n.size)  # noqa: B023

            bpb, accuracy = run(params, tokens)
            made = fit_task(Points.of(bpb, params=params, tokens=tokens), accuracy, draws=300, seed=seed)
            for target, (n, d) in TARGETS.items():
                (x,), (y,) = run(np.array([n]), np.array([d]))
                found = made.predict(params=n, tokens=d)
                held[target][0] += found.bpb_low <= x <= found.bpb_high
                held[target][1] += found.low <= y <= found.high
                halves[target].append((found.high - found.low) / 2)
        cells = "".join(
            f"{held[target][0] / datasets:>14.1%}{held[target][1] / datasets:>10.1%}{np.median(halves[target]):>8.3f}"
            for target in TARGETS
        )
        print(f"{name:<24}{f'{noise:.1%}, {spread:g}':>22}{cells}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
