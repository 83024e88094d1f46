"""Points as text."""


def points_text(value: float | None) -> str:
    """At most two decimals, and no more than it takes; a dash for None."""
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def worth(points: float) -> str:
    """1 point, 2.5 points."""
    return f"{points_text(points)} point{'' if points == 1 else 's'}"
