"""Laws and their published coefficients by the names that commands take."""

from scaling_tui import InputError
from scaling_tui.laws.arguments import instance
from scaling_tui.laws.atlas.entries import CoefficientSet
from scaling_tui.laws.atlas.loss_laws import SETS
from scaling_tui.laws.forms import LAWS, Law
from scaling_tui.text.suggest import did_you_mean


def find_law(name: str) -> Law:
    """The law called `name`, without coefficients; for "law:set", the law before the colon.

    >>> find_law("kaplan-n")
    <Law kaplan-n: L = (Nc/N)^alpha_N>

    Raises:
        InputError: no such law.
    """
    form, colon, chosen = instance("law", name, str, "the name of a law").partition(":")
    if colon and not chosen:
        raise InputError(f"law: found {name!r}, want {form} or {form}:SET")
    if form not in LAWS:
        raise InputError(f"law: found {name!r}, {did_you_mean(name, LAWS, 'want one of ' + ', '.join(LAWS))}")
    return LAWS[form]


def get(name: str) -> CoefficientSet:
    """The published set called "law:set"; for "law" alone, the first one published for it.

    >>> chosen = get("chinchilla:besiroglu2024")
    >>> chosen.coefficients["alpha"]
    0.3478
    >>> float(chosen.loss(params=70e9, tokens=1.4e12).round(4))
    1.9739
    >>> print(chosen.to_latex())
    L(N, D) = 1.817 + \\frac{482}{N^{0.3478}} + \\frac{2085}{D^{0.3658}}

    Raises:
        InputError: no such law or set, or a law without a published set.
    """
    law = find_law(name)
    _, _, wanted = name.partition(":")
    published = [item for item in SETS if item.law == law.name]
    if not published:
        raise InputError(f"coefficients: {law.name} has no published set, want {', '.join(law.coefficients)}")
    for item in published:
        if wanted in ("", item.name):
            return item
    names = ", ".join(f"{item.law}:{item.name}" for item in published)
    raise InputError(f"law: found {name!r}, want a published set of {law.name} ({names})")
