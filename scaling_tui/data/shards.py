"""Token shards: files of token ids as nanoGPT, llm.c and NumPy write them, memory-mapped and read as one array.

nanoGPT's .bin is raw 16-bit ids. llm.c's begins with 256 32-bit numbers: a magic number, a version and the count of
tokens; then come 16-bit ids of GPT-2's vocabulary or 32-bit ids of Llama 3's (karpathy/llm.c,
`dev/data/data_common.py`). A .npy file holds one row of unsigned integers. All are little-endian.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scaling_tui import InputError
from scaling_tui.data.finding import Found
from scaling_tui.data.remembered import Progress, no_progress, remembered
from scaling_tui.text.files import opened

Ids = NDArray[np.unsignedinteger]

HEADER = 256 * 4  # bytes
FORMATS: dict[int, tuple[int, str]] = {20240520: (1, "<u2"), 20240801: (7, "<u4")}  # magic: version, ids
OTHER_MAGICS = {20240522: "an evaluation set of llm.c", 20240326: "a checkpoint of llm.c", 20240328: "a tokenizer of "
                "llm.c", 20240327: "a debug state of llm.c"}  # fmt: skip
WIDTHS = ("<u1", "<u2", "<u4", "<i4", "<i8", "<u8")  # of a .npy file
AT_ONCE = 1 << 22  # ids checked at a time


class Shards:
    """Several arrays of ids as one, without a copy: it has a length, a dtype, and is indexed by slices and integers.

    `numpy.asarray` makes one array of it, in memory.
    """

    def __init__(self, arrays: Sequence[Ids]) -> None:
        self._arrays = [array for array in arrays if len(array)]
        self._ends = np.cumsum([len(array) for array in self._arrays], dtype=np.int64)
        self.dtype = np.result_type(*(array.dtype for array in arrays))
        self.ndim = 1

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    @property
    def size(self) -> int:
        return len(self)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @overload
    def __getitem__(self, key: int | np.integer) -> np.unsignedinteger: ...
    @overload
    def __getitem__(self, key: slice) -> "Ids | Shards": ...
    @overload
    def __getitem__(self, key: NDArray[np.integer]) -> Ids: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._slice(*key.indices(len(self)))
        places = np.asarray(key)
        if not np.issubdtype(places.dtype, np.integer):
            raise IndexError(f"indices of {places.dtype}; want integers or a slice")
        places = np.where(places < 0, places + len(self), places)
        if places.size and (places.min() < 0 or places.max() >= len(self)):
            raise IndexError(f"index out of range of {len(self)} ids")
        within = np.searchsorted(self._ends, places, side="right")
        ids = np.empty(places.shape, self.dtype)
        for number in np.unique(within):
            chosen = within == number
            start = self._ends[number - 1] if number else 0
            ids[chosen] = self._arrays[number][places[chosen] - start]
        return ids if ids.ndim else ids[()]

    def _slice(self, start: int, stop: int, step: int) -> "Ids | Shards":
        if step != 1:
            return self[np.arange(start, stop, step)]
        arrays = []
        for end, array in zip(self._ends, self._arrays, strict=True):
            begin = int(end) - len(array)
            if begin < stop and end > start:
                arrays.append(array[max(0, start - begin) : stop - begin])
        sliced: Ids | Shards = together(arrays, self.dtype)
        return sliced

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        whole = np.concatenate([*self._arrays, np.empty(0, self.dtype)])
        return whole if dtype is None else whole.astype(dtype)


def together(arrays: Sequence[Ids], dtype: DTypeLike) -> Any:
    """The ids of all `arrays`: the only one itself, else as `Shards`."""
    if not arrays:
        return np.empty(0, dtype)
    return arrays[0] if len(arrays) == 1 else Shards(arrays)


@dataclass(frozen=True)
class ShardScan:
    """What a pass over token shards found: the hash of their bytes, and how many ids each part has."""

    sha256: str
    train: int
    held_out: int


def shards(found: Found, vocab: int, progress: Progress = no_progress) -> tuple[str, Any, Any]:
    """The hash, the training part and the held-out part of token shards; without files for it, the last tenth.

    Args:
        found: the files.
        vocab: the vocabulary size: above 65,536 a file without a header holds 32-bit ids.
        progress: is shown what is being read.

    Raises:
        InputError: a file that cannot be read, is no shard, or has an id that is not in the vocabulary.
    """
    train, held_out = ([mapped(path, vocab) for path in files] for files in (found.files, found.held_out))
    kept: dict[str, Any] = {"kind": "tokens", "vocab": vocab}

    def look(tick: Callable[[int], None]) -> ShardScan:
        digest = hashlib.sha256()
        for path, array in zip(found.files, train, strict=True):
            _check(path, array, vocab, digest.update, tick)
        digest.update(b"held out" if held_out else b"")
        for path, array in zip(found.held_out, held_out, strict=True):
            _check(path, array, vocab, digest.update, tick)
        return ShardScan(digest.hexdigest(), sum(map(len, train)), sum(map(len, held_out)))

    scan = remembered(found, kept, look, lambda stored: ShardScan(**stored), progress)
    whole = together(train, "<u2")
    if not found.held_out:
        cut = int(len(whole) * (1 - 0.1))
        return scan.sha256, whole[:cut], whole[cut:]
    return scan.sha256, whole, together(held_out, "<u2")


def mapped(path: Path, vocab: int) -> Ids:
    """The ids of one file, memory-mapped.

    Raises:
        InputError: it cannot be read, is empty, is no token shard, or is cut off.
    """
    try:
        with opened(path):
            pass  # never map a pipe or a device
        size = path.stat().st_size
        if path.suffix.lower() == ".npy":
            return _numpy(path)
        if size == 0:
            raise InputError(f"{path}: is empty, want token ids")
        header = np.fromfile(path, "<i4", 256) if size >= HEADER else np.empty(0, "<i4")
        magic = int(header[0]) if len(header) == 256 else 0
        if magic in OTHER_MAGICS:
            raise InputError(f"{path}: is {OTHER_MAGICS[magic]}, want token shards")
        if magic in FORMATS:  # as ids these would be in no vocabulary
            return _with_header(path, magic, int(header[1]), int(header[2]) & 0xFFFFFFFF, size)
        width = "<u2" if vocab <= 65_536 else "<u4"
        if size % np.dtype(width).itemsize:
            bits = 8 * np.dtype(width).itemsize
            raise InputError(f"{path}: {size:,} bytes are no whole number of {bits}-bit ids, want token shards")
        ids: Ids = np.memmap(path, width, mode="r")
        first = ids[:AT_ONCE]
        if width == "<u2" and len(first) >= 16 and len(first) % 2 == 0 and first[0::2].any() and not first[1::2].any():
            raise InputError(
                f"{path}: every second 16-bit id is 0, so these seem to be 32-bit ids; want 16-bit ids for a "
                f"vocabulary of {vocab:,} (numpy.fromfile(…, 'uint32').astype('uint16').tofile(…) makes them)"
            )
        return ids
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror or error})") from error


def _with_header(path: Path, magic: int, version: int, count: int, size: int) -> Ids:
    wanted, width = FORMATS[magic]
    if version != wanted:
        raise InputError(f"{path}: llm.c's format {magic}, version {version}, want version {wanted}")
    there = (size - HEADER) / np.dtype(width).itemsize
    if there != count:
        raise InputError(f"{path}: its header tells of {count:,} tokens, found {there:,.10g}; the file is not whole")
    if not count:
        raise InputError(f"{path}: has no tokens")
    return np.memmap(path, width, mode="r", offset=HEADER)


def _numpy(path: Path) -> Ids:
    try:
        ids = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, RecursionError) as error:
        raise InputError(f"{path}: not a whole .npy file of numbers ({str(error).splitlines()[0][:80]})") from None
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.newbyteorder("<").str not in {*WIDTHS, "|u1"}:
        found = f"{ids.dtype}, shape {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
        raise InputError(f"{path}: found {found}, want one row of unsigned integers")
    if not len(ids):
        raise InputError(f"{path}: has no tokens")
    return ids


def _check(path: Path, ids: Ids, vocab: int, update: Callable[[bytes], None], tick: Callable[[int], None]) -> None:
    """Adds the ids to a hash, and refuses one that is not in the vocabulary."""
    for start in range(0, len(ids), AT_ONCE):
        some = np.asarray(ids[start : start + AT_ONCE])
        if int(some.max()) >= vocab or int(some.min()) < 0:
            at = int(np.argmax((some >= vocab) | (some < 0)))
            raise InputError(
                f"{path}: token {start + at:,} is {int(some[at]):,}, want less than the {vocab:,} of the vocabulary; "
                "give the tokenizer that made the file, or corpus.vocab"
            )
        update(some.tobytes())
        tick(some.nbytes)
