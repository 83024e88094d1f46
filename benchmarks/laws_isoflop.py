"""How far the exponent of isoFLOP profiles is from the truth, by the shape of the valley, on points of known laws.

    python benchmarks/laws_isoflop.py [DATASETS]

First without noise: what is left is the bias that Czech, Xu et al. 2026 describe (arXiv 2603.22339), from the width of
the grid, its centre, and alpha unlike beta. Then with noise on every loss: the root mean square error of the exponent,
and how often its 90 % interval holds the truth. A grid of "half-width 10" reaches a tenth and ten times its centre;
"drift 3" means that the centre moves from a third of the optimum at the smallest budget to three times it at the
largest. `fixed` is one ladder of sizes for all budgets, as most people train, cut where training gets too short.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scaling_tui.laws import Points, find_law
from scaling_tui.laws.fitting.isoflop import profiles
from scaling_tui.laws.fitting.valleys import SHAPES
from scaling_tui.laws.kernels import Array

CHINCHILLA = find_law("chinchilla")
LAWS = {
    "alpha 0.34 beta 0.28": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
    "alpha 0.465 beta 0.155": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.465, "beta": 0.155},
    "alpha 0.25 beta 0.45": {"E": 1.69, "A": 406.4, "B": 2000.0, "alpha": 0.25, "beta": 0.45},
}
BUDGETS = np.geomspace(1e18, 1e21, 6)
FIXED = np.geomspace(5e6, 9e8, 16)


@dataclass(frozen=True)
class Grid:
    """Sizes around the optimum of each budget; all factors."""

    sizes: int
    half_width: float
    centre: float = 1.0
    drift: float = 1.0

    def __str__(self) -> str:
        off = f", centre × {self.centre:g}" if self.centre != 1 else ""
        return f"{self.sizes} × {self.half_width:g}{off}" + (f", drift {self.drift:g}" if self.drift != 1 else "")


def exact(law: dict[str, float], grid: Grid) -> tuple[Points, float, Array]:
    """Losses of a law on a grid, its exponent of N, and its best N at each budget."""
    alpha, beta = law["alpha"], law["beta"]
    best = (alpha * law["A"] / beta / law["B"]) ** (1 / (alpha + beta)) * (BUDGETS / 6) ** (beta / (alpha + beta))
    centre = best * grid.centre * grid.drift ** np.linspace(-1, 1, BUDGETS.size)
    params = (centre[:, None] * np.geomspace(1 / grid.half_width, grid.half_width, grid.sizes)).ravel()
    flops = np.repeat(BUDGETS, grid.sizes)
    loss = CHINCHILLA.loss(law, params=params, tokens=flops / 6 / params)
    return Points.of(loss, params=params, flops=flops), beta / (alpha + beta), best


def steep(exponent: float) -> tuple[Points, float, Array]:
    """Valleys whose walls are steeper than a power law's and unlike each other, on a fixed ladder of sizes.

    Like those of short training, where a budget's largest sizes see few steps.
    """
    flops = 5e16 * 2.0 ** np.arange(10)

    def loss(log_n: Array, c: float) -> Array:
        x = log_n - np.log(5.5e7) - exponent * np.log(c / 4e17)
        walls = 0.41 * np.log1p(np.exp(2.2 * (x - 1.0))) + 0.37 * np.log1p(np.exp(-3 * (x + 0.6)))
        rise = walls + 0.1 * (np.cosh(0.35 * x) - 1)
        total: Array = 3.6 * (c / 4e17) ** -0.055 + (c / 4e17) ** -0.2 * rise
        return total

    fine = np.log(np.geomspace(1e5, 1e11, 60001))
    best = np.array([fine[np.argmin(loss(fine, c))] for c in flops])
    sizes = [np.log(FIXED)[(np.log(FIXED) > m - 2.2) & (np.log(FIXED) < m + 3)] for m in best]
    points = Points.of(
        np.concatenate([loss(n, c) for n, c in zip(sizes, flops, strict=True)]),
        params=np.exp(np.concatenate(sizes)),
        flops=np.repeat(flops, [n.size for n in sizes]),
    )
    return points, float(np.polyfit(np.log(flops), best, 1)[0]), np.exp(best)


def without_noise() -> None:
    print("exponent of N by each shape minus the truth, and error of the largest best N; no noise")
    print(f"{'law':<24}{'grid: sizes × half-width':<30}" + "".join(f"{shape:>18}" for shape in SHAPES))
    grids = [
        Grid(9, width, centre, drift) for width in (3, 10, 30) for centre, drift in ((1.0, 1.0), (2.0, 1.0), (1.0, 2.0))
    ]
    for name, law in LAWS.items():
        for grid in grids:
            print(f"{name:<24}{grid!s:<30}" + _errors(*exact(law, grid)))
    for exponent in (0.55, 0.7):
        print(f"{f'steep walls, {exponent}':<24}{'fixed':<30}" + _errors(*steep(exponent)))


def _errors(points: Points, truth: float, best: Array) -> str:
    cells = []
    for shape in SHAPES:
        found = profiles(points, shape)
        # Of a fixed ladder the last valleys may be at its edge.
        last = [v.params / b - 1 for v, b in zip(found.valleys, best, strict=True) if not v.edge][-1]
        cells.append("–" if found.params is None else f"{found.params.exponent - truth:>+9.4f}{last:>+9.1%}")
    return "".join(cells)


def cases() -> Iterator[tuple[str, Points, float, Array]]:
    """Names, exact points, exponents, and the best N of each budget."""
    for law, grid in (
        ("alpha 0.34 beta 0.28", Grid(5, 3)),
        ("alpha 0.34 beta 0.28", Grid(7, 4, 1.6)),
        ("alpha 0.465 beta 0.155", Grid(9, 10, 1, 2.2)),
        ("alpha 0.25 beta 0.45", Grid(13, 20, 1, 2.2)),
        ("alpha 0.25 beta 0.45", Grid(4, 3)),
    ):
        yield f"{law}, {grid}", *exact(LAWS[law], grid)
    for exponent in (0.55, 0.7):
        yield f"steep walls, fixed, {exponent}", *steep(exponent)


def with_noise(datasets: int) -> None:
    print(f"\nrms error of the exponent, and share of 90 % intervals that hold the truth; {datasets} datasets a row")
    print(f"{'law and grid':<48}{'noise':>6}" + "".join(f"{shape:>18}" for shape in SHAPES))
    for name, points, truth, _ in cases():
        for noise in (0.003, 0.01):
            cells = []
            for shape in SHAPES:
                errors, held = [], 0
                for seed in range(datasets):
                    rng = np.random.default_rng(seed)
                    noisy = points.loss * np.exp(noise * rng.standard_normal(len(points)))
                    law = profiles(Points.of(noisy, params=points.params, flops=points.flops), shape).params
                    if law is not None:
                        errors.append(law.exponent - truth)
                        held += law.low <= truth <= law.high
                rms = float(np.sqrt(np.mean(np.square(errors))))
                cells.append(f"{rms:>10.4f}{held / len(errors):>8.1%}")
            print(f"{name:<48}{noise:>6.1%}" + "".join(cells), flush=True)


if __name__ == "__main__":
    without_noise()
    with_noise(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
