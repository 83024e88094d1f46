"""What the docstring of a dataclass says of its fields: the one place where the meaning of a key is written."""

import re
from inspect import cleandoc

_SECTION = re.compile(r"^(Args|Raises|Returns|Yields):$", re.MULTILINE)
_FIELD = re.compile(r"^    (\w+(?:, \w+)*): (.*)$")


def meanings(kind: type) -> dict[str, str]:
    """The text on each field in the `Args:` of the docstring of `kind`, on one line; empty without a docstring."""
    sections = _SECTION.split(cleandoc(kind.__doc__ or ""))
    listed = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Args", "")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines():
        if (field := _FIELD.match(line)) is not None:
            names = field[1].split(", ")
            found |= dict.fromkeys(names, field[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return {name: text.removesuffix(".") for name, text in found.items()}
