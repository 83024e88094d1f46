"""Formulas as people write them, respelt for `ast`: ×, ², √, Greek letters, and the products whose sign is left out."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from scaling_tui import InputError

Function = Callable[..., float]
EULER = "e"  # unless a question calls something of its own so

_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ .+-*/(),")
_SPELLINGS = {
    "^": "**", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "−": "-", "–": "-", "[": "(", "]": ")", "\t": " ",
    "{": "(", "}": ")", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "α": "alpha", "β": "beta", "√": "sqrt",
    **{subscript: str(digit) for digit, subscript in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+", strict=True))
_TOKEN = re.compile(
    r"(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>(?>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))"
    r"|(?P<power>\*\*)|(?P<space>\s+)|(?P<sign>.)"
)
_MULTIPLY = "write * to multiply"
_UNCLEAR = "write * to multiply, and brackets: after / or ^ it is not clear what belongs to it"


class Unreadable(InputError):  # noqa: N818 - names what the user wrote
    """A formula that cannot be parsed. `at` is the index of the character where parsing stopped."""

    def __init__(self, text: str, at: int, why: str) -> None:
        self.text, self.at, self.why = text, max(0, min(at, len(text))), why
        place = f"at character {self.at + 1} ({text[self.at]!r})" if self.at < len(text) else "at the end"
        super().__init__(f"formula: {why}, {place} of {text[:80]!r}")


def spelt_plainly(text: str, strings: bool) -> tuple[str, list[int]]:
    """ASCII for `ast`, and for each of its characters and its end the index in `text` it comes from."""
    out: list[str] = []
    origin: list[int] = []
    start = len(text) - len(text.lstrip())
    raised = False
    for at, character in enumerate(text[start:].rstrip(), start):
        written = _SPELLINGS.get(character, character)
        if character in _SUPERSCRIPTS:
            written = _SUPERSCRIPTS[character] if raised else "**" + _SUPERSCRIPTS[character]
        if character == "√" and text[at + 1 : at + 2] not in ("(", "[", "{"):
            written = "sqrt "
        raised = character in _SUPERSCRIPTS
        if not set(written) <= _ALPHABET and not (strings and written in "\"':"):
            raise Unreadable(text, at, f"{character!r} has no meaning in a formula")
        out.append(written)
        origin += [at] * len(written)
    return "".join(out), [*origin, len(text)]


def multiplied(
    text: str, plain: str, origin: list[int], names: Collection[str], functions: Collection[str]
) -> tuple[str, list[int]]:
    """`plain` with the signs of multiplication that people leave out: 4h, 2hf, a N, h²f, h(4h + 2f), √N.

    Args:
        text: the formula as typed, for errors.
        plain: the formula in ASCII.
        origin: for each character of `plain` and its end, the index in `text` it comes from.
        names: the names that words are split into.
        functions: the functions, whose brackets are no factors.

    Raises:
        Unreadable: a factor follows a division or a power, so what belongs to it would be a guess; or two numbers
            stand side by side.
    """
    return _Products(text, plain, origin, names, functions).written()


@dataclass
class _Products:
    """Goes through the tokens once. `unclear` tells for each open bracket whether its last operator was / or ^."""

    text: str
    plain: str
    origin: list[int]
    names: Collection[str]
    functions: Collection[str]
    out: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    unclear: list[bool] = field(default_factory=lambda: [False])
    ended: bool = False  # a value stands right before
    called: str = ""  # the function whose name stands right before
    rooted: bool = False  # inside the bracket given to a root sign that had none

    def written(self) -> tuple[str, list[int]]:
        tokens = list(_TOKEN.finditer(self.plain))
        for number, token in enumerate(tokens):
            if token["space"]:
                self.put(token[0], token.start())
                continue
            following = next((later[0] for later in tokens[number + 1 :] if not later["space"]), "")
            joined = number > 0 and tokens[number - 1]["number"] is not None
            if token["word"]:
                self.word(token, following, joined)
            elif token["number"]:
                self.number(token)
            else:
                self.operator(token)
        return "".join(self.out), [*self.places, self.origin[-1]]

    def put(self, written: str, at: int) -> None:
        self.out.append(written)
        self.places += [self.origin[at]] * len(written)

    def wrong(self, at: int, why: str) -> Unreadable:
        return Unreadable(self.text, self.origin[at], why)

    def word(self, token: re.Match[str], following: str, joined: bool) -> None:
        at = token.start()
        pieces = list(self.pieces(token[0], following))
        if joined and not pieces:
            raise self.wrong(at, _MULTIPLY)
        if pieces:
            self.factor(at)
        if len(pieces) > 1 and (self.unclear[-1] or self.rooted):
            raise self.wrong(at, _UNCLEAR)
        self.put("*".join(pieces) or token[0], at)
        function = pieces[-1] if pieces and pieces[-1] in self.functions and pieces[-1] not in self.names else ""
        self.close_root(at)
        self.ended, self.called = bool(pieces) and not function, function
        if function and self.text[self.origin[at]] == "√" and following != "(":
            self.put("(", at)
            self.rooted, self.called = True, ""

    def number(self, token: re.Match[str]) -> None:
        if self.ended:
            raise self.wrong(token.start(), _MULTIPLY)
        self.factor(token.start())
        self.put(token[0], token.start())
        self.close_root(token.start())
        self.ended = True

    def operator(self, token: re.Match[str]) -> None:
        sign, at = token[0], token.start()
        if sign == "(":
            if not self.called:
                self.factor(at)
            self.unclear.append(False)
        elif self.called:
            raise self.wrong(at, f"{self.called} is a function: write {self.called}(…)")
        elif sign == ")" and len(self.unclear) > 1:
            self.unclear.pop()
        elif token["power"]:
            # A raised digit ends where it is no longer raised.
            self.unclear[-1] = self.unclear[-1] or self.text[self.origin[at]] not in _SUPERSCRIPTS
        elif sign == "/":
            self.unclear[-1] = True
        elif sign in ("*", ",") or (sign in ("+", "-") and self.ended):
            self.unclear[-1] = False
        self.put(sign, at)
        self.ended, self.called = sign == ")", ""

    def factor(self, at: int) -> None:
        """A value begins: multiplies it with the one right before, if there is one."""
        if self.called:
            raise self.wrong(at, f"{self.called} is a function: write {self.called}(…)")
        if self.ended:
            if self.unclear[-1]:
                raise self.wrong(at, _UNCLEAR)
            self.put("*", at)

    def close_root(self, at: int) -> None:
        if self.rooted:
            self.put(")", at)
            self.rooted = False

    def pieces(self, word: str, following: str) -> Iterator[str]:
        """The names that a word is a product of, the word itself if it is one; none if there is no one way."""
        if word in self.names or word in self.functions or word == EULER:
            yield word
            return
        splits: list[list[list[str]]] = [[[]]]  # for each length, two of the products that spell so much of the word
        for end in range(1, len(word) + 1):
            last = end == len(word) and following == "("
            ways = [
                [*way, word[start:end]]
                for start in range(max(0, end - 12), end)
                if word[start:end] in self.names or (last and word[start:end] in self.functions)
                for way in splits[start]
            ]
            splits.append(ways[:2])
        if len(splits[-1]) == 1:
            yield from splits[-1][0]


def advice(plain: str, at: int) -> str:
    """What is probably wrong where `ast` stopped."""
    if plain.count("(") > plain.count(")"):
        return "a bracket is not closed"
    if plain.count(")") > plain.count("("):
        return "a closing bracket has no opening one"
    before = plain[:at].rstrip()[-1:]
    if before and (before.isalnum() or before == ")") and plain[at : at + 1] not in ("", ")", ","):
        return _MULTIPLY
    return "a number, a name or a bracket is missing, or there is one too many"
