"""Names of runs as names of folders."""

import re
import unicodedata
from collections.abc import Collection

LONGEST = 80  # characters
_RESERVED = re.compile(r"requests|supervisor-\d+|attempt-\d+", re.I)


def folder_name(name: str, taken: Collection[str]) -> str:
    """A name that every system takes for a folder, as like `name` as can be; `taken` ones are in lower case."""
    plain = unicodedata.normalize("NFC", name)
    plain = re.sub(r"[^\w.+=@-]+", "-", plain).strip("-. ")[:LONGEST].rstrip("-. ")
    while len(plain.encode()) > 2 * LONGEST:
        plain = plain[:-1]
    if not plain.isprintable() or not plain:
        plain = "run"
    if _RESERVED.fullmatch(plain):
        plain = f"run-{plain}"
    number, free = 1, plain
    while free.lower() in taken:
        number += 1
        free = f"{plain}-{number}"
    return free
