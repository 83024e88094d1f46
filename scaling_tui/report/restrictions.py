"""Restrictions on coefficients as the commands take them: texts such as `alpha=beta`, `E=0.9`, `E=0.9±0.2`."""

from collections.abc import Sequence

from scaling_tui import InputError
from scaling_tui.laws.fitting.restrictions import Prior, Restrictions
from scaling_tui.text.numbers import read_quantity


def read_restrictions(ties: Sequence[str] = (), fixed: Sequence[str] = (), priors: Sequence[str] = ()) -> Restrictions:
    """From the options of a command: `alpha=beta`, `E=0.9`, `E=0.9±0.2`.

    Raises:
        InputError: a text is invalid; names the option.
    """
    pairs = []
    for text in ties:
        names = [name.strip() for name in text.split("=")]
        if len(names) < 2 or not all(names):
            raise InputError(f"--tie: found {text[:60]!r}, want two coefficients such as alpha=beta")
        pairs += [(names[0], name) for name in names[1:]]
    held = {}
    for text in fixed:
        name, value = _assigned("--fix", text, "a coefficient and its value such as E=0.9")
        if name in held:
            raise InputError(f"--fix {name}: found it twice, want one value")
        held[name] = _read("--fix", text, value)
    known = {}
    for text in priors:
        wanted = "a coefficient with its standard deviation such as E=0.9±0.2 (or E=0.9+-0.2)"
        name, value = _assigned("--prior", text, wanted)
        if name in known:
            raise InputError(f"--prior {name}: found it twice, want one prior")
        mean, sign, sd = value.replace("+-", "±").replace("+/-", "±").partition("±")
        if not sign:
            raise InputError(f"--prior: found {text[:60]!r}, want {wanted}")
        known[name] = Prior(_read("--prior", text, mean), _read("--prior", text, sd))
    return Restrictions(held, tuple(pairs), known)


def _assigned(option: str, text: str, wanted: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise InputError(f"{option}: found {text[:60]!r}, want {wanted}")
    return name.strip(), value.strip()


def _read(option: str, text: str, value: str) -> float:
    try:
        return read_quantity(value.strip(), what="number")
    except InputError as error:
        raise InputError(f"{option} {text[:60]}: {str(error).removeprefix('number: ')}") from None
