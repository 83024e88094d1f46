"""Corpora become tokens once per machine: in bounded memory, under two processes, and again where they change."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, Text, encode, load_corpus, recorded_corpus, stamp
from scaling_tui.data.documents import blocks_of
from scaling_tui.data.pieces import pieces
from scaling_tui.data.tokenizers import BytePairTokenizer

TEXT = "def twice(x):\n    return x + x  # à peu près\n\n\t words,  and more\r\n\r\n"
BPE = BytePairTokenizer.trained_on(Text.of((TEXT * 50).encode()), 320)


def bpe_file(folder: Path) -> str:
    BPE.save(folder / "tokenizer.json")
    return str(folder / "tokenizer.json")


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files written a moment ago are remembered at once, as those written an hour ago are."""
    monkeypatch.setattr("scaling_tui.data.remembered.LATE_S", -1e9)


@given(
    st.lists(st.sampled_from(["a", "bc ", " d", "\n", "\r\n", "  ", "\t", "é", "\u2028", ".\n", "\n\n"]), max_size=400)
)
@settings(deadline=None)
def test_tokens_do_not_depend_on_where_a_text_is_cut(words: list[str]) -> None:
    text = "".join(words)
    whole = [int(token) for token in BPE.encode(text.encode())]
    with pytest.MonkeyPatch.context() as patch:
        for name, size in (("PIECE", 8), ("PATIENCE", 20), ("LONGEST", 4000)):
            patch.setattr(f"scaling_tui.data.pieces.{name}", size)
        cut = list(pieces(iter([text.encode()[at : at + 7] for at in range(0, len(text.encode()), 7)])))
    assert "".join(cut) == text
    assert [token for ids in BPE.encode_each(cut) for token in ids] == whole


def test_a_text_without_a_place_for_a_cut_is_cut_all_the_same() -> None:
    cut = list(pieces(blocks_of(b"x" * (5 << 20))))
    assert "".join(cut) == "x" * (5 << 20)
    assert max(map(len, cut)) <= 2 << 20


def test_a_second_start_reads_no_text_and_shares_the_tokens(tmp_path: Path, remembering: None) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 2000)
    choice = CorpusChoice(str(tmp_path / "a.txt"), bpe_file(tmp_path))
    done: list[tuple[str, int, int]] = []

    def progress(*step: Any) -> None:
        done.append(step)

    first = encode(choice, load_corpus(choice, progress), progress)
    assert {step[0] for step in done} == {"reading", "encoding"}
    size = (tmp_path / "a.txt").stat().st_size
    assert all(step[1] <= step[2] == size for step in done)
    assert [max(step[1] for step in done if step[0] == doing) for doing in ("reading", "encoding")] == [size, size]
    done.clear()
    second = encode(choice, load_corpus(choice, progress), progress)
    assert not done
    assert isinstance(second.train, np.memmap)
    assert np.array_equal(first.train, second.train) and np.array_equal(first.held_out, second.held_out)
    assert first.bytes_per_token == second.bytes_per_token


def test_a_changed_file_is_noticed_though_its_size_and_time_are_the_same(tmp_path: Path, remembering: None) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one " * 1000)
    status = path.stat()
    before = load_corpus(CorpusChoice(str(path)))
    path.write_text("two " * 1000)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_corpus(CorpusChoice(str(path))).sha256 != before.sha256
    with pytest.raises(InputError, match="content has changed since the sweep began"):
        recorded_corpus({"name": str(path), "sha256": before.sha256})


def test_a_file_just_written_is_read_again_before_it_is_trusted(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.txt").write_text("one " * 1000)
    load_corpus(CorpusChoice(str(tmp_path / "a.txt")))
    assert not list(cache.rglob("scans/*"))


def test_a_changed_tokenizer_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 100)
    choice = CorpusChoice(str(tmp_path / "a.txt"), bpe_file(tmp_path))
    corpus = load_corpus(choice)
    recorded = {"name": choice.name, "tokenizer": choice.tokenizer, "sha256": corpus.sha256}
    with pytest.raises(InputError, match=r"tokenizer .*: its content has changed since the sweep began"):
        recorded_corpus({**recorded, "tokenizer_sha256": "0" * 64})


def test_a_run_recorded_before_formats_were_reads_its_file_as_plain_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "word"}\n' * 40)
    old = {"name": str(tmp_path / "a.jsonl"), "tokenizer": "byte", "first_tokens": 0, "parameters": {}}
    plain = load_corpus(CorpusChoice(old["name"], format="text"))  # type: ignore[arg-type]
    choice, corpus = recorded_corpus({**old, "sha256": plain.sha256})
    assert bytes(encode(choice, corpus).train).startswith(b'{"text": "word"}\n{')


@pytest.mark.parametrize("recorded", [{}, {"name": 3}, {"name": "a.txt", "vocab": "x"}, {"name": "a", "format": "zip"}])
def test_a_record_that_names_no_corpus_is_named(recorded: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"run.json: corpus\.(name|vocab|format): found"):
        recorded_corpus(recorded)


