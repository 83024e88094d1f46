"""Formulas as people write them, respelt for `ast`: ×, ², √, Greek letters, and the products whose sign is left out."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from scaling_tui import InputError
from scaling_tui.tutor.parsing.latex import plain_latex

Function = Callable[..., float]
EULER = "e"  # unless a question calls something of its own so

_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ .+-*/(),")
_SPELLINGS = {
    "^": "**", "×": "*", "✕": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/",
    **dict.fromkeys("−–—‒﹣", "-"), "[": "(", "]": ")", "{": "(", "}": ")", "√": "sqrt", "\u200b": "", "\ufeff": "",
    **dict.fromkeys("\t\r\n\u00a0\u2007\u2009\u202f", " "), "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta",
    **{subscript: str(digit) for digit, subscript in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if chr(code) not in "^[]{}"},  # full width
}  # fmt: skip
_SUPERSCRIPTS = {
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁽⁾", "0123456789-+()", strict=True)),
    **dict(zip("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", "abcdefghijklmnoprstuvwxyz", strict=True)),
    **dict(zip("ᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ", "ABDEGHIJKLMNOPRTUVW", strict=True)),
    "ᵅ": "alpha", "ᵝ": "beta",
}  # fmt: skip
_AROUND = "$`'\" \t\r\n\u00a0\u200b\ufeff"  # what stands around a formula that was copied
_AFTER = _AROUND + ".;,"
_MODULE = re.compile(r"(?<![\w.\\])(?:math|np|numpy)\.(?=[a-z])")
_TOKEN = re.compile(
    r"(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>(?>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))"
    r"|(?P<power>\*\*)|(?P<space>\s+)|(?P<sign>.)"
)
_LOGARITHMS = ("ln", "log", "log2", "log10")
_JOINED = {"log_e": "ln"}
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
    start = len(text) - len(text.lstrip() if strings else text.lstrip(_AROUND))
    shown = text.rstrip() if strings else text.rstrip(_AFTER)
    characters = list(enumerate(shown[start:], start))
    if not strings:
        prefixes = {place for match in _MODULE.finditer(shown) for place in range(*match.span())}
        characters = [(at, character) for at, character in characters if at not in prefixes]
        if "\\" in shown:
            characters = plain_latex(shown, start)
    raised = False
    for place, (at, character) in enumerate(characters):
        written = _SPELLINGS.get(character, character)
        if character in _SUPERSCRIPTS:
            written = _SUPERSCRIPTS[character] if raised else "**" + _SUPERSCRIPTS[character]
        following = characters[place + 1][1] if place + 1 < len(characters) else ""
        if character == "√" and following not in ("(", "[", "{"):
            written = "sqrt "
        raised = character in _SUPERSCRIPTS
        if not set(written) <= _ALPHABET and not (strings and written in "\"':"):
            raise Unreadable(text, at, f"{character!r} has no meaning in a formula")
        out.append(written)
        origin += [at] * len(written)
    plain = "".join(out)
    blank = 0 if strings else len(plain) - len(plain.lstrip())
    return plain[blank:], [*origin[blank:], len(text)]


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
    rooted: bool = False  # inside the bracket given to a function that had none: √N, ln 2
    applied: str = ""  # the function whose given bracket ended right before
    logarithm: str = ""  # that function, where it is a logarithm
    number_last: bool = False  # the last value was a number
    raising: bool = False  # right after ^
    before_power: bool = False  # whether it was unclear before that
    exponents: list[bool | None] = field(default_factory=lambda: [None])  # the same for each open bracket after ^

    def written(self) -> tuple[str, list[int]]:
        tokens = list(_TOKEN.finditer(self.plain))
        for number, token in enumerate(tokens):
            if token["space"]:
                self.put(token[0], token.start())
                continue
            following = next((later[0] for later in tokens[number + 1 :] if not later["space"]), "")
            joined = number > 0 and tokens[number - 1]["number"] is not None
            if self.is_times(token, joined):
                self.operator(token, "*")
            elif token["word"]:
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

    def is_times(self, token: re.Match[str], joined: bool) -> bool:
        """Whether a word is the sign of multiplication: 4 x h x f."""
        return token[0] in ("x", "X") and token[0] not in self.names and self.ended and not joined

    def word(self, token: re.Match[str], following: str, joined: bool) -> None:
        at = token.start()
        logarithm = token[0][:2] == "ln" and token[0] not in self.names and "ln" in self.functions
        if logarithm and (token[0][2:].isdigit() or token[0][2:] in self.names):  # ln2, lnN
            self.factor(at)
            self.put(f"ln({token[0][2:]})", at)
            self.number_last, self.raising = token[0][2:].isdigit(), False
            self.ended, self.applied, self.unclear[-1] = True, "ln", True
            return
        pieces = list(self.pieces(token[0], following))
        if joined and not pieces:
            raise self.wrong(at, _MULTIPLY)
        if pieces:
            self.factor(at)
        if len(pieces) > 1 and (self.unclear[-1] or self.rooted):
            raise self.wrong(at, _UNCLEAR)
        self.put("*".join(pieces) or token[0], at)
        function = pieces[-1] if pieces and pieces[-1] in self.functions and pieces[-1] not in self.names else ""
        if function and self.rooted:
            raise self.wrong(at, f"brackets are missing: write {self.logarithm or 'sqrt'}(…)")
        self.number_last = self.raising = False
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
        self.number_last, self.raising = True, False
        self.close_root(token.start())
        self.ended = True

    def operator(self, token: re.Match[str], written: str = "") -> None:
        sign, at = written or token[0], token.start()
        if sign == "(":
            if not self.called:
                self.factor(at)
            self.exponents.append(self.before_power if self.raising else None)
            self.unclear.append(False)
        elif self.called:
            raise self.wrong(at, f"{self.called} is a function: write {self.called}(…)")
        elif self.applied and (token["power"] or (sign == "/" and not self.number_last)):
            raise self.wrong(at, f"brackets are missing: write {self.applied}(…)")
        elif sign == ")" and len(self.unclear) > 1:
            self.unclear.pop()
            before = self.exponents.pop()
            if before is not None:  # an exponent in brackets ends with them
                self.unclear[-1] = before
        elif token["power"]:
            # A raised digit ends where it is no longer raised.
            self.before_power = self.unclear[-1]
            self.unclear[-1] = self.unclear[-1] or self.text[self.origin[at]] not in _SUPERSCRIPTS
        elif sign == "/":
            self.unclear[-1] = True
        elif sign in ("*", ",") or (sign in ("+", "-") and self.ended):
            self.unclear[-1] = False
        self.put(sign, at)
        self.raising = bool(token["power"]) or (self.raising and sign in ("+", "-"))
        self.ended, self.called, self.applied = sign == ")", "", ""

    def factor(self, at: int) -> None:
        """A value begins: multiplies it with the one right before, if there is one."""
        if self.called in _LOGARITHMS:
            self.put("(", at)
            self.rooted, self.logarithm, self.called = True, self.called, ""
        elif self.called:
            raise self.wrong(at, f"{self.called} is a function: write {self.called}(…)")
        if self.ended:
            if self.unclear[-1]:
                raise self.wrong(at, _UNCLEAR)
            self.put("*", at)

    def close_root(self, at: int) -> None:
        if self.rooted:
            self.put(")", at)
            self.applied, self.logarithm, self.rooted = self.logarithm, "", False
            self.unclear[-1] = self.unclear[-1] or bool(self.applied)

    def pieces(self, word: str, following: str) -> Iterator[str]:
        """The names that a word is a product of, the word itself if it is one; none if there is no one way."""
        if word in self.names or word in self.functions or word == EULER:
            yield word
            return
        cased = [name for name in self.names if len(name) > 2 and name.lower() == word.lower()]
        if len(cased) == 1:  # Alpha
            yield cased[0]
            return
        joined = _JOINED.get(word, word.replace("_", ""))
        if joined in self.names or (joined in self.functions and following == "("):  # N_1, log_2(…)
            yield joined
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
