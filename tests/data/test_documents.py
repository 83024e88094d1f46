"""Documents of every format, what is refused and where, and how a text is split into its parts."""

import codecs
import gzip
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data import Corpus, CorpusChoice, Text, encode, load_corpus
from scaling_tui.data.parts import after, before
from scaling_tui.data.tokenizers import BytePairTokenizer

TEXTS = [f"document {number} is about {'à peu près ' * (number % 7)}nothing\n" for number in range(150)]


def library(name: str) -> Any:
    return pytest.importorskip(name)


def as_jsonl(path: Path, texts: list[str], key: str = "text") -> Path:
    lines = "".join(json.dumps({"id": number, key: text}) + "\n" for number, text in enumerate(texts)).encode()
    match path.suffix:
        case ".gz":
            path.write_bytes(gzip.compress(lines))
        case ".zst":
            path.write_bytes(library("zstandard").compress(lines))
        case _:
            path.write_bytes(lines)
    return path


def as_parquet(path: Path, texts: list[str]) -> Path:
    pyarrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"id": list(range(len(texts))), "text": texts}), path, row_group_size=40)
    return path


def as_dataset(path: Path, texts: list[str]) -> Path:
    """As Hugging Face's own library saves it, where that is installed; else the same files."""
    pyarrow = library("pyarrow")
    table = pyarrow.table({"text": texts})
    if importlib.util.find_spec("datasets"):
        from_dict = importlib.import_module("datasets").Dataset.from_dict
        from_dict({"text": texts}).save_to_disk(str(path), num_shards=2)
        return path
    path.mkdir()
    data = path / "data-00000-of-00001.arrow"
    with pyarrow.OSFile(str(data), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    return path


def as_folder(path: Path, texts: list[str]) -> Path:
    path.mkdir()
    for number, text in enumerate(texts):
        (path / f"{number:03}.txt").write_text(text)
    return path


def whole(part: object) -> bytes:
    assert isinstance(part, Text)
    return part.whole()


def documents(part: object) -> list[bytes]:
    assert isinstance(part, Text)
    return [b"".join(blocks) for blocks in part.read()]


FORMATS: list[tuple[str, Callable[[Path, list[str]], Path]]] = [
    ("a.jsonl", as_jsonl), ("a.jsonl.gz", as_jsonl), ("a.json.gz", as_jsonl), ("a.jsonl.zst", as_jsonl),
    ("a.parquet", as_parquet), ("saved", as_dataset), ("folder", as_folder),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write"), FORMATS, ids=[name for name, _ in FORMATS])
def test_every_format_holds_the_same_documents(
    name: str, write: Callable[[Path, list[str]], Path], tmp_path: Path
) -> None:
    corpus = load_corpus(CorpusChoice(str(write(tmp_path / name, TEXTS))))
    assert (corpus.documents, corpus.size) == (150, sum(len(text.encode()) for text in TEXTS))
    parts = documents(corpus.train), documents(corpus.held_out)
    assert sorted(parts[0] + parts[1]) == sorted(text.encode() for text in TEXTS)
    assert 5 <= len(parts[1]) <= 30
    plain = load_corpus(CorpusChoice(str(as_jsonl(tmp_path / "plain.jsonl", TEXTS))))
    assert (corpus.sha256, documents(corpus.held_out)) == (plain.sha256, documents(plain.held_out))


def test_a_dataset_of_several_splits_holds_out_its_validation(tmp_path: Path) -> None:
    datasets = library("datasets")
    splits = {"train": TEXTS[:100], "validation": TEXTS[100:120], "test": TEXTS[120:]}
    saved = {name: datasets.Dataset.from_dict({"text": texts}) for name, texts in splits.items()}
    datasets.DatasetDict(saved).save_to_disk(str(tmp_path / "saved"))
    corpus = load_corpus(CorpusChoice(str(tmp_path / "saved")))
    assert documents(corpus.train) == [text.encode() for text in TEXTS[:100]]
    assert documents(corpus.held_out) == [text.encode() for text in TEXTS[100:120]]


def test_few_documents_give_their_last_tenth_each(tmp_path: Path) -> None:
    corpus = load_corpus(CorpusChoice(str(as_folder(tmp_path / "books", ["a" * 1000, "ä" * 500, "c" * 2000]))))
    assert [len(text) for text in documents(corpus.train)] == [900, 900, 1800]
    assert [text[:2].decode() for text in documents(corpus.held_out)] == ["aa", "ä", "cc"]


def test_many_documents_of_which_one_is_nearly_all_are_cut_as_few_are(tmp_path: Path) -> None:
    texts = ["x" * 100_000, *(f"small {number}" for number in range(120))]
    corpus = load_corpus(CorpusChoice(str(as_jsonl(tmp_path / "a.jsonl", texts))))
    assert 0.05 < len(whole(corpus.held_out)) / corpus.size < 0.2


def test_the_same_text_in_one_file_or_in_a_folder_of_one_has_one_hash(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1000)
    inside = as_folder(tmp_path / "inside", ["word " * 1000])
    alone, folder = (load_corpus(CorpusChoice(str(path))) for path in (tmp_path / "a.txt", inside))
    assert alone.sha256 == folder.sha256
    trained_on = [encode(CorpusChoice(corpus.name), corpus).train for corpus in (alone, folder)]
    assert np.array_equal(trained_on[0], trained_on[1])


@given(text=st.text(min_size=1), place=st.integers(0, 80), sizes=st.lists(st.integers(1, 9), min_size=1))
def test_a_cut_loses_nothing_and_splits_no_character(text: str, place: int, sizes: list[int]) -> None:
    content = text.encode("utf-8", "replace")

    def blocks() -> Any:
        at = 0
        for size in sizes * len(content):
            if at < len(content):
                yield content[at : at + size]
                at += size

    first, second = (b"".join(part(blocks(), place)) for part in (before, after))
    assert first + second == content
    first.decode()
    second.decode()
    assert min(place, len(content)) <= len(first) <= place + 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a" * 12_345 + b"\x9d" + b"b" * 99, "byte 0x9d at offset 12,345 is not UTF-8; want UTF-8 .* corpus.format"),
        (b"a" * ((1 << 20) - 1) + "é".encode()[:1] + b"b", "byte 0xc3 at offset 1,048,575 is not UTF-8"),
        (b"a" * (1 << 20) + b"\xff", "byte 0xff at offset 1,048,576 is not UTF-8"),
        (b"abc\xe2\x82", "byte 0xe2 at offset 3 is not UTF-8"),
        (b"abc\0def", "byte 0x00 at offset 3 is not text"),
        ("text".encode("utf-16"), "byte 0xff at offset 0 is not UTF-8: this looks like UTF-16; iconv"),
        (gzip.compress(b"text", mtime=0), "byte 0x8b at offset 1 is not UTF-8: this looks like gzip; a name"),
        (b"", "found no text"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_with_its_place(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.txt: {says}"):
        load_corpus(CorpusChoice(str(tmp_path / "a.txt")))


@settings(deadline=None)
@given(content=st.binary(min_size=1, max_size=60).filter(lambda content: 0 not in content))
def test_the_offset_is_the_one_that_python_names(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.txt"
    path.write_bytes(content)
    place = -1
    try:
        content.decode()
    except UnicodeDecodeError as error:
        place = error.start
    if place < 0:
        assert load_corpus(CorpusChoice(str(path))).size == len(content)
    else:
        with pytest.raises(InputError, match=f"at offset {place} is not"):
            load_corpus(CorpusChoice(str(path)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"content": "x"}', "line 2: no key 'text', found 'content'; corpus.text = 'content' reads that"),
        (b'{"id": 1}', "line 2: no key 'text', and no other with a string"),
        (b'{"text": 5}', "line 2: 'text' is 5, want a string"),
        (b"[1, 2]", r"line 2: found \[1, 2\], want an object"),
        (b'{"text": "a"', "line 2: not JSON .*, want an object with the text under 'text'"),
        (b"[" * 100_000, "line 2: not JSON"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "line 2: not JSON"),
        (b'{"text": "\xff"}', "line 2: byte 0xff at place 11 is not UTF-8"),
        (rb'{"text": "a\ud800"}', "line 2: half a surrogate pair at character 2"),
    ],
)
def test_a_line_that_holds_no_text_is_named(line: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "fine"}\n' + line + b"\n")
    with pytest.raises(InputError, match=says):
        load_corpus(CorpusChoice(str(tmp_path / "a.jsonl")))


def test_blank_lines_a_byte_order_mark_and_empty_documents_are_passed_over(tmp_path: Path) -> None:
    lines = b'\n{"text": ""}\n  \n{"text": null}\n{"text": "a\\u2028b"}\r\n'
    (tmp_path / "a.jsonl").write_bytes(codecs.BOM_UTF8 + lines)
    with pytest.raises(InputError, match="not JSON"):  # the mark stands before a blank line, so it is one of its own
        (tmp_path / "b.jsonl").write_bytes(b"\n" + codecs.BOM_UTF8 + lines)
        load_corpus(CorpusChoice(str(tmp_path / "b.jsonl")))
    corpus = load_corpus(CorpusChoice(str(tmp_path / "a.jsonl")))
    assert (corpus.documents, corpus.size) == (1, 5)


def test_another_key_holds_the_text(tmp_path: Path) -> None:
    path = as_jsonl(tmp_path / "a.jsonl", TEXTS, "content")
    assert load_corpus(CorpusChoice(str(path), text="content")).documents == 150


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.txt.gz"])
def test_a_compressed_file_that_is_cut_off_or_is_none_is_named(name: str, tmp_path: Path) -> None:
    path = as_jsonl(tmp_path / name, TEXTS)
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"not compressed at all"):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=rf"{name}: not a whole .* file"):
            load_corpus(CorpusChoice(str(path)))


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.zst"])
def test_what_grows_without_bound_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compress = gzip.compress if name.endswith(".gz") else library("zstandard").compress
    (tmp_path / name).write_bytes(compress(b"a" * 30_000_000))
    monkeypatch.setattr("scaling_tui.data.documents.MAY_EXPAND", 10_000_000)
    with pytest.raises(InputError, match="grows to more than 250 times its size"):
        load_corpus(CorpusChoice(str(tmp_path / name)))


@pytest.mark.parametrize(("name", "kind"), [("a.parquet", "Parquet"), ("a.arrow", "Arrow")])
def test_a_file_that_is_not_what_its_name_says_is_named(name: str, kind: str, tmp_path: Path) -> None:
    library("pyarrow")
    (tmp_path / name).write_bytes(b"PAR1 but then nothing of the kind" * 10)
    with pytest.raises(InputError, match=f"{name}: not {kind}"):
        load_corpus(CorpusChoice(str(tmp_path / name)))


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "a.parquet", TEXTS)
    with pytest.raises(InputError, match=r"no column 'body', found 'text'; corpus.text = 'text' reads that"):
        load_corpus(CorpusChoice(str(path), text="body"))


def test_a_cell_that_is_no_text_is_named_with_its_row(tmp_path: Path) -> None:
    pyarrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    raw = pyarrow.array([b"fine", b"a\xff"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": raw, "number": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a.parquet row 2: byte 0xff at place 2 is not UTF-8"):
        load_corpus(CorpusChoice(str(tmp_path / "a.parquet")))
    with pytest.raises(InputError, match=r"a.parquet row 1: 'number' is 1, want a string"):
        load_corpus(CorpusChoice(str(tmp_path / "a.parquet"), text="number"))


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for module in ("pyarrow", "pyarrow.parquet", "pyarrow.ipc", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    for name, extra in (("a.parquet", "parquet"), ("a.arrow", "datasets"), ("a.jsonl.zst", "zstd")):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputError, match=rf"run pip install 'scaling-tui\[{extra}\]'"):
            load_corpus(CorpusChoice(str(tmp_path / name)))


def corpus_of(folder: Path, texts: list[str]) -> tuple[CorpusChoice, Corpus]:
    choice = CorpusChoice(str(as_jsonl(folder / "a.jsonl", texts)))
    return choice, load_corpus(choice)


def test_a_newline_stands_between_documents_of_bytes(tmp_path: Path) -> None:
    encoded = encode(*corpus_of(tmp_path, ["a" * 10, "b" * 10]))
    assert bytes(encoded.train) == b"aaaaaaaaa\nbbbbbbbbb"
    assert bytes(encoded.held_out) == b"a\nb"
    assert (encoded.separator, encoded.bytes_per_token) == ("a newline", 1.0)


def test_a_tokenizer_file_stands_for_itself_and_its_end_of_text_between_documents(tmp_path: Path) -> None:
    tokenizers = importlib.import_module("tokenizers")
    BytePairTokenizer.trained_on(Text.of("".join(TEXTS).encode()), 300).save(tmp_path / "tokenizer.json")
    inner = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    inner.add_special_tokens(["<|endoftext|>"])
    inner.enable_truncation(4)
    inner.enable_padding(length=512)
    inner.save(str(tmp_path / "tokenizer.json"))
    path = as_jsonl(tmp_path / "a.jsonl", [*TEXTS, "it says <|endoftext|> itself"])
    end = inner.token_to_id("<|endoftext|>")
    for name in (tmp_path / "tokenizer.json", tmp_path):
        choice = CorpusChoice(str(path), str(name))
        encoded = encode(choice, load_corpus(choice))
        parts = [np.asarray(part) for part in (encoded.train, encoded.held_out)]
        assert sum(int((part == end).sum()) for part in parts) == 151 - len(parts)
        assert encoded.vocab == end + 1
        assert encoded.separator == "<|endoftext|>"


@pytest.mark.parametrize("content", [b"{}", b"\xff", b"[" * 100_000, b'{"model": {"type": "BPE", "vocab": {"a": -1}}}'])
def test_a_file_that_is_no_tokenizer_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    path = as_jsonl(tmp_path / "a.jsonl", TEXTS)
    choice = CorpusChoice(str(path), str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match=r"tokenizer.json: not "):
        encode(choice, load_corpus(choice))
