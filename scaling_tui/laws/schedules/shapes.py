"""How a learning rate moves from its peak to its last value, step by step: the schedules of ladders."""

import math


def rate_share(schedule: str, step: int, steps: int, warmup: int, falling: int) -> float:
    """Where the rate stands after the warm-up: 1 at the peak, 0 at the last value.

    Args:
        schedule: constant, linear, cosine, or wsd: the peak until the last `falling` steps, then 1 - sqrt of the share
            of them that has passed (Hägele et al. 2024, section 3).
        step: from 0, at or after the end of the warm-up.
        steps: of the whole training.
        warmup: steps of the warm-up.
        falling: steps of the cooldown of wsd.
    """
    if schedule == "wsd":
        return 1 - math.sqrt(max(0, step - (steps - falling)) / max(1, falling))
    share = (step - warmup) / max(1, steps - warmup)
    return {"constant": 1.0, "linear": 1 - share, "cosine": (1 + math.cos(math.pi * share)) / 2}[schedule]
