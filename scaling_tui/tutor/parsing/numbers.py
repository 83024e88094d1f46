"""Formats numbers for people to read and type back, and compares answers. `text.numbers` reads them."""

import math

from scaling_tui.text.numbers import EXACT


def figures(value: float, digits: int) -> str:
    """`value` with `digits` significant figures: 0.09472, 1.33e12, 7 077 888."""
    if not math.isfinite(value):
        return "undefined"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    magnitude = math.floor(math.log10(abs(rounded)))
    if magnitude >= max(7, digits) or magnitude < -4:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if value == int(value) and (magnitude >= 3 or digits >= EXACT):
        return grouped(str(int(rounded)))  # an exact count needs no decimals
    return grouped(f"{rounded:.{max(0, digits - 1 - magnitude)}f}")


def plain(value: float) -> str:
    """A number as a question states it, without padding digits: 40 000, 0.42, 7e10."""
    if not math.isfinite(value):
        return "undefined"
    if value == int(value) and abs(value) < 1e8:
        return grouped(str(int(value)))
    if value != 0 and (abs(value) >= 1e8 or abs(value) < 1e-4):
        mantissa, _, exponent = f"{value:.9e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return grouped(f"{value:.10g}")


def grouped(digits: str) -> str:
    """Separates thousands by a no-break space, from 10 000 up."""
    whole, point, part = digits.partition(".")
    if len(whole.lstrip("-")) < 5:
        return digits
    return f"{int(whole):,}".replace(",", "\u00a0") + point + part


def close(value: float, wanted: float, tolerance: float) -> bool:
    """Whether `value` is within the relative tolerance of `wanted`; tolerance 0 allows only rounding errors."""
    if not (math.isfinite(value) and math.isfinite(wanted)):
        return False
    return abs(value - wanted) <= max(tolerance * (1 + 1e-9), 1e-10) * abs(wanted)


def apart(values: list[float], tolerance: float) -> bool:
    """Whether all values are finite and no two lie within twice the tolerance of each other."""
    reach = 2 * max(tolerance, 1e-9)
    return all(map(math.isfinite, values)) and not any(
        close(value, other, reach) or close(other, value, reach)
        for number, value in enumerate(values)
        for other in values[:number]
    )
