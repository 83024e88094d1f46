"""Numbers and times as people of the field read them; plain text, for commands and screens alike."""

import math
import re
import time
import unicodedata
from collections.abc import Callable, Sequence

from scaling_tui import InputError
from scaling_tui.text.visible import escaped

# A state is told by its sign as well as by its word, so that no colour is needed.
SIGNS = {
    "queued": "·",
    "running": "▶",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "diverged": "✗",
    "lost": "?",
    "unreadable": "!",
    "empty": "·",
}


def count(value: float | None) -> str:
    """A number of things in three digits: 940, 6.22k, 1.18M, 70.2B, 1.40T."""
    if value is None or not math.isfinite(value):
        return "–"
    for unit, size in (("", 1.0), ("k", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12)):
        digits = _three(value / size)
        if abs(float(digits)) < 1000:
            return digits.split(".")[0] + unit if not unit else digits + unit
    return scientific(value)


def counts(values: Sequence[float | None]) -> list[str]:
    """Numbers of things as a column: as `count`, with as many decimals in every row as the one that needs the most."""
    parts = [re.fullmatch(r"(-?\d+)(?:\.(\d+))?([kMBT])", count(value)) for value in values]
    most = max((len(part[2] or "") for part in parts if part), default=0)
    sizes = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    return [
        f"{value / sizes[part[3]]:.{most}f}{part[3]}" if part and value is not None else count(value)
        for value, part in zip(values, parts, strict=True)
    ]


def decimals(values: Sequence[float | None]) -> list[str]:
    """Numbers as a column: with the same decimals in every row, or all with an exponent where they are far apart."""
    there = [value for value in values if value is not None and math.isfinite(value)]
    short = [f"{value:.6g}" for value in there]
    if any("e" in text for text in short):
        return ["–" if value is None else f"{value:.2e}" for value in values]
    most = max((len(text.partition(".")[2]) for text in short), default=0)
    return ["–" if value is None else f"{value:.{most}f}" for value in values]


SPARKS = " ▁▂▃▄▅▆▇"  # not the whole block: lines under each other stay apart


