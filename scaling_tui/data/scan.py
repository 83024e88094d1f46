"""A pass over a corpus of text: its hash, its documents, and how they are split."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from scaling_tui import InputError
from scaling_tui.data.documents import BEGINNING, Blocks, documents
from scaling_tui.data.finding import Found
from scaling_tui.data.parts import Text, after, before, first_nine_tenths
from scaling_tui.data.remembered import Progress, check_unchanged, no_progress, remembered, stamps_of

Rule = Literal["named", "tails", "documents"]
FEW = 100  # documents of which each gives its last tenth
MOST_CUT = 10_000  # documents whose sizes are kept for a cut
HELD_OUT_256THS = 26  # about a tenth


@dataclass(frozen=True)
class Scan:
    """What a pass over the documents of a corpus found.

    Args:
        sha256: of the text: of its one document, else of the hashes of all.
        rule: how it is split: files are `named` for their part; the last tenth of each of a few documents (`tails`);
            or a tenth of the `documents`, chosen by the hash of how they begin.
        documents: how many there are.
        size: bytes of UTF-8.
        sizes: of each document, where `rule` is `tails`.
    """

    sha256: str
    rule: Rule
    documents: int
    size: int
    sizes: tuple[int, ...] = ()


def scanned(found: Found, key: str, progress: Progress = no_progress) -> Scan:
    """The scan of the files of `found`: the one that is remembered, where no file has changed since, else a new one.

    Raises:
        InputError: a file that cannot be read or is not what its kind says; or no text in them.
    """
    about = {"kind": found.kind, "key": key}

    def look(tick: Callable[[int], None]) -> Scan:
        return _scan(found, key, tick)

    return remembered(found, about, look, _from_json, progress)


def split(found: Found, key: str, scan: Scan) -> tuple[Text, Text]:
    """The training and the held-out part of the files of `found`, split as `scan` says.

    Reading them raises InputError where a file has changed meanwhile.
    """
    stamps = stamps_of(found.every)

    def read(held_out: bool) -> Iterator[Blocks]:
        yield from _part(found, key, scan, held_out)
        check_unchanged(found, stamps)

    return Text(lambda: read(False)), Text(lambda: read(True))


def _part(found: Found, key: str, scan: Scan, held_out: bool) -> Iterator[Blocks]:
    if scan.rule == "named":
        yield from documents(found, found.held_out if held_out else found.files, key)
        return
    for number, blocks in enumerate(documents(found, found.files, key)):
        if scan.rule == "tails":
            place = first_nine_tenths(scan.sizes[number]) if number < len(scan.sizes) else 0
            yield after(blocks, place) if held_out else before(blocks, place)
        else:
            first = next(blocks)
            if _is_held_out(first) == held_out:
                yield chain((first,), blocks)
            else:
                for _ in blocks:  # the next document begins where this one ends
                    pass


def _is_held_out(first: bytes) -> bool:
    """By the beginning alone, so that a long document need not be read twice, and a copy is in the same part."""
    return hashlib.sha256(first[:BEGINNING]).digest()[0] < HELD_OUT_256THS


def _scan(found: Found, key: str, tick: Callable[[int], None]) -> Scan:
    whole = hashlib.sha256()
    only = ""  # the hash of the document where there is one
    sizes: list[int] = []
    held_out = size = count = 0
    for blocks in documents(found, found.files, key, tick):
        digest, length, first = hashlib.sha256(), 0, b""
        for block in blocks:
            first = first or block
            digest.update(block)
            length += len(block)
        whole.update(digest.digest())
        only = digest.hexdigest()
        held_out += length if _is_held_out(first) else 0
        count, size = count + 1, size + length
        if count <= MOST_CUT:
            sizes.append(length)
    if count == 0:
        raise InputError(f"{found.files[0]}: found no text{_in_all(found.files)}")
    if found.held_out:
        whole.update(b"held out")
        before_count = count
        for blocks in documents(found, found.held_out, key, tick):
            digest = hashlib.sha256()
            for block in blocks:
                digest.update(block)
                size += len(block)
            whole.update(digest.digest())
            count += 1
        if count == before_count:
            raise InputError(f"{found.held_out[0]}: found no text{_in_all(found.held_out)}")
        return Scan(whole.hexdigest(), "named", count, size)
    if count == 1:
        return Scan(only, "tails", 1, size, tuple(sizes))
    lopsided = not 0.05 < held_out / size < 0.2
    if count < FEW or (lopsided and count <= MOST_CUT):
        return Scan(whole.hexdigest(), "tails", count, size, tuple(sizes))
    return Scan(whole.hexdigest(), "documents", count, size)


def _in_all(files: tuple[Path, ...]) -> str:
    return f" in {len(files):,} files" if len(files) > 1 else ""


def _from_json(scan: Any) -> Scan:
    return Scan(scan["sha256"], scan["rule"], scan["documents"], scan["size"], tuple(scan["sizes"]))
