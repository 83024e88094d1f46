"""What one sees while a corpus is read: a line now and then, and a bar on a terminal."""

import sys

import pytest

from scaling_tui.report import preparing as shown


def test_a_line_now_and_then_tells_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("scaling_tui.report.preparing.time.monotonic", lambda: now[0])
    with shown.preparing() as progress:
        for second in range(0, 31, 2):
            now[0] = float(second)
            progress("encoding", second + 1, 100)
        progress("waiting for another process, which is encoding", 0, 100)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "encoding the corpus: 13 %"
    assert 2 <= len(said) - 1 <= 3
    assert said[-1] == "waiting for another process, which is encoding the corpus"


def test_what_takes_no_second_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown.preparing() as progress:
        progress("reading", 5, 10)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "WORTH_SHOWING_S", -1.0)

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with shown.preparing() as progress:
        progress("reading", 5_000_000, 10_000_000)
    assert "reading the corpus" in capsys.readouterr().err
