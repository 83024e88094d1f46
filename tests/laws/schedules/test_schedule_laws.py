"""Laws of schedules: sums as written in the papers, derivatives, known coefficients, published curves and figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.schedules.advice import fit_warnings, prediction_warnings
from scaling_tui.laws.schedules.curves import Curve, Falls, Schedule
from scaling_tui.laws.schedules.fitting import CurveErrors, fit_curves, left_out
from scaling_tui.laws.schedules.forms import MULTI_POWER, SCHEDULE_LAWS, TISSUE, ScheduleLaw, Trained
from scaling_tui.laws.schedules.shapes import rate_share
from scaling_tui.laws.schedules.tables import curve_tables, read_curves
from scaling_tui.laws.schedules.words import Defaults, planned

PEAK, LAST, WARMUP = 3e-4, 3e-5, 300
# README of thu-yao-01-luo/MultiPowerLaw, 'Best Parameters', with all digits as in src/config.py there.
PUBLISHED = {
    "25M": (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    "100M": (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
}
KNOWN = {
    "multi-power": {"L0": 2.6, "A": 0.6, "alpha": 0.45, "B": 440.0, "C": 2.1, "beta": 0.6, "gamma": 0.65},
    "tissue": {"L0": 2.9, "A": 0.6, "alpha": 0.6, "C": 0.65, "lambda": 0.998},
}


def rates(shape: str, steps: int = 4000) -> Array:
    """The rate of every step from 0 on."""
    at = np.arange(steps)
    share = np.clip((at - WARMUP) / (steps - WARMUP), 0, 1)
    after = {
        "constant": np.full(steps, PEAK),
        "cosine": LAST + (PEAK - LAST) * (1 + np.cos(np.pi * share)) / 2,
        "drop": np.where(at < steps // 2, PEAK, 9e-5),
        "cycle": PEAK * (0.55 + 0.45 * np.cos(6 * np.pi * share)),
        "wsd": np.where(at < 3200, PEAK, PEAK + (LAST - PEAK) * np.maximum(0, at - 3200) / (steps - 3200)),
    }[shape]
    return np.where(at < WARMUP, PEAK * at / WARMUP, after)


def curve(shape: str, law: ScheduleLaw, steps: int = 4000, every: int = 20, noise: float = 0.0) -> Curve:
    own = rates(shape, steps)
    schedule = Schedule.recorded(np.arange(steps, dtype=float), own)
    at = np.arange(WARMUP, steps, every, dtype=float)
    loss = law.loss(law.pack(KNOWN[law.name]), Falls.before(at, schedule))
    rng = np.random.default_rng(len(shape))
    return Curve(shape, schedule, at, loss * np.exp(noise * rng.standard_normal(at.size)))


def multi_power_as_written(own: Array, step: int, L0: float, A: float, alpha: float, B: float, C: float, beta: float, gamma: float) -> float:  # fmt: skip  # noqa: E501
    total = sum(
        (own[k - 1] - own[k]) * (1 - (1 + C * own[k] ** -gamma * own[k : step + 1].sum()) ** -beta)
        for k in range(1, step + 1)
    )
    return float(L0 + A * own[: step + 1].sum() ** -alpha - B * total)


def tissue_as_written(own: Array, step: int, L0: float, A: float, alpha: float, C: float, **rest: float) -> float:
    held = np.where(np.arange(own.size) < WARMUP, PEAK, own)
    momentum = annealed = 0.0
    for k in range(1, step + 1):
        momentum = rest["lambda"] * momentum + held[k - 1] - held[k]
        annealed += momentum
    return float(L0 + A * held[: step + 1].sum() ** -alpha - C * annealed)


@pytest.mark.parametrize("shape", ["constant", "cosine", "drop", "cycle", "wsd"])
@pytest.mark.parametrize("law", SCHEDULE_LAWS.values(), ids=lambda law: law.name)
def test_the_sums_over_steps_are_those_that_the_papers_write(law: ScheduleLaw, shape: str) -> None:
    own = rates(shape)
    schedule = Schedule.recorded(np.arange(own.size, dtype=float), own)
    at = np.array([301, 640, 1990, 2001, 2040, 3210, 3999], dtype=float)
    written = multi_power_as_written if law is MULTI_POWER else tissue_as_written
    exact = [written(own, int(step), **KNOWN[law.name]) for step in at]
    found = law.loss(law.pack(KNOWN[law.name]), Falls.before(at, schedule))
    assert found == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize("law", SCHEDULE_LAWS.values(), ids=lambda law: law.name)
def test_the_derivatives_are_those_of_the_log_loss(law: ScheduleLaw) -> None:
    curves = [curve(shape, law) for shape in ("cosine", "drop")]
    trained = Trained(law, [Falls.before(one.steps, one.schedule, 100) for one in curves])
    theta = law.pack(KNOWN[law.name])[None]
    x = np.empty((1, sum(one.steps.size for one in curves)))
    weight = np.random.default_rng(0).standard_normal(x.shape)
    _, state = trained.evaluate(theta, x)
    jacobian = trained.jacobian(theta, x, state)[0]
    curvature = trained.curvature(theta, x, state, weight)[0]
    for place in range(law.size):
        step = np.zeros_like(theta)
        step[0, place] = 1e-5
        up, down = theta + step, theta - step
        slope = (trained.evaluate(up, x)[0] - trained.evaluate(down, x)[0])[0] / 2e-5
        assert jacobian[place] == pytest.approx(slope, rel=1e-4, abs=1e-7)
        slopes = [(trained.jacobian(at, x, trained.evaluate(at, x)[1])[0] * weight[0]).sum(axis=1) for at in (up, down)]
        assert curvature[place] == pytest.approx((slopes[0] - slopes[1]) / 2e-5, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("law", SCHEDULE_LAWS.values(), ids=lambda law: law.name)
def test_a_fit_finds_the_coefficients_that_made_the_curves_and_predicts_a_third(law: ScheduleLaw) -> None:
    fit = fit_curves([curve("cosine", law), curve("drop", law)], law)
    assert fit.converged and fit.undetermined == []
    assert fit.coefficients == pytest.approx(KNOWN[law.name], rel=1e-2)
    other = curve("wsd", law)
    assert fit.loss(other) == pytest.approx(other.loss, rel=1e-5)
    noisy = fit_curves([curve("cosine", law, noise=2e-3), curve("drop", law, noise=2e-3)], law)
    assert noisy.loss(other) == pytest.approx(other.loss, rel=3e-3)


@pytest.mark.parametrize("law", SCHEDULE_LAWS.values(), ids=lambda law: law.name)
def test_coordinates_and_coefficients_are_inverse(law: ScheduleLaw) -> None:
    assert law.unpack(law.pack(KNOWN[law.name])) == pytest.approx(KNOWN[law.name])


def test_coefficients_can_be_held() -> None:
    curves = [curve("cosine", MULTI_POWER), curve("drop", MULTI_POWER)]
    fit = fit_curves(curves, MULTI_POWER, fixed={"gamma": 0.5, "beta": 0.5})
    assert fit.coefficients["gamma"] == 0.5 and fit.coefficients["beta"] == 0.5 and fit.undetermined == []
    assert fit.objective > fit_curves(curves, MULTI_POWER).objective
    assert fit_curves([curve("cosine", TISSUE)], TISSUE, fixed={"lambda": 0.999}).coefficients["lambda"] == pytest.approx(0.999)  # fmt: skip  # noqa: E501
    for law, fixed in ((TISSUE, {"C": 1.0}), (MULTI_POWER, {"delta": 1.0}), (TISSUE, {"lambda": 2.0})):
        with pytest.raises(InputError):
            fit_curves(curves, law, fixed=fixed)


def test_the_minimum_is_the_one_that_random_starts_find(shared_data: Path) -> None:
    from scaling_tui.laws.fitting.minimize import minimize

    curves = published(shared_data, "100M", "cosine_24000", "constant_24000", "wsdcon_9")
    fit = fit_curves(curves, MULTI_POWER)
    trained = Trained(MULTI_POWER, [Falls.before(one.steps, one.schedule) for one in fit.curves])
    y = np.log(np.concatenate([one.loss for one in fit.curves]))
    low, high = np.array([0.5, -2, 0.1, 3, -5, 0.05, -0.5]), np.array([1.3, 1, 1.2, 9, 4, 2, 2])
    starts = np.random.default_rng(0).uniform(low, high, (6, 7))
    found = minimize(trained, y[None], y, starts, delta=1e-3, stages=(1e-2,), box=MULTI_POWER.box(), tolerance=1e-9)
    assert fit.objective <= np.nanmin(found.objective) * (1 + 1e-6)


def published(shared_data: Path, size: str, *names: str) -> list[Curve]:
    folder = shared_data / "tables" / "lr_curves"
    read = read_curves([folder / f"{size}_{name}.csv" for name in names], TableOptions())
    return list(read.curves)


@pytest.mark.parametrize(
    ("size", "mean", "cosine", "wsd"), [("25M", 0.00110, 0.002240, 0.000999), ("100M", 0.00142, 0.002451, 0.001228)]
)
def test_the_published_coefficients_err_by_what_is_published(
    shared_data: Path, size: str, mean: float, cosine: float, wsd: float
) -> None:
    """`mean` is of six unseen schedules, of which two are here; their errors are in logs/25.log and 100.log."""
    theta = MULTI_POWER.pack(dict(zip(MULTI_POWER.coefficients, PUBLISHED[size], strict=True)))
    curves = published(shared_data, size, "cosine_72000", "wsd_20000_24000")
    errors = [
        CurveErrors.of(MULTI_POWER.loss(theta, Falls.before(one.steps, one.schedule)), one.loss).mape for one in curves
    ]
    assert errors == pytest.approx([cosine, wsd], abs=4e-5)
    assert np.mean(errors) < 1.5 * mean


@pytest.mark.parametrize(
    ("law", "size", "objective", "cosine", "wsd"),
    [
        ("multi-power", "25M", 1.3339e-4, 0.00385, 0.00044),
        ("multi-power", "100M", 2.2450e-5, 0.00444, 0.00046),
        ("tissue", "25M", 3.7596e-4, 0.00112, 0.00117),
        ("tissue", "100M", 2.4658e-4, 0.00112, 0.00120),
    ],
)
def test_unseen_schedules_are_predicted_from_the_curves_that_the_paper_fits(
    shared_data: Path, law: str, size: str, objective: float, cosine: float, wsd: float
) -> None:
    fitted = published(shared_data, size, "cosine_24000", "constant_24000", "wsdcon_9")
    fit = fit_curves(fitted, SCHEDULE_LAWS[law])
    assert fit.objective == pytest.approx(objective, rel=1e-3)
    errors = [
        CurveErrors.of(fit.loss(one), one.loss).mape
        for one in published(shared_data, size, "cosine_72000", "wsd_20000_24000")
    ]
    assert errors == pytest.approx([cosine, wsd], abs=5e-5)


def test_each_warning_is_provoked() -> None:
    law = TISSUE
    one = fit_curves([curve("cosine", law)], law)
    assert any("only one schedule" in line for line in fit_warnings(one))
    constant = fit_curves([curve("constant", law), curve("constant", law, 3000)], law)
    told = [line for line in fit_warnings(constant) if "the rate never falls" in line]
    assert told and "C, lambda are not determined" in told[0] and constant.converged
    assert constant.coefficients["L0"] == pytest.approx(2.9, rel=1e-3)
    few = fit_curves([curve("cosine", law), curve("drop", law, every=300)], law)
    assert any("few records" in line and "drop 13" in line for line in fit_warnings(few))
    higher = curve("drop", law)
    other = Curve("other model", higher.schedule, higher.steps, higher.loss * 1.1)
    mixed = fit_curves([curve("cosine", law), higher, other], law)
    assert any("not of one model" in line and "other model" in line for line in fit_warnings(mixed))
    endless = [replace(own, loss=0.2 + own.schedule.at(own.steps) * 30 + own.steps**-0.2) for own in few.curves]
    assert any("too short to determine the floor" in line for line in fit_warnings(fit_curves(endless, law)))
    good = fit_curves([curve("cosine", law), curve("drop", law)], law)
    assert fit_warnings(good) == []
    defaults = Defaults.of([own.schedule for own in good.curves])
    for words, told_word in (
        ("constant:40000", "× the sum of learning rates"),
        ("constant:4000:lr=6e-4", "a peak of 0.0006"),
        ("cosine:4000:final_lr=0", "falls to"),
    ):
        assert any(told_word in line for line in prediction_warnings(good, planned(words, defaults)[0])), words
    assert prediction_warnings(good, planned("cosine:5000", defaults)[0]) == []


def test_too_few_records_are_no_fit() -> None:
    with pytest.raises(InputError, match="4 records with a loss after the warm-up, multi-power has 7 coefficients"):
        fit_curves([curve("cosine", MULTI_POWER, every=1000)], MULTI_POWER)


def test_curves_are_left_out_one_by_one() -> None:
    curves = [curve(shape, TISSUE) for shape in ("cosine", "drop", "constant")]
    errors = left_out(fit_curves(curves, TISSUE))
    assert set(errors) == {"cosine", "drop", "constant"}
    assert max(one.mape for one in errors.values()) < 1e-3
    assert left_out(fit_curves(curves[:2], TISSUE)) == {}, "one curve alone predicts nothing"


def test_a_schedule_in_words_is_the_one_that_a_ladder_trains() -> None:
    from scaling_tui.runs.config import Training

    fitted = [curve("cosine", TISSUE).schedule, curve("drop", TISSUE).schedule]
    defaults = Defaults.of(fitted)
    assert defaults.peak == pytest.approx(PEAK) and defaults.warmup == WARMUP and defaults.final == pytest.approx(0.1, rel=1e-2)  # fmt: skip  # noqa: E501
    feed = pytest.importorskip("scaling_tui.train.feed")
    for kind, words in (("cosine", "cosine:2000"), ("linear", "linear:2000"), ("wsd", "wsd:1600:2000")):
        found, told = planned(f"{words}:lr=0.002:warmup=100:final_lr=0.2", defaults)
        training = Training(2000, 1, 0.002, kind, warmup=0.05, cooldown=0.2, final_lr=0.2)  # type: ignore[arg-type]
        for step in (1, 50, 100, 101, 700, 1600, 1700, 2000):
            exact = feed.learning_rate(step - 1, 2000, training)
            assert float(found.schedule.at(np.array([float(step)]))[0]) == pytest.approx(exact, abs=2e-6), (kind, step)
        assert "warm-up 100 steps to 0.002" in told and "0.0004 at step 2,000" in told
    assert rate_share("constant", 5, 10, 1, 0) == 1.0


@pytest.mark.parametrize(
    "words",
    ["cosine", "cosine:x", "wsd:100", "cosine:100:200", "cosine:1000:height=3", "cosine:1000:lr=1:lr=2", "cosine:200",
     "wsd:2000:1000", "cosine:1e12", "cosine:1000.5", "cosine:1000:final_lr=2", "cosine:1000:lr=0", "cosine:1000:lr="],
)  # fmt: skip
def test_words_that_are_no_schedule_are_refused(words: str) -> None:
    defaults = Defaults.of([curve("cosine", TISSUE).schedule])
    with pytest.raises(InputError, match=r"^schedule"):
        planned(words, defaults)


def test_what_fitted_curves_disagree_on_must_be_said() -> None:
    one = Schedule.recorded(np.array([0.0, 100, 1000]), np.array([0, 1e-3, 1e-4]))
    other = Schedule.recorded(np.array([0.0, 400, 1000]), np.array([0, 2e-3, 1e-4]))
    defaults = Defaults.of([one, other])
    for words, what in (("cosine:2000:warmup=10", "peak learning rates"), ("cosine:2000:lr=1e-3", "warm-ups")):
        with pytest.raises(InputError, match=f"several {what}"):
            planned(words, defaults)
    found, _ = planned("cosine:2000:lr=1e-3:warmup=10", defaults)
    assert found.schedule.peak == pytest.approx(1e-3)


def write(path: Path, head: str, *rows: tuple[object, ...]) -> Path:
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]))
    return path


def test_curves_are_read_from_folders_patterns_and_long_tables(tmp_path: Path) -> None:
    steps = range(10, 300, 10)
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", "step,lr,loss", *((step, 1e-3, 3 + 1 / step) for step in steps))
    assert [one.name for one in read_curves(curve_tables(str(tmp_path)), TableOptions()).curves] == ["a", "b"]
    pattern = str(tmp_path / "b*")
    assert [one.name for one in read_curves(curve_tables(pattern), TableOptions()).curves] == ["b"]
    rows = [(run, step, 1e-3 / (1 + (run == "y")), 3 + 1 / step) for run in "xy" for step in steps]
    long = write(tmp_path / "long.csv", "run,global_step,train/learning_rate,eval/loss", *rows)
    read = read_curves([long], TableOptions())
    assert [one.name for one in read.curves] == ["x", "y"] and read.loss == "eval/loss"
    assert read.curves[1].schedule.peak == pytest.approx(5e-4)
    only = read_curves([long], TableOptions.of(where=("run=y",)))
    assert [one.name for one in only.curves] == ["y"]


def test_records_of_rate_and_loss_may_lie_apart_and_come_again(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(step, 1e-3 * min(1, step / 50), "") for step in range(5, 500, 5)]
    rows += [(step, "", 3 + 1 / step) for step in range(20, 500, 20)]
    rows += [(100, "", 9.0), (400, "", "nan")]
    own = read_curves([write(tmp_path / "run.csv", "step,lr,val_loss", *rows)], TableOptions()).curves[0]
    assert own.schedule.warmup == 50 and own.steps[0] == 60, "nothing from before the end of the warm-up"
    assert own.loss[own.steps == 100] == 9.0, "what was recorded last counts"
    assert own.loss[own.steps == 400] == pytest.approx(3 + 1 / 400)


@pytest.mark.parametrize(
    ("head", "row", "told"),
    [
        ("step,loss", (1, 3.0), "no column of learning rates, found step, loss"),
        ("lr,loss", (1, 3.0), "no column of steps"),
        ("step,peak_lr,loss", (1, 1e-3, 3.0), "no column of learning rates"),
        ("step,lr,loss,val_loss", (1, 1e-3, 3.0, 3.1), "could each be the loss"),
        ("step,lr,loss", (1, 1e-3, 3.0), "1 learning rate, want the rate at several steps"),
        ("step,lr,loss", (1.5, 1e-3, 3.0), "found step 1.5, want whole numbers"),
        ("step,lr,loss", (-4, 1e-3, 3.0), "found step -4"),
    ],
)
def test_tables_that_are_no_curves_are_refused(tmp_path: Path, head: str, row: tuple[object, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_curves([write(tmp_path / "run.csv", head, row)], TableOptions())
    negative = write(tmp_path / "down.csv", "step,lr,loss", (1, -1e-3, 3.0), (2, 1e-3, 3.0))
    with pytest.raises(InputError, match="found learning rate -0"):
        read_curves([negative], TableOptions())


def test_a_jump_of_the_rate_is_where_the_record_shows_it() -> None:
    steps = np.arange(100.0, 2000, 100)
    recorded = Schedule.recorded(steps, np.where(steps < 1000, 1e-3, 2e-4))
    assert recorded.at(np.array([999.0, 1000.0])) == pytest.approx([1e-3, 2e-4])


def test_a_long_curve_is_averaged_and_ends_as_it_was() -> None:
    long = curve("cosine", TISSUE, every=1, noise=1e-2)
    short = long.thinned(400)
    assert short.steps.size <= 400 and short.averaged > 1
    assert short.steps[-1] == long.steps[-1] and short.loss[-1] == long.loss[-1]
    exact = TISSUE.loss(TISSUE.pack(KNOWN["tissue"]), Falls.before(short.steps, short.schedule))
    assert np.std(short.loss[:-1] / exact[:-1] - 1) < 0.6e-2, "noise is averaged out"
