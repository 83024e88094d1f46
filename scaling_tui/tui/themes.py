"""The app's own themes. Their curves can be told apart by people with any deficiency of colour vision.

The six inks of plots were searched for: of seven rungs along the ramp the two that are hardest to tell apart, for the
eyes to which they are most alike, are as far apart as can be while each stands out from the background as text has to.
`tests/tui/test_themes.py` holds them to it.
"""

from collections.abc import Mapping

from textual.theme import Theme

CURVES = ("primary", "success", "warning", "error", "accent", "secondary")  # the inks of `plots.figures`


def _theme(
    name: str,
    dark: bool,
    own: Mapping[str, str],
    muted: str,
    cursor: tuple[str, str],
    curves: tuple[str, ...],
    **others: str,
) -> Theme:
    """A theme of the colours `own`; `muted` is what matters less, `cursor` ground and ink of the chosen line."""
    foreground = own["foreground"]
    ground, ink = cursor
    texts = {
        # Textual makes these by blending, with as little contrast as comes out.
        "text": foreground, "text-muted": muted, "text-disabled": muted,
        "foreground-muted": muted, "foreground-disabled": muted,
        "text-primary": own["primary"], "text-secondary": own["secondary"], "text-accent": own["accent"],
        "text-success": own["success"], "text-warning": own["warning"], "text-error": own["error"],
        "block-cursor-background": ground, "block-cursor-foreground": ink,
        "block-cursor-blurred-background": ground, "block-cursor-blurred-foreground": ink,
        "block-hover-background": own["panel"],
        "footer-foreground": foreground, "footer-background": own["panel"],
        "footer-key-foreground": own["accent"], "footer-description-foreground": foreground,
        "input-selection-background": ground, "input-selection-foreground": ink,
        "button-color-foreground": own["background"], "button-foreground": foreground,
        "link-color": foreground, "link-color-hover": foreground, "link-background-hover": own["panel"],
        "markdown-h1-color": foreground, "markdown-h2-color": foreground, "markdown-h3-color": foreground,
    }  # fmt: skip
    inks = {f"curve-{one}": colour for one, colour in zip(CURVES, curves, strict=True)}
    return Theme(name=name, dark=dark, **own, variables={**texts, **inks, **others})  # type: ignore[arg-type]


DARK = _theme(
    "scaling-dark",
    True,
    {
        "background": "#101418", "surface": "#141a20", "panel": "#1f2730", "boost": "#242e38",
        "foreground": "#e4e8ec", "primary": "#6cb6ff", "secondary": "#8fd0c8",
        "accent": "#ffb454", "success": "#7fd08a", "warning": "#ffcf66", "error": "#ff8f86",
    },
    "#a3b0bc",
    ("#174a7a", "#ffffff"),
    ("#01f4fc", "#6a79d9", "#d57f2e", "#ffffe9", "#ff3399", "#ccff00"),
)  # fmt: skip

LIGHT = _theme(
    "scaling-light",
    False,
    {
        "background": "#fcfcfa", "surface": "#f4f4f0", "panel": "#e6e8ea", "boost": "#dfe3e7",
        "foreground": "#1b2025", "primary": "#0b5cad", "secondary": "#00625c",
        "accent": "#8a4600", "success": "#17692a", "warning": "#7a5200", "error": "#b3201a",
    },
    "#4f5963",
    ("#0a4380", "#ffffff"),
    ("#080000", "#4c01fb", "#be165e", "#11730c", "#993399", "#000099"),
)  # fmt: skip

CONTRAST = _theme(
    "high-contrast",
    True,
    {
        "background": "#000000", "surface": "#000000", "panel": "#121212", "boost": "#1c1c1c",
        "foreground": "#ffffff", "primary": "#8ccbff", "secondary": "#8ff0e4",
        "accent": "#ffd75f", "success": "#8cff9a", "warning": "#ffe066", "error": "#ffb3ad",
    },
    "#d6d6d6",
    ("#ffff00", "#000000"),
    ("#bb89e4", "#72a27d", "#ffed6f", "#c2ffff", "#ff6600", "#ccccff"),
    **{"border": "#ffffff", "border-blurred": "#d6d6d6"},
)  # fmt: skip

# By what an option calls them, each with what it is for.
THEMES: dict[str, tuple[Theme, str]] = {
    "dark": (DARK, "dark; curves for every colour vision"),
    "light": (LIGHT, "light; curves for every colour vision"),
    "high-contrast": (CONTRAST, "black and white, text of contrast 7 or more"),
}
