"""Laws and their published coefficients by the names that commands take."""

from scaling_tui import InputError
from scaling_tui.laws.atlas.entries import CoefficientSet
from scaling_tui.laws.atlas.loss_laws import SETS
from scaling_tui.laws.forms import LAWS, Law


def get(name: str) -> Law:
    """The law called `name`; for "law:set", the law before the colon.

    Raises:
        InputError: no such law.
    """
    form = name.partition(":")[0]
    if form not in LAWS:
        raise InputError(f"law: found {name!r}, want one of {', '.join(LAWS)}")
    return LAWS[form]


def coefficient_set(name: str) -> CoefficientSet:
    """The published set called "law:set"; for "law" alone, the first one published for it.

    Raises:
        InputError: no such law or set, or a law without a published set.
    """
    law = get(name)
    _, _, wanted = name.partition(":")
    published = [item for item in SETS if item.law == law.name]
    if not published:
        raise InputError(f"coefficients: {law.name} has no published set, want {', '.join(law.coefficients)}")
    for item in published:
        if wanted in ("", item.name):
            return item
    names = ", ".join(f"{item.law}:{item.name}" for item in published)
    raise InputError(f"law: found {name!r}, want a published set of {law.name} ({names})")