def sparkline(values: Sequence[float], width: int) -> str:
    """Values, in their order, as `width` characters from 0 to the largest; each stands for the mean of its share."""
    number = len(values)
    if not number or width < 1:
        return ""
    width = min(width, number)
    means = [
        sum(part) / len(part)
        for at in range(width)
        if (part := values[at * number // width : (at + 1) * number // width])
    ]
    most = max(means)
    return "".join(SPARKS[max(1, round(7 * mean / most))] if most > 0 else SPARKS[1] for mean in means)


def _three(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0.00"
    magnitude = math.floor(math.log10(abs(float(f"{value:.2e}"))))
    return f"{value:.{max(0, 2 - magnitude)}f}"


def scientific(value: float | None) -> str:
    """Two digits and an exponent: 3.4e15."""
    if value is None or not math.isfinite(value):
        return "–"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def loss(value: float | None, digits: int = 4) -> str:
    """A loss in nats per token."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A loss with the interval it is believed to lie in: 1.4590 [1.3846, 1.5224]."""
    if low is None or high is None or not math.isfinite(low + high):
        return f"{loss(value)} (too few points for an interval)"
    return f"{loss(value)} [{loss(low)}, {loss(high)}]"


def percent(share: float | None, digits: int = 0, sign: bool = False) -> str:
    """A share in per cent: 71 %, with a sign +1.4 %."""
    if share is None or not math.isfinite(share):
        return "–"
    return f"{share:{'+' if sign else ''}.{digits}%}".replace("%", " %")


def memory(size: float) -> str:
    """Bytes: 290 MB, 1.4 GB, 19,200 GB."""
    return f"{size / 1e6:.0f} MB" if size < 999.5e6 else f"{size / 1e9:,.1f} GB"


def counted(number: int, noun: str) -> str:
    """1 run, 2 runs, 12,000 runs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Up to `most` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def fault(error: BaseException) -> str:
    """What went wrong, in a line: `disk/runs: Permission denied`, `ValueError: not a number`."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def duration(seconds: float | None) -> str:
    """A time to go or gone: 58 s, 4:07 min, 2:31 h, 3.2 days."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    if whole < 86400:
        return f"{whole // 3600}:{whole % 3600 // 60:02} h"
    return f"{seconds / 86400:.1f} days"


def time_left(seconds: float, low: float, high: float) -> str:
    """A time to go with its interval, in one unit and no more digits than it deserves: about 12 min left (10 to 15)."""
    if not math.isfinite(seconds + low + high):
        return ""
    units = (("s", 1.0, 100), ("min", 60.0, 6000), ("h", 3600.0, 172_800), ("days", 86_400.0, math.inf))
    unit, size = next((name, size) for name, size, until in units if seconds < until)
    digits = 0 if unit == "s" or min(seconds, low) / size >= 9.95 else 1
    middle, least, most = (f"{value / size:.{digits}f}" for value in (seconds, low, high))
    interval = f" ({least} to {most})" if least != most else ""
    return f"about {middle} {unit} left{interval}"


def date(moment: float | None) -> str:
    """A Unix time as this machine's clock shows it: 2026-11-22 18:02."""
    try:
        return "–" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
    except (OverflowError, OSError, ValueError):
        return "–"


def date_utc(moment: float | None) -> str:
    """A Unix time for readers anywhere: 2026-11-22 17:02 UTC."""
    try:
        return "–" if moment is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return "–"


def ago(moment: float | None, now: float) -> str:
    """How long a Unix time is past, in one unit: 58 s ago, 4 min ago, 2 h ago, 3 days ago."""
    if moment is None or not math.isfinite(moment):
        return "–"
    past = max(0.0, now - moment)
    for unit, size, until in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if past < until:
            return f"{int(past / size)} {unit} ago"
    days = int(past / 86400)
    return f"{days} day{'s' * (days > 1)} ago"


def coefficient(value: float) -> str:
    """A coefficient of a law in four digits, with an exponent where it is large or tiny."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.3e}".replace("e+", "e")


def span(low: float, high: float, text: Callable[[float], str] = coefficient) -> str:
    """An interval, or a dash."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"[{text(low)}, {text(high)}]" if math.isfinite(high) else f"[{text(low)}, ∞)"


def value(number: float | None) -> str:
    """A metric of any size in a few digits: 0.5312, 1234, 1.2e7."""
    if number is None or not math.isfinite(number):
        return "–"
    return f"{number:.4g}" if 1e-4 <= abs(number) < 1e4 or number == 0 else scientific(number)


def probability(p: float | None) -> str:
    """A probability: 0.795, and 3e-05 where it is tiny."""
    if p is None or not math.isfinite(p):
        return "–"
    return f"{p:.3f}" if p >= 0.0005 or p == 0 else f"{p:.0e}"


def nats(value: float | None) -> str:
    """An entropy or divergence in nats: 0.751, 26.1."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}" if value < 9.9995 else f"{value:.1f}"


_BLANKS = {"\n": "↵", "\t": "⇥", " ": "␣"}


def token(text: str) -> str:
    """Text that may hold anything, in one line that can do nothing to a terminal and hides nothing.

    Control characters become their pictures, what has no picture \\x85 or \\u202e; a mark that would sit on its
    neighbour gets a place of its own; writing from right to left is isolated from what stands around it.
    """
    shown = "".join(map(_visible, text))
    if shown and unicodedata.combining(shown[0]):
        shown = "◌" + shown
    if any(unicodedata.bidirectional(one) in ("R", "AL", "AN") for one in shown):
        return f"\u2068{shown}\u2069"
    return shown


def _visible(one: str) -> str:
    if one in _BLANKS:
        return _BLANKS[one]
    return escaped(one) if unicodedata.category(one)[0] in "CZ" else one


def bar(share: float, width: int) -> str:
    """A share of 0 to 1 as a bar of at most `width` cells, to an eighth of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
