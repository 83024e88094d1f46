"""What reading a table says, for a program: messages name a command's options, and a program gives arguments."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from scaling_tui import InputError

_VALUE = r"('[^']*(?:'\"'\"'[^']*)*'|[^\s,;:]+)"
_COLUMN = re.compile(rf"--columns {_VALUE}")
_VALUED = re.compile(rf"--(points|best-of|cluster) {_VALUE}")
_WHERE = re.compile(r"--where ([^:]+)(?=:)")
_BARE = re.compile(r"--(columns|points|best-of|where|cluster)\b")


def as_arguments(text: str) -> str:
    """A message in which options such as `--columns loss=NAME` are arguments: columns={"loss": "NAME"}."""
    text = _COLUMN.sub(_column, text)
    text = _VALUED.sub(lambda match: f'{match[1].replace("-", "_")}="{_unquoted(match[2])}"', text)
    text = _WHERE.sub(lambda match: f'where="{match[1]}"', text)
    return _BARE.sub(lambda match: match[1].replace("-", "_"), text)


@contextmanager
def argument_names() -> Iterator[None]:
    """Errors inside this block name arguments in place of options."""
    try:
        yield
    except InputError as error:
        raise InputError(as_arguments(str(error))) from None


def _column(match: re.Match[str]) -> str:
    role, equals, column = _unquoted(match[1]).partition("=")
    return f'columns={{"{role}": "{column}"}}' if equals else f"columns {role}"


def _unquoted(text: str) -> str:
    return text[1:-1].replace("'\"'\"'", "'") if text.startswith("'") else text
