"""What is said of the data of a ladder: epochs, repeats, the vocabulary, the precision of the held-out loss."""

import math
from pathlib import Path

import numpy as np
import pytest

from scaling_tui.data import held_out
from scaling_tui.data.precision import standard_error
from scaling_tui.sweeps.data_check import DataCheck
from scaling_tui.sweeps.ladder import ladders, load_ladder
from scaling_tui.sweeps.preflight import check_ladder

WORDS = "the cat sat on the mat and the dog sat on the log while the bird sang of fog"


def text(size: int) -> str:
    words = np.random.default_rng(0).choice(WORDS.split(), size // 4)
    return " ".join(words)[:size]


def checked(tiny: Path, size: int, *settings: str) -> DataCheck:
    (tiny.parent / "words.txt").write_text(text(size))
    return check_ladder(load_ladder(str(tiny), settings), "cpu").data


def test_enough_data_is_no_warning(tiny: Path) -> None:
    data = checked(tiny, 200_000, "held_out_tokens=20_000")
    assert (data.train, data.held_out, data.documents, data.warnings) == (180_000, 20_000, 1, ())
    assert data.epochs["d"] == pytest.approx(4096 / 180_000, rel=0.01)
    assert data.evaluated == pytest.approx(20_000, abs=32)


def test_repeated_data_is_a_warning_with_what_it_is_worth(tiny: Path) -> None:
    data = checked(tiny, 303_000, "rungs.d.tokens=10_000_000", "held_out_tokens=20_000")
    assert len(data.warnings) == 1
    assert data.warnings[0].startswith("data repeats: d reads 10.0M tokens, 36.7 times the 273k that there are")
    worth = 272_700 * (1 + 15.387756 * (1 - math.exp(-35.67 / 15.387756)))
    assert f"worth about {worth / 1e6:.2f}M fresh ones" in data.warnings[0]


def test_repeats_that_a_ladder_asks_for_are_none(tiny: Path) -> None:
    data = checked(tiny, 200_000, "unique_tokens=512", "held_out_tokens=20_000")
    assert data.epochs["a"] == 8
    assert not data.warnings


def test_a_vocabulary_that_dwarfs_the_text_is_a_warning(tiny: Path) -> None:
    data = checked(tiny, 30_000, "tokenizer=bpe-4096", "held_out_tokens=2_000")
    assert [line for line in data.warnings if line.startswith("vocabulary too large: ")]
    assert not [line for line in checked(tiny, 30_000).warnings if "vocabulary" in line]


def test_a_held_out_part_that_measures_too_roughly_is_a_warning_with_its_remedy(tiny: Path) -> None:
    (warning,) = checked(tiny, 200_000, "held_out_tokens=64").warnings
    assert warning.startswith("held-out part too small: over 64 tokens the loss has a standard error of ")
    assert "from its spread over windows under token frequencies alone" in warning
    wanted = warning.split("training.held_out_tokens = ")[1]
    assert not checked(tiny, 200_000, f"held_out_tokens={int(wanted) * 4}").warnings
    (warning,) = checked(tiny, 2_000, "tokens=512").warnings
    assert warning.endswith("a larger text")


def test_one_window_tells_nothing_of_its_precision(tiny: Path) -> None:
    data = checked(tiny, 200_000, "held_out_tokens=16")
    assert data.standard_error is None
    assert "are one window, so nothing tells how precise" in data.warnings[0]


def test_the_standard_error_is_how_far_such_means_really_scatter() -> None:
    rng = np.random.default_rng(3)
    p = np.arange(1, 65.0) ** -1
    ids = rng.choice(64, 4_000_000, p=p / p.sum()).astype(np.uint16)
    train, rest = ids[:500_000], ids[500_000:]
    losses = -np.log(np.bincount(train, minlength=64) / len(train))
    parts = [held_out(part, 16, 3200) for part in np.array_split(rest, 200)]
    means = [losses[part[:, 1:]].mean() for part in parts]
    scatter = np.std(means, ddof=1) / np.mean(means)
    assert standard_error(train, parts[0], 64) == pytest.approx(scatter, rel=0.2)


@pytest.mark.parametrize("name", ["quickstart", "budgets", "isoflop", "repeat", "known-law", "emergence"])
def test_the_ladders_that_come_with_the_program_have_data_enough(name: str) -> None:
    assert name in [path.stem for path in ladders()]
    assert check_ladder(load_ladder(name), "cpu").data.warnings == ()
