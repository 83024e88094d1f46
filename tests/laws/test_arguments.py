"""Whatever a notebook hands to the library: one line names it, and no warning or error of NumPy comes through."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scaling_tui import InputError, laws

NAN, INF = float("nan"), float("inf")
N = np.repeat([1e6, 3e6, 1e7, 3e7, 1e8], 3)
D = N * np.tile([5, 20, 80], 5)
RUNS = {"params": N, "tokens": D, "loss": 1.69 + 406.4 / N**0.34 + 410.7 / D**0.28 + np.tile([0.01, -0.01, 0], 5)}
any_laws: Any = laws  # what is wrong on purpose is no concern of a type checker


@pytest.fixture(scope="module")
def fitted() -> laws.Fit:
    return laws.fit("chinchilla", RUNS)


@pytest.fixture(scope="module")
def draws(fitted: laws.Fit) -> laws.Bootstrap:
    return laws.bootstrap(fitted, 10)


def restricted(**restrictions: Any) -> Any:
    return any_laws.fit("chinchilla", RUNS, restrictions=any_laws.Restrictions(**restrictions))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda f, b: any_laws.fit(None, RUNS), "law: found None, want the name of a law"),
        (lambda f, b: any_laws.fit("chinchila", RUNS), "did you mean 'chinchilla'?"),
        (lambda f, b: any_laws.fit("chinchilla", RUNS, delta=0), "delta: found 0, want a positive number or inf"),
        (lambda f, b: any_laws.fit("chinchilla", RUNS, delta=NAN), "delta: found nan, want"),
        (lambda f, b: any_laws.fit("chinchilla", RUNS, delta="x"), "delta: found 'x', want a number"),
        (lambda f, b: any_laws.fit("chinchilla", RUNS, convention="x"), "convention: found 'x', want"),
        (lambda f, b: any_laws.fit("chinchilla", RUNS, restrictions={"E": 1}), "restrictions: found dict, want"),
        (lambda f, b: restricted(fixed={"E": "x"}), "fixed E: found 'x', want a number"),
        (lambda f, b: restricted(fixed={"E": 1e300}), "fixed E: found 1e+300, want at most"),
        (lambda f, b: restricted(ties=("alpha",)), "ties: found 'alpha', want pairs"),
        (lambda f, b: restricted(priors={"E": 1}), "priors E: found 1, want laws.Prior"),
        (lambda f, b: restricted(priors={"E": laws.Prior(1, 1e300)}), "priors E: found 1 ± 1e+300, want"),
        (lambda f, b: restricted(priors={"E": laws.Prior(1e-300, 1e-300)}), "priors E: found"),
        (lambda f, b: any_laws.Points.of(loss="abc"), "loss: found 'abc', want a number"),
        (lambda f, b: any_laws.Points(loss=[1, 2]), "column loss: found list, want an array"),
        (lambda f, b: any_laws.Points(loss=N, params=N[:3]), "column params: 3 values, loss has 15"),
        (lambda f, b: any_laws.read_points(RUNS, columns={"loss": 3}), "columns loss: found int, want"),
        (lambda f, b: any_laws.read_points(RUNS, where=3), "where: found 3, want"),
        (lambda f, b: any_laws.read_points(RUNS, cluster=3), "cluster: found 3, want a string"),
        (lambda f, b: any_laws.bootstrap(None), "fit: found None, want what laws.fit gives"),
        (lambda f, b: any_laws.bootstrap(f, 1.5), "draws: found 1.5, want a whole number"),
        (lambda f, b: any_laws.bootstrap(f, 5, seed=-1), "seed: found -1, want a whole number of at least 0"),
        (lambda f, b: any_laws.bootstrap(f, 5, resample="x"), "resample: found 'x', want"),
        (lambda f, b: b.intervals(NAN), "level: found nan, want a number from 0 to 1"),
        (lambda f, b: b.intervals(2), "level: found 2, want"),
        (lambda f, b: b.predict(params="x", tokens=1), "params: found 'x', want a number"),
        (lambda f, b: b.predict(params=1e9, tokens=1e9, runs=0), "runs: found 0, want a whole number of at least 1"),
        (lambda f, b: any_laws.study("chinchilla", RUNS, level="x"), "level: found 'x', want a number"),
        (lambda f, b: any_laws.study("chinchilla", RUNS, drop_highest=1.5), "drop_highest: found 1.5, want"),
        (lambda f, b: any_laws.study("chinchilla", {**RUNS, "loss": N * NAN}), "points: none has a finite loss"),
        (lambda f, b: any_laws.hold_out(f, "x"), "holdout_flops: found 'x', want a number"),
        (lambda f, b: any_laws.compare(f, 3), "laws: found 3, want a list"),
        (lambda f, b: any_laws.compare(f, ["nosuch"]), "law: found 'nosuch', want"),
        (lambda f, b: any_laws.predict(f, params=N, tokens=D), "params: found ndarray, want a number"),
        (lambda f, b: any_laws.plan(f, flops="1e20"), "flops: found '1e20', want a number"),
        (lambda f, b: any_laws.plan(f, flops=10**400), "flops: found a number above 1e308, want a smaller one"),
        (lambda f, b: any_laws.plan("chinchilla", tokens=1e300), "above 1e300; want smaller values"),
        (lambda f, b: any_laws.plan("muennighoff", flops=1e20, unique_tokens=1e-9), "unique_tokens: found 1e-09, want"),
        (lambda f, b: any_laws.get(3), "law: found 3, want the name of a law"),
        (lambda f, b: any_laws.get("chinchilla:"), "law: found 'chinchilla:', want"),
        (lambda f, b: f.loss(params="x", tokens=1), "params: found 'x', want"),
        (lambda f, b: f.loss(params=[1, 2], tokens=[1, 2, 3]), "found arrays of shapes (2,) and (3,), want one shape"),
        (lambda f, b: f.law.loss(None, params=1, tokens=1), "coefficients of chinchilla: found None, want"),
        (lambda f, b: any_laws.count(3), "architecture: found int, want laws.Architecture"),
        (lambda f, b: any_laws.Architecture(10**400, 8), "layers: found more than"),
    ],
)
def test_wrong_arguments_are_named(
    wrong: Callable[[laws.Fit, laws.Bootstrap], Any], says: str, fitted: laws.Fit, draws: laws.Bootstrap
) -> None:
    with warnings.catch_warnings(), pytest.raises(InputError) as caught:
        warnings.simplefilter("error")
        wrong(fitted, draws)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_delta_beyond_all_residuals_is_least_squares(fitted: laws.Fit) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            laws.fit("chinchilla", RUNS, delta=1e300).coefficients
            == laws.fit("chinchilla", RUNS, delta=INF).coefficients
        )


def test_the_module_lists_what_is_public() -> None:
    assert dir(laws) == sorted(laws.__all__)
