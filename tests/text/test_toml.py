"""TOML that is written is read as the document it was written of, whatever its texts hold."""

from typing import Any

import tomli
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui.text.toml import toml_text
from scaling_tui.text.visible import HARMFUL

texts = st.text(st.characters(exclude_categories=["Cs"]))
plain = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10)


@given(st.dictionaries(texts, values))
def test_a_document_comes_back(document: dict[str, Any]) -> None:
    text = toml_text(document)
    assert tomli.loads(text) == document
    assert not HARMFUL.search(text)


def test_a_ladder_is_written_as_people_write_one() -> None:
    text = toml_text({
        "summary": "two\nlines",
        "corpus": {"name": "stdlib", "parameters": {"noise": 0.02}},
        "rungs": [{"name": "a", "lr": 1e-3}, {"name": "b", "lr": None}],
    })  # fmt: skip
    assert text == (
        'summary = """\ntwo\nlines"""\n\n[corpus]\nname = "stdlib"\n\n[corpus.parameters]\nnoise = 0.02\n\n'
        '[[rungs]]\nname = "a"\nlr = 0.001\n\n[[rungs]]\nname = "b"\n'
    )


def test_what_toml_cannot_hold_is_left_out_or_replaced() -> None:
    assert tomli.loads(toml_text({"a": None, "b": "\ud800"})) == {"b": "\ufffd"}
