"""How well what was typed fits a text: as one types, in every list that filters."""

from collections.abc import Sequence

_EXACT, _BEGINS, _WORD, _INSIDE, _SCATTERED = 1000, 800, 600, 400, 200


def fuzzy(typed: str, text: str) -> int | None:
    """How well `typed` fits `text`, the higher the better; None where it does not.

    Best is the whole text, then its beginning, the beginning of a word, any part; last, letters in their order with
    others between, the first of them at the beginning of a word. Upper and lower case make no difference.
    """
    wanted, found = typed.casefold(), text.casefold()
    if not wanted:
        return 0
    if wanted == found:
        return _EXACT
    at = found.find(wanted)
    if at == 0:
        return _BEGINS - min(len(found), 99)
    starts = _word_starts(found)
    if at > 0:
        best = next((start for start in starts if found.startswith(wanted, start)), None)
        return (_INSIDE if best is None else _WORD) - min(at if best is None else best, 99)
    gaps = [gap for start in starts if found[start] == wanted[0] and (gap := _gaps(wanted, found, start)) is not None]
    return _SCATTERED - min(*gaps, 199) if gaps else None


def _word_starts(text: str) -> list[int]:
    return [
        at
        for at, one in enumerate(text)
        if one.isalnum() and (at == 0 or not text[at - 1].isalnum() or one.isdigit() != text[at - 1].isdigit())
    ]


def _gaps(wanted: str, text: str, start: int) -> int | None:
    """How many letters lie between those wanted, from `start` on; None where one is missing."""
    at = start
    for one in wanted[1:]:
        at = text.find(one, at + 1)
        if at < 0:
            return None
    return at - start + 1 - len(wanted)


def fuzzy_words(typed: str, texts: Sequence[str]) -> int | None:
    """How well the words of `typed` fit `texts`: each word has to fit one of them; None where it does not."""
    total = 0
    for word in typed.split():
        found = max((fit for text in texts if (fit := fuzzy(word, text)) is not None), default=None)
        if found is None:
            return None
        total += found
    return total
