"""The 245 runs of Hoffmann et al., read off their figure."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scaling_tui.laws import Points
from scaling_tui.laws.fitting.tables import read_points

Runs = Callable[[int], Points]


@pytest.fixture
def published(shared_data: Path) -> Runs:
    """The runs without the given number of those of highest loss (the published analyses leave out 5)."""
    points = read_points(shared_data / "chinchilla_points.csv")

    def without(highest: int) -> Points:
        return points.take(np.sort(np.argsort(points.loss)[: len(points) - highest]))

    return without
