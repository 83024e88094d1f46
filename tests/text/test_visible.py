"""Text from elsewhere reaches no terminal as a command to it."""

import io
import json
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui.text.json_documents import dumps
from scaling_tui.text.visible import HARMFUL, harmless, terminal_of, visible


def test_escape_sequences_are_shown_and_text_is_left_alone() -> None:
    assert visible("\x1b]0;PWNED\x07") == "␛]0;PWNED␇"
    assert visible("\x9b31m \x7f \u202eabc") == "\\x9b31m ␡ \\u202eabc"
    assert visible("a\rb") == "a␍b"
    for text in ("naïve – 3.1 × 10⁹ ⠈⢢⡀ \n\tü 模型", "\u2068שלום\u2069"):
        assert visible(text) == text


@settings(deadline=None)
@given(st.text())
def test_whatever_the_text_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    assert not HARMFUL.search(visible(text))
    assert visible(visible(text)) == visible(text)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.floats()))
def test_json_is_harmless_and_still_the_same_document(document: dict[str, str | float]) -> None:
    text = dumps(document)
    assert not HARMFUL.search(text)
    read = json.loads(text)
    assert {key: value for key, value in read.items() if isinstance(value, str)} == {
        key: value for key, value in document.items() if isinstance(value, str)
    }


def test_streams_are_filtered_inside_the_block_and_themselves_again_after_it(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    raw = io.BytesIO()
    own = io.TextIOWrapper(raw, encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", own)
    with harmless():
        print("bad \x1b[31m")
        terminal_of(sys.stdout).write("\x1b[1m")
        terminal_of(sys.stdout).flush()
        print("end")
    print("\x1b after", flush=True)
    assert sys.stdout is own
    assert raw.getvalue().decode() == "bad ␛[31m\n\x1b[1mend\n\x1b after\n"