def test_what_is_not_whole_in_the_cache_is_written_again(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 500)
    choice = CorpusChoice(str(tmp_path / "a.txt"), bpe_file(tmp_path))
    whole = np.array(encode(choice, load_corpus(choice)).train)
    train = next(cache.rglob("train.npy"))
    for broken in (train.read_bytes()[:-9], b"", b"\x93NUMPY nonsense"):
        train.write_bytes(broken)
        assert np.array_equal(encode(choice, load_corpus(choice)).train, whole)
    left = train.with_name(".12345-train.npy")
    left.write_bytes(b"what a killed process left")
    train.unlink()
    encode(choice, load_corpus(choice))
    assert not left.exists()


def test_a_cache_that_cannot_be_written_to_is_named(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 100)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    choice = CorpusChoice(str(tmp_path / "a.txt"), bpe_file(tmp_path))
    with pytest.raises(InputError, match=r"cache .*: cannot be written to \(.*\); \$XDG_CACHE_HOME moves it"):
        encode(choice, load_corpus(choice))
    assert len(encode(CorpusChoice(choice.name), load_corpus(CorpusChoice(choice.name))).train)


ENCODES = """
import json, resource, sys
from pathlib import Path
from scaling_tui.data import CorpusChoice, encode, load_corpus
choice = CorpusChoice(sys.argv[1], sys.argv[2])
done = []
encode(choice, load_corpus(choice), lambda *step: done.append(step[0]))
encoded = encode(choice, load_corpus(choice))
status = Path("/proc/self/status")  # the peak in rusage is at least that of the parent
lines = status.read_text().splitlines() if status.exists() else []
highest = next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)
print(json.dumps({
    "encoded": "encoding" in done, "tokens": len(encoded.train) + len(encoded.held_out),
    "sum": int(encoded.train[:100_000].sum()), "peak": highest or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


def start(corpus: Path, tokenizer: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ENCODES, str(corpus), tokenizer]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_encodes_and_both_have_the_tokens(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 30_000)
    tokenizer = bpe_file(tmp_path)
    both = [start(tmp_path / "a.txt", tokenizer) for _ in range(2)]
    told = [json.loads(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(one["encoded"] for one in told) == 1
    assert told[0]["tokens"] == told[1]["tokens"] > 0
    assert told[0]["sum"] == told[1]["sum"]
    kept = sorted(path.name for path in cache.rglob("tokens/*/*") if path.name != ".lock")
    assert kept == ["held_out.npy", "parts.json", "train.npy"]


def test_who_waits_for_another_process_is_told(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 100)
    choice = CorpusChoice(str(tmp_path / "a.txt"), bpe_file(tmp_path))
    encode(choice, load_corpus(choice))
    (place,) = cache.glob("scaling-tui/tokens/*")
    (place / "parts.json").unlink()
    with (place / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def progress(doing: str, done: int, total: int) -> None:
            if doing.startswith("waiting for another process"):
                told.append(doing)
                fcntl.flock(lock, fcntl.LOCK_UN)

        told: list[str] = []
        encode(choice, load_corpus(choice), progress)
    assert len(told) == 1


def test_a_text_is_not_held_in_memory(tmp_path: Path) -> None:
    """A text of 300 MB in bytes: the process stays far below it, most of that the libraries that it imports."""
    line = (TEXT * 1000).encode()
    with (tmp_path / "large.txt").open("wb") as file:
        for _ in range(-(-300_000_000 // len(line))):
            file.write(line)
    told = json.loads(start(tmp_path / "large.txt", "byte").communicate()[0])
    assert told["encoded"] and told["tokens"] > 300_000_000
    assert told["peak"] < 120_000_000


@pytest.mark.slow
def test_memory_does_not_grow_with_a_text_that_becomes_byte_pairs(tmp_path: Path) -> None:
    block = "".join(f"line {number} says {number * 7919 % 1009} things\n" for number in range(20_000)).encode()
    tokenizer = bpe_file(tmp_path)
    peaks = []
    for size in (5_000_000, 30_000_000):
        path = tmp_path / f"{size}.txt"
        with path.open("wb") as file:
            for _ in range(size // len(block)):
                file.write(block)
        told = json.loads(start(path, tokenizer).communicate()[0])
        assert told["encoded"]
        peaks.append(told["peak"])
    assert peaks[1] < peaks[0] + 30_000_000


def test_a_stamp_is_another_once_a_file_of_the_corpus_or_the_tokenizer_is(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(TEXT)
    choice = CorpusChoice(str(tmp_path / "texts"), bpe_file(tmp_path))
    stamps = [stamp(choice), stamp(choice)]
    (tmp_path / "texts" / "b.txt").write_text(TEXT)
    stamps.append(stamp(choice))
    (tmp_path / "tokenizer.json").write_text((tmp_path / "tokenizer.json").read_text() + "\n")
    stamps.append(stamp(choice))
    assert stamps[0] == stamps[1]
    assert None not in stamps and len(set(stamps)) == 3
    assert stamp(CorpusChoice(str(tmp_path / "none.txt"))) is None
