"""The slow peers, once: the published procedures by SciPy, and simple-scaling-laws where it can be imported.

    SCALING_TUI_DATA=DIR python benchmarks/laws_peers.py

SciPy is no dependency of this project: run it in an environment that has SciPy (and simple-scaling-laws with Polars).
The procedures are those of Besiroglu et al. 2024 for Hoffmann's approach 3: L-BFGS-B with a numeric gradient from each
of 4,500 starts; BFGS with an exact gradient from one start for each of 4,000 bootstrap samples.
"""

import csv
import os
import time
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

DELTA = 1e-3


def runs() -> tuple[Any, Any, Any]:
    path = Path(os.environ.get("SCALING_TUI_DATA", ".")) / "chinchilla_points.csv"
    with path.open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["loss"]))[:240]
    N, D, loss = (np.array([float(row[name]) for row in rows]) for name in ("params", "tokens", "loss"))
    return np.log(N), np.log(D), np.log(loss)


def objective(p: Any, n: Any, d: Any, y: Any) -> tuple[float, Any]:
    """Summed Huber loss of log-loss residuals for p = (a, b, e, alpha, beta), with its gradient."""
    z = np.stack([p[0] - p[3] * n, p[1] - p[4] * d, np.full_like(n, p[2])])
    top = z.max(axis=0)
    part = np.exp(z - top)
    share = part / part.sum(axis=0)
    r = top + np.log(part.sum(axis=0)) - y
    far = np.abs(r) > DELTA
    value = np.where(far, DELTA * (np.abs(r) - DELTA / 2), r * r / 2).sum()
    pull = np.clip(r, -DELTA, DELTA) * share
    return float(value), np.array([pull[0].sum(), pull[1].sum(), pull[2].sum(), -(pull[0] @ n), -(pull[1] @ d)])


def by_scipy() -> None:
    minimize = import_module("scipy.optimize").minimize

    n, d, y = runs()
    starts = product(
        range(0, 30, 5), range(0, 30, 5), np.arange(-1, 1.5, 0.5), np.arange(0, 2.5, 0.5), np.arange(0, 2.5, 0.5)
    )
    began, best = time.process_time(), np.inf
    with np.errstate(all="ignore"):
        for start in starts:
            found = minimize(lambda p: objective(p, n, d, y)[0], np.array(start, dtype=float), method="L-BFGS-B")
            best = min(best, found.fun if found.success else np.inf)
    print(f"4,500 starts, L-BFGS-B: {time.process_time() - began:.1f} CPU s, objective {best:.13g}", flush=True)
    rng = np.random.default_rng(42)
    start = np.array([6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083])
    began, good = time.process_time(), 0
    for _ in range(4000):
        i = rng.integers(0, 240, 240)
        sample = n[i], d[i], y[i]
        good += minimize(objective, start, args=sample, jac=True, method="BFGS").success
    print(f"4,000 bootstrap refits, BFGS: {time.process_time() - began:.1f} CPU s, {good} report success", flush=True)


def by_simple_scaling_laws() -> None:
    try:
        polars, fit = import_module("polars"), import_module("simple_scaling_laws").fit
    except ImportError:
        print("simple-scaling-laws or polars is not installed: left out")
        return
    n, d, y = runs()
    table = polars.DataFrame(
        {
            "training_run_id": [f"r{i}" for i in range(n.size)],
            "test_set_id": ["t"] * n.size,
            "model_size__n": np.exp(n),
            "dataset_size__d": np.exp(d),
            "test_loss__ce": np.exp(y),
        }
    )
    for draws in (100, 4000):
        began = time.process_time()
        model = fit(table, law="separable-power", n_draws=draws, seed=0)
        taken = time.process_time() - began
        E = model.params("test_loss__ce")["E"]
        print(f"simple-scaling-laws, {draws} draws: {taken:.2f} CPU s, E {E:.4f} (an objective of its own)", flush=True)


if __name__ == "__main__":
    by_simple_scaling_laws()
    by_scipy()
