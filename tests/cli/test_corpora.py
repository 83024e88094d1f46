"""`run` on data of one's own: what it says of it, and real training from each kind of it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "the",
    "mat",
    "and",
    "the",
    "dog",
    "sat",
    "on",
    "the",
    "log",
    "while",
    "the",
    "bird",
    "sang",
    "of",
    "fog",
]


def text(size: int, seed: int = 0) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, size)) + "\n"


def command(*args: object, cache: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "scaling_tui", *map(str, args)],
        capture_output=True, text=True, check=False, env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )  # fmt: skip


def nanogpt(folder: Path) -> list[str]:
    for name, size in (("train", 60_000), ("val", 12_000)):
        np.random.default_rng(size).integers(500, size=size).astype("<u2").tofile(folder / f"{name}.bin")
    return [f"corpus={folder / 'train.bin'}", "corpus.vocab=500"]


def books(folder: Path) -> list[str]:
    (folder / "books").mkdir()
    for number in range(4):
        (folder / "books" / f"{number}.txt").write_text(text(8_000, number))
    return [f"corpus={folder / 'books'}"]


def lines(folder: Path) -> list[str]:
    with gzip.open(folder / "a.jsonl.gz", "wt") as file:
        for number in range(200):
            file.write(json.dumps({"content": text(120, number)}) + "\n")
    return [f"corpus={folder / 'a.jsonl.gz'}", "text=content", "tokenizer=bpe-300"]


@pytest.mark.parametrize(
    ("lay_out", "says"),
    [
        (nanogpt, "data: 60.0k training tokens, 12.0k held out"),
        (books, "4 documents with a newline between them"),
        pytest.param(lines, "200 documents with a newline between them", marks=pytest.mark.slow),
    ],
    ids=["train.bin", "folder", "jsonl.gz"],
)
def test_data_of_ones_own_is_trained_on(lay_out: object, says: str, tiny: Path, tmp_path: Path) -> None:
    settings = [part for value in lay_out(tmp_path) for part in ("--set", value)]  # type: ignore[operator]
    runs = tmp_path / "runs"
    common = (tiny, "--device", "cpu", "--jobs", "1", "--set", "tokens=1024", *settings, "--runs", runs)
    dry = command("run", *common, "--dry-run", cache=tmp_path / "cache")
    assert dry.returncode == 0, dry.stderr
    assert says in dry.stdout
    assert "epochs" in dry.stdout
    done = command("run", *common, "--json", cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert says in done.stderr
    document = json.loads(done.stdout)
    assert [run["state"] for run in document["runs"]] == ["finished"] * 4
    assert all(run["loss"] > 0 for run in document["runs"])
    sweep = next(runs.iterdir())
    stages = command("pipeline", "a-s0", "--runs", runs, "--json", cache=tmp_path / "cache")
    assert stages.returncode == 0, stages.stderr
    recorded = json.loads((sweep / "sweep.json").read_text())["data"]
    assert json.loads(stages.stdout)["stages"][1]["count"] == recorded["train"] + recorded["held_out"]


def test_a_dry_run_says_what_is_wrong_with_the_data_in_a_line_each(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(text(15_000))
    run = command(
        "run", tiny, "--dry-run", "--set", "tokens=10_000_000", "--set", "held_out_tokens=32", cache=tmp_path / "cache"
    )
    said = [line for line in run.stdout.splitlines() if line.startswith(("data: ", "warning: "))]
    assert [line.split(": ")[1] for line in said[1:]] == ["data repeats", "held-out part too small"]
    assert said[0].endswith(" epochs")
    document = json.loads(command("run", tiny, "--dry-run", "--json", cache=tmp_path / "cache").stdout)
    assert document["data"]["train"] > 50_000
    assert document["data"]["epochs"].keys() == {"a", "b", "c", "d"}


def test_files_of_another_kind_are_counted(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text(500, seed)}) + "\n" for seed in range(200)))
    (folder / "notes.txt").write_text(text(20_000))
    run = command("run", tiny, "--dry-run", "--set", f"corpus={folder}", cache=tmp_path / "cache")
    assert "· 1 other file not read" in run.stdout, run.stderr


def test_a_vocabulary_that_is_set_takes_the_place_of_the_ladders_tokenizer(tiny: Path, tmp_path: Path) -> None:
    settings = [part for value in nanogpt(tmp_path) for part in ("--set", value)]
    tiny.write_text(tiny.read_text().replace("[corpus]", '[corpus]\ntokenizer = "byte"'))
    run = command("run", tiny, "--dry-run", *settings, cache=tmp_path / "cache")
    assert "data: 60.0k training tokens" in run.stdout, run.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["corpus=train.bin"], "holds token ids; want corpus.tokenizer that made them, found 'byte'"),
        (["corpus=train.bin", "format=text"], "at offset"),
        (["corpus=train.bin", "corpus.vocab=400"], "want less than the 400 of the vocabulary"),
        (["corpus=train.bin", "corpus.vocab=-1"], "corpus.vocab: found -1, want 0 to"),
        (["corpus=train.bin", "corpus.vocab=500", "tokenizer=gpt2"], "found together with tokenizer 'gpt2'"),
        (["corpus.vocab=500"], "corpus.vocab: goes with token ids, found text"),
        (["tokenizer=./none.json"], "none.json: cannot be read (No such file or directory)"),
        (["corpus=~no-such-user-here/a.txt"], "this user has no home folder here"),
        (["corpus=*.parquet"], "found no file that matches"),
        (["format=zip"], "corpus.format: found 'zip', want 'auto' or 'text'"),
    ],
)
def test_data_that_cannot_be_read_is_one_line(
    settings: list[str], says: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nanogpt(tmp_path)
    monkeypatch.chdir(tmp_path)
    given = [part for value in settings for part in ("--set", value)]
    run = command("run", tiny, "--dry-run", *given, cache=tmp_path / "cache")
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1), run.stderr
    assert says in run.stderr
