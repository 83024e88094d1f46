"""Whether a run that ended has diverged, judged by its curve alone: a trainer that goes on calls itself finished."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_tui.runs.curve import Array, Curve

LEAST_RECORDS = 10  # fewer have no last tenth to speak of
ABOVE_UNIFORM = 1.05  # an untrained model starts up to 2 % above uniform guessing
LOST_SHARE = 0.2  # of what the run had gained over its start
LOST_SDS = 5.0  # of the noise of one record
LOST_LEVEL = 0.1  # of the best loss: less is lost where a trained model is warmed up again
BLOCKS = 40  # the curve is judged by medians over so many blocks, so that a spike is no jump


def uniform_loss(config: Mapping[str, Any]) -> float | None:
    """The loss of uniform guessing in nats, by the architecture in run.json; None where that is unknown."""
    architecture = config.get("architecture")
    if not isinstance(architecture, Mapping):
        return None
    outputs = architecture.get("classes") or architecture.get("vocab")
    return math.log(outputs) if isinstance(outputs, int | float) and 1 < outputs < math.inf else None


def divergence(curve: Curve, uniform: float | None = None) -> str:
    """Why the run behind `curve` counts as diverged; "" where it does not.

    Its loss is the training loss, else the held-out loss: held-out loss alone also rises by overfitting. It diverged if

    - the records go on without a finite loss,
    - the loss of the last tenth of the records is all above `uniform`, the loss of uniform guessing, or
    - it jumped up and never came back: all of the last tenth stays above the best before by a fifth of what had been
      gained, by a tenth of the best, and by five standard deviations of one record.
    """
    if reason := _not_finite(curve):
        return reason
    loss = curve["loss"] if np.isfinite(curve["loss"]).any() else curve["val_loss"]
    loss = loss[np.isfinite(loss)]
    if len(loss) < LEAST_RECORDS:
        return ""
    tail = loss[-math.ceil(len(loss) / 10) :]
    if uniform is not None and tail.min() > ABOVE_UNIFORM * uniform:
        return f"its loss ends at {_number(tail[-1])}, above the {uniform:.2f} of uniform guessing"
    best, end, jumped = _jump(loss)
    return f"its loss jumped from {_number(best)} to {_number(end)} and did not come back" if jumped else ""


def _not_finite(curve: Curve) -> str:
    reason = "its loss is not a finite number"
    finite = np.isfinite(curve["loss"]) | np.isfinite(curve["val_loss"])
    there = np.flatnonzero(finite)
    if np.isinf(curve["loss"][-1:]).any() or np.isinf(curve["val_loss"][-1:]).any():
        return reason
    if len(there) < 2 or not np.isfinite(curve["step"][there]).all():
        return ""
    # The writer leaves out NaN. Records of something else between those with a loss are usual; a gap at the end that is
    # twice as long as any before, and a twentieth of the run, is not.
    steps = curve["step"][there]
    silent = float(np.nanmax(curve["step"]) - steps[-1])
    usual = float(np.diff(steps).max())
    if silent > 2 * usual and silent > 0.05 * (steps[-1] + silent):
        return f"{reason} after step {steps[-1]:.0f}"
    return ""


def _jump(loss: Array) -> tuple[float, float, bool]:
    """The best of (n,) `loss` before its last tenth, the least in that, and whether it jumped between; smoothed."""
    size = max(1, len(loss) // BLOCKS)
    smooth = _medians(loss, len(loss) // size)
    last = max(1, len(smooth) // 10)
    before, tail = smooth[:-last], smooth[-last:]
    at = int(before.argmin())
    best, end = float(before[at]), float(tail.min())
    # Neighbours differ by noise far more than by the trend.
    noise = float(np.median(np.abs(np.diff(loss)))) / (0.6745 * math.sqrt(2))
    gained = float(smooth[: max(1, len(smooth) // 10)].max()) - best
    lost = end - best
    # A jump takes no longer than a tenth of the run; what rises for longer overfits.
    rise = smooth[at + last :] - smooth[at:-last]
    sudden = len(rise) > 0 and float(rise.max()) > 0.5 * lost
    return best, end, lost > max(LOST_SHARE * gained, LOST_SDS * noise, LOST_LEVEL * abs(best), 1e-9) and sudden


def _medians(values: Array, blocks: int) -> Array:
    """The median of each of the `blocks` into which `np.array_split` parts (n,) `values`."""
    size, longer = divmod(len(values), blocks)
    cut = longer * (size + 1)
    parts = [values[:cut].reshape(longer, size + 1), values[cut:].reshape(blocks - longer, size)]
    return np.concatenate([np.median(part, axis=1) for part in parts if len(part)])


def _number(value: float) -> str:
    return f"{value:.4g}"
