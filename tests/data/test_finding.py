"""Which files a path stands for: a file, a folder, a glob; and which of them are held out."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data.finding import find, is_path


def lay_out(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def read(root: Path, found: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_a_folder_is_its_data_and_not_what_describes_it(tmp_path: Path) -> None:
    lay_out(tmp_path, "b.jsonl.gz", "a.jsonl", "sub/c.ndjson", "README.md", "LICENSE", ".hidden.jsonl", ".git/x.jsonl")
    found = find(tmp_path)
    assert (found.kind, read(tmp_path, found.files)) == ("jsonl", ["a.jsonl", "b.jsonl.gz", "sub/c.ndjson"])
    assert found.left_out == 2


def test_a_folder_of_text_alone_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, find(lay_out(tmp_path, "one.txt", "two.md", "x.pdf")).files) == ["one.txt", "two.md"]
    code = lay_out(tmp_path / "code", "a.py", "b/c.py")
    assert read(code, find(code).files) == ["a.py", "b/c.py"]


def test_two_kinds_in_one_folder_are_a_question(tmp_path: Path) -> None:
    lay_out(tmp_path, "a.jsonl", "b.bin")
    with pytest.raises(InputError, match=r"found files of several kinds \(1 .jsonl, 1 .bin\), want one; give a glob"):
        find(tmp_path)
    assert read(tmp_path, find(tmp_path, "tokens").files) == ["b.bin"]
    assert read(tmp_path, find(tmp_path / "*.jsonl").files) == ["a.jsonl"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a.txt", "a2.txt"]),
        ("**/*.txt", ["a.txt", "a2.txt", "x/b.txt", "x/y/c.txt"]),
        ("x/**", ["x/b.txt", "x/y/c.txt"]),
        ("a?.txt", ["a2.txt"]),
        ("[ab][!3].txt", ["a2.txt"]),
        ("x/*/*.txt", ["x/y/c.txt"]),
    ],
)
def test_a_glob_is_the_files_that_match_it(pattern: str, names: list[str], tmp_path: Path) -> None:
    lay_out(tmp_path, "a.txt", "a2.txt", "x/b.txt", "x/y/c.txt", "d.log")
    assert read(tmp_path, find(tmp_path / pattern).files) == names


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    lay_out(tmp_path, "notes[1].txt", "notes1.txt")
    assert read(tmp_path, find(tmp_path / "notes[1].txt").files) == ["notes[1].txt"]


def test_links_lead_in_no_circle_and_no_file_is_read_twice(tmp_path: Path) -> None:
    lay_out(tmp_path, "a.txt", "deep/b.txt")
    (tmp_path / "deep" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "again.txt").symlink_to("a.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(InputError, match=r"cannot read .*self"):
        find(tmp_path)
    (tmp_path / "self").unlink()
    assert read(tmp_path, find(tmp_path).files) == ["a.txt", "deep/b.txt"]


@pytest.mark.parametrize(
    ("names", "train", "held_out"),
    [
        (["train.jsonl", "val.jsonl"], ["train.jsonl"], ["val.jsonl"]),
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "validation-00000-of-00001.parquet"],
         ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], ["validation-00000-of-00001.parquet"]),
        (["c4-train.00000-of-01024.json.gz", "c4-validation.00000-of-00008.json.gz"],
         ["c4-train.00000-of-01024.json.gz"], ["c4-validation.00000-of-00008.json.gz"]),
        (["train/data-0.txt", "test/data-0.txt"], ["train/data-0.txt"], ["test/data-0.txt"]),
        (["train.txt", "test.txt", "valid.txt"], ["train.txt"], ["valid.txt"]),
        (["fw_train_000001.bin", "fw_train_000002.bin", "fw_val_000000.bin"],
         ["fw_train_000001.bin", "fw_train_000002.bin"], ["fw_val_000000.bin"]),
        (["a_train_ride.txt", "dev notes.txt", "valley.txt"], ["a_train_ride.txt", "dev notes.txt", "valley.txt"], []),
    ],
)  # fmt: skip
def test_names_tell_the_parts(names: list[str], train: list[str], held_out: list[str], tmp_path: Path) -> None:
    found = find(lay_out(tmp_path, *names))
    assert (read(tmp_path, found.files), read(tmp_path, found.held_out)) == (train, held_out)


def test_a_name_that_tells_no_part_beside_others_that_do_is_a_question(tmp_path: Path) -> None:
    lay_out(tmp_path, "train.txt", "val.txt", "extra.txt")
    with pytest.raises(InputError, match=r"extra.txt: its name tells no part, beside train.txt and val.txt"):
        find(tmp_path)


def test_tokens_named_train_bring_those_named_val_beside_them(tmp_path: Path) -> None:
    lay_out(tmp_path, "train.bin", "val.bin", "fw_train_000001.bin", "fw_val_000000.bin", "other_val_000000.bin")
    assert read(tmp_path, find(tmp_path / "train.bin").held_out) == ["val.bin"]
    assert read(tmp_path, find(tmp_path / "fw_train_*.bin").held_out) == ["fw_val_000000.bin"]
    assert find(lay_out(tmp_path, "train.txt", "val.txt") / "train.txt").held_out == ()


@given(st.text(max_size=30))
def test_any_name_is_a_path_or_is_not(name: str) -> None:
    if is_path(name):
        with pytest.raises(InputError):
            find(Path("/nowhere-at-all") / name.lstrip("/"))
