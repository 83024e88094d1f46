"""A task in two steps: known coefficients come back, intervals hold, and each doubt is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law
from scaling_tui.laws.fitting.sigmoid import Sigmoid, accuracies, fit_sigmoids
from scaling_tui.laws.fitting.task_columns import chance_of, find_task, tasks_of
from scaling_tui.laws.fitting.tasks import fit_task
from scaling_tui.laws.kernels import Array
from scaling_tui.tables.read import read_table

LAW = {"E": 0.75, "A": 255.0, "B": 22.0, "alpha": 0.37, "beta": 0.19}
TRUTH = Sigmoid(0.5, 1.0, 5.0, 0.97)
SIZES = np.array([190e6, 371e6, 758e6, 1279e6])


def runs(noise: float = 0.0, spread: float = 0.0, seed: int = 0) -> tuple[Points, Array]:
    """24 runs of a known law and sigmoid, and their accuracies."""
    rng = np.random.default_rng(seed)
    N = np.repeat(SIZES, 6)
    D = N * np.tile([10.0, 20, 30, 40, 100, 200], 4)
    bpb = find_law("chinchilla").loss(LAW, params=N, tokens=D) * np.exp(noise * rng.standard_normal(N.size))
    accuracy = accuracies(np.tile(TRUTH.row, (N.size, 1)), bpb) + spread * rng.standard_normal(N.size)
    return Points.of(bpb, params=N, tokens=D), accuracy


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 0.6), st.floats(0.3, 1.0), st.floats(4.0, 20.0), st.floats(0.6, 1.2), st.integers(8, 40))
def test_a_sigmoid_that_is_1_at_0_bits_comes_back(
    floor: float, share: float, steepness: float, midpoint: float, size: int
) -> None:
    x = np.linspace(midpoint - 4 / steepness * share, midpoint + 4 / steepness, size)
    x = x[x > 0.05]
    # The curve meets the ideal point exactly.
    at_zero = 1 / (1 + np.exp(-steepness * midpoint))
    ceiling = floor + (1 - floor) / at_zero
    if ceiling > 1 + 1e-3 or x.size < 6:
        return
    y = floor + (min(ceiling, 1.0) - floor) / (1 + np.exp(steepness * (x - midpoint)))
    found = fit_sigmoids(x, y[None])
    assert accuracies(np.tile(found[0], (x.size, 1)), x) == pytest.approx(y, abs=2e-3)
    assert 0 <= found[0, 0] <= found[0, 1] <= 1 + 1e-12 and found[0, 2] > 0 and found[0, 3] >= 0


def test_known_coefficients_of_both_steps_come_back() -> None:
    made = fit_task(*runs(1e-6, 1e-6), draws=0)
    assert made.law.coefficients == pytest.approx(LAW, rel=0.01)
    assert made.sigmoid.floor == pytest.approx(0.5, abs=0.02) and made.sigmoid.ceiling == pytest.approx(1, abs=0.01)
    assert made.sigmoid.steepness == pytest.approx(5, rel=0.05)
    found = made.predict(params=7e9, tokens=4e12)
    true = float(find_law("chinchilla").loss(LAW, params=7e9, tokens=4e12))
    assert found.bpb == pytest.approx(true, rel=1e-4)
    assert found.accuracy == pytest.approx(TRUTH.at(true), abs=0.005)
    assert np.isnan([found.low, found.high, found.bpb_low, found.bpb_high]).all()
    assert made.warnings == ()


def test_the_largest_size_is_held_out_and_predicted_by_the_others() -> None:
    held = fit_task(*runs(), draws=0).holdout
    assert held is not None
    assert (held.params, held.points, held.fitted) == (1279e6, 6, 18)
    assert held.bpb_error < 1e-4 and held.accuracy_error < 0.005
    points, accuracy = runs()
    assert fit_task(points.take(points.column("params") < 1e9), accuracy[:18], draws=0).holdout is None


@pytest.mark.slow
def test_intervals_hold_a_new_run_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(40):
        made = fit_task(*runs(0.006, 0.006, seed), draws=100, seed=seed)
        rng = np.random.default_rng(1000 + seed)
        bpb = float(find_law("chinchilla").loss(LAW, params=3e9, tokens=6e10)) * np.exp(0.006 * rng.standard_normal())
        seen = TRUTH.at(bpb) + 0.006 * rng.standard_normal()
        found = made.predict(params=3e9, tokens=6e10)
        assert found.bpb_low <= found.bpb <= found.bpb_high and 0 <= found.low <= found.accuracy <= found.high <= 1
        held += found.low <= seen <= found.high
    assert 31 <= held <= 40


def test_every_coefficient_has_an_interval_that_holds_its_estimate() -> None:
    made = fit_task(*runs(0.006, 0.006), draws=60)
    intervals = made.intervals()
    values = made.law.coefficients | dict(
        zip(("floor", "ceiling", "steepness", "midpoint"), made.sigmoid.row, strict=True)
    )
    assert intervals.keys() == values.keys()
    for name, (low, high) in intervals.items():
        # No refit moves a ceiling at its bound.
        assert low <= values[name] <= high or (name == "ceiling" and np.isnan(low))


def test_a_coefficient_that_no_refit_moves_has_no_interval() -> None:
    """The ceiling of accuracies that are on their way to 1 is at its bound in every refit."""
    made = fit_task(*runs(), draws=20)
    assert made.sigmoid.ceiling == 1.0
    assert all(low < high or np.isnan([low, high]).all() for low, high in made.intervals().values())


def test_accuracy_near_guessing_is_named() -> None:
    points, _ = runs()
    flat = 0.25 + 0.01 * np.random.default_rng(0).standard_normal(len(points))
    warnings = fit_task(points, flat, draws=0, chance=0.25).warnings
    assert any("near the 0.250 of guessing" in warning for warning in warnings)
    assert any("does not rise steadily" in warning for warning in warnings)
    assert not any("guessing" in warning for warning in fit_task(*runs(), draws=0, chance=0.5).warnings)


def test_accuracy_that_falls_with_better_bits_is_named() -> None:
    points, accuracy = runs()
    warnings = fit_task(points, 1.5 - accuracy, draws=0).warnings
    assert any("rank correlation 1.00" in warning for warning in warnings)


def test_bits_that_grow_with_size_are_named() -> None:
    points, accuracy = runs()
    N, D = points.column("params"), points.column("tokens")
    worse = Points.of(1.2 + 0.1 * np.log(N / 1e8) - 0.01 * np.log(D / 1e9), params=N, tokens=D)
    warnings = fit_task(worse, accuracy, draws=0).warnings
    assert any("bits per byte do not fall as N grows" in warning for warning in warnings)


def test_fewer_sizes_than_coefficients_are_named() -> None:
    points, accuracy = runs()
    warnings = fit_task(points.take(np.arange(12)), accuracy[:12], draws=0).warnings
    assert "2 sizes: fewer than the 3 coefficients that they must determine" in warnings


def test_too_few_runs_with_accuracy_is_an_error() -> None:
    points, accuracy = runs()
    accuracy[4:] = np.nan
    with pytest.raises(InputError, match="found 4 runs with bits per byte and accuracy, want at least 5"):
        fit_task(points, accuracy, draws=0)


def test_an_input_that_the_law_needs_is_asked_for() -> None:
    with pytest.raises(InputError, match="tokens: missing, chinchilla takes params, tokens"):
        fit_task(*runs(), draws=0).predict(params=7e9)


NAMES = [
    "n_params", "loss", "eval/downstream_bpb/arc_easy_rc_5shot_bpb", "eval/downstream/arc_easy_rc_5shot_len_norm",
    "arc_challenge/bpb", "arc_challenge/acc_norm", "arc_challenge/acc", "bpb_piqa", "piqa accuracy", "val/bpb",
    "boolq_soft", "eval/boolq/bits_per_byte",
]  # fmt: skip


def test_tasks_are_pairs_of_columns_by_name() -> None:
    assert tasks_of(NAMES) == {
        "arc_easy_rc_5shot": (NAMES[2], (NAMES[3],)),
        "arc_challenge": ("arc_challenge/bpb", ("arc_challenge/acc_norm", "arc_challenge/acc")),
        "piqa": ("bpb_piqa", ("piqa accuracy",)),
    }
    assert find_task(NAMES, "ARC-easy", {}, "t").name == "arc_easy_rc_5shot"
    assert find_task(NAMES, "piqa", {}, "t").chance == 0.5


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("arc", "found 'arc', want one of arc_easy_rc_5shot, arc_challenge"),
        ("pika", "did you mean piqa"),
        ("boolq", "--task: found 'boolq', want one of arc_easy_rc_5shot, arc_challenge, piqa"),
        ("arc_challenge", "2 columns could be its accuracy; say which: --columns accuracy=arc_challenge/acc_norm"),
    ],
)
def test_a_task_that_is_not_one_lists_those_there_are(task: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        find_task(NAMES, task, {}, "t")
    assert message in str(error.value)


def test_columns_say_what_names_do_not() -> None:
    found = find_task(NAMES, "arc_challenge", {"accuracy": "arc_challenge/acc"}, "t")
    assert (found.bits, found.accuracy) == ("arc_challenge/bpb", "arc_challenge/acc")
    found = find_task(["x", "y"], "mine", {"task_loss": "x", "accuracy": "y"}, "t")
    assert (found.bits, found.accuracy, found.chance) == ("x", "y", None)
    with pytest.raises(InputError, match="no accuracy for 'mine'"):
        find_task(["x", "y"], "mine", {"task_loss": "x"}, "t")
    with pytest.raises(InputError, match="found no task in t"):
        find_task(["x", "y"], "mine", {}, "t")
    assert chance_of("hellaswag_val_rc_5shot") == 0.25 and chance_of("search") is None


# Accuracies of OLMo 2 at 7B, 4T tokens, as the ladder's repository has them (allenai/OLMo-ladder,
# src/scripts/paper/data/ladder-runs/peteish7_eval_anneal.csv), and how far the prediction may be off.
@pytest.mark.parametrize(
    ("task", "measured", "within", "doubted"),
    [
        ("hellaswag", 0.8135, 0.03, False), ("piqa", 0.8205, 0.01, False), ("arc_easy", 0.8455, 0.08, False),
        ("arc_challenge", 0.6195, 0.11, False), ("boolq", 0.8462, 0.03, True),
    ],
)  # fmt: skip
def test_the_small_ladder_predicts_seven_billion(
    shared_data: Path, task: str, measured: float, within: float, doubted: bool
) -> None:
    table = read_table(shared_data / "tables" / "olmo_ladder_tasks.csv")
    columns = find_task(list(table.columns), task, {}, table.where)

    def numbers(name: str) -> Array:
        return np.array([float(cell) for cell in table.columns[name]])

    points = Points.of(numbers(columns.bits), params=numbers("n_params"), tokens=numbers("throughput/total_tokens"))
    made = fit_task(points, numbers(columns.accuracy), draws=0, chance=columns.chance)
    found = made.predict(params=6887575552, tokens=3945065873408)
    assert found.accuracy == pytest.approx(measured, abs=within)
    assert made.holdout is not None and made.holdout.accuracy_error < 0.035
    assert any("not determined" in warning and "sigmoid" in warning for warning in made.warnings) == doubted
