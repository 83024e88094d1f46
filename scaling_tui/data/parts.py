"""A corpus in its two parts; a text is streamed document by document."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scaling_tui.data.documents import Blocks, blocks_of
from scaling_tui.data.shards import Ids
from scaling_tui.data.synthetic import Source


@dataclass(frozen=True)
class Text:
    """One part of a corpus of text. It is read anew each time, so that it never has to fit into memory.

    Args:
        read: its documents, each as blocks of UTF-8; a document has to be read before the next is asked for.
    """

    read: Callable[[], Iterator[Blocks]] = field(repr=False)

    @classmethod
    def of(cls, *documents: bytes) -> "Text":
        """These documents, which are in memory."""
        return cls(lambda: (blocks_of(document) for document in documents if document))

    def beginning(self, size: int) -> bytes:
        """The first `size` bytes of the first document."""
        for blocks in self.read():
            got = b""
            for block in blocks:
                got += block[: size - len(got)]
                if len(got) >= size:
                    break
            return got
        return b""

    def whole(self) -> bytes:
        """All of it, documents joined as they are; for what is known to be small."""
        return b"".join(block for blocks in self.read() for block in blocks)


@dataclass(frozen=True)
class Corpus:
    """What to train on in two disjoint parts: text, or token ids where it has no text.

    Args:
        name: for people: a name, or that of a file or folder.
        source: what it is, in words.
        sha256: of everything that was read.
        train: the part to train on.
        held_out: the part never trained on.
        size: bytes of UTF-8 in both parts; of ids 0.
        documents: how many documents both parts have.
        rule: how the parts were split; the same text may be split in several ways.
        drawn_from: the synthetic source.
        unread: how many files in its folder are of another kind, or of a part that is not needed.
    """

    name: str
    source: str
    sha256: str
    train: Text | Ids = field(repr=False)
    held_out: Text | Ids = field(repr=False)
    size: int = 0
    documents: int = 1
    rule: str = "tails"
    drawn_from: Source | None = None
    unread: int = 0


def first_nine_tenths(size: int) -> int:
    """Where a document of `size` bytes is cut; a character that begins before the cut belongs to the first part."""
    return int(size * (1 - 0.1))


def cut(blocks: Blocks, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Each block as its part before and its part after `place`, moved on to the start of the next character."""
    at, open_ = 0, True
    for block in blocks:
        if open_:
            split = min(max(0, place - at), len(block))
            while split < len(block) and at + split >= place and block[split] & 0xC0 == 0x80:
                split += 1
            open_ = split == len(block)
        else:
            split = 0
        at += len(block)
        yield block[:split], block[split:]


def before(blocks: Blocks, place: int) -> Blocks:
    """What of `blocks` comes before the cut."""
    for first, second in cut(blocks, place):
        if first:
            yield first
        if second:
            return


def after(blocks: Blocks, place: int) -> Blocks:
    """What of `blocks` comes after the cut."""
    return (second for _, second in cut(blocks, place) if second)
