"""A chain of hashes: each record names the one before it, so that no record changes, goes or moves unnoticed.

It shows that a file was edited by someone who did not compute the hashes anew. Who has the program can compute all of
them anew; then only something that was handed in before, a receipt or an earlier copy, shows the difference.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

START = "scaling-tui submission 1"  # stands before the first record
RECEIPT = 16  # hexadecimal digits


def canonical(document: Any) -> str:
    """JSON that is the same for the same data on every machine."""
    return json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def linked(previous: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """`record` with its `hash`, which depends on all records before it."""
    return {**record, "hash": hash_of(previous, record)}


def hash_of(previous: str, record: Mapping[str, Any]) -> str:
    """The hash of `record` after one whose hash is `previous`.

    Raises:
        ValueError: a number in it is not finite.
    """
    return digest(f"{previous}\n{canonical({key: value for key, value in record.items() if key != 'hash'})}")


def follows(previous: str, record: Mapping[str, Any]) -> bool:
    """Whether `record`, which may be anything that JSON holds, was linked to `previous`."""
    try:
        return record.get("hash") == hash_of(previous, record)
    except (ValueError, RecursionError):
        return False


def receipt(head: str) -> str:
    """A hash for people to write down: 16 of its digits in groups of four."""
    return "-".join(head[place : place + 4] for place in range(0, RECEIPT, 4))


def read_receipt(text: str) -> str:
    """The digits of a receipt as typed; empty if it is none."""
    digits = "".join(sign for sign in text.casefold() if not sign.isspace() and sign != "-")
    return digits if len(digits) == RECEIPT and set(digits) <= set("0123456789abcdef") else ""
