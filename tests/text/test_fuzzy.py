"""What was typed finds what was meant, the best first."""

from hypothesis import given
from hypothesis import strategies as st

from scaling_tui.text.fuzzy import fuzzy, fuzzy_words


def order(typed: str, *texts: str) -> list[str]:
    scored = [(score, text) for text in texts if (score := fuzzy(typed, text)) is not None]
    return [text for _, text in sorted(scored, key=lambda pair: -pair[0])]


def test_the_whole_text_comes_before_its_beginning_a_word_a_part_and_scattered_letters() -> None:
    texts = ("abra", "ab", "x-ab", "xab", "a-x-b", "ba")
    assert order("ab", *texts) == ["ab", "abra", "x-ab", "xab", "a-x-b"]
    assert order("qs2", "quickstart-2", "quickstart-12", "q2") == ["quickstart-2", "quickstart-12"]
    assert order("1", "r-1", "r-21", "r1") == ["r1", "r-1", "r-21"]


@given(st.text(max_size=8), st.text(max_size=20))
def test_a_fit_holds_the_letters_in_their_order(typed: str, text: str) -> None:
    score = fuzzy(typed, text)
    if typed in text:
        assert score is not None
    if score is not None:
        rest = iter(text.casefold())
        assert all(letter in rest for letter in typed.casefold())


def test_every_word_has_to_fit_one_of_the_texts() -> None:
    assert fuzzy_words("qs fin", ("quickstart-2", "finished")) is not None
    assert fuzzy_words("qs fail", ("quickstart-2", "finished")) is None
    assert fuzzy_words("  ", ("a",)) == 0
