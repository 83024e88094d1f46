"""A typed formula is a function of the question's names and nothing else, whatever is typed."""

import ast
import gc
import math
import random
import sys
import time

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.parsing.expressions import BASIC, LONGEST, parse
from scaling_tui.tutor.parsing.spelling import Unreadable

NAMES = frozenset(("a", "b", "c", "d", "N", "D", "alpha"))
VALUES = {"a": 1.0, "b": 0.5, "c": 1.0, "d": 0.3, "N": 1000.0, "D": 10000.0, "alpha": 0.34}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a*N**-b + c*D**-d", 0.0947185110497),
        ("a*N^-b + c*D^-d", 0.0947185110497),
        ("a/N^b + c/D^d", 0.0947185110497),
        ("c·D^(−d) + a×N^(−b)", 0.0947185110497),
        ("a*exp(-b*ln(N)) + c*exp(-d*log(D))", 0.0947185110497),
        ("N²", 1e6),
        ("N⁻¹", 1e-3),
        ("√(N)", math.sqrt(1000)),
        ("α", 0.34),
        ("log(D, 10)", 4.0),
        ("-N**2", -1e6),
        ("2**3**2", 512.0),
        ("2N", 2000.0),
        ("a N^-b + c D^-d", 0.0947185110497),
        ("2aN", 2000.0),
        ("N(3 + b)", 3500.0),
        ("(a + b)(c + d)", 1.95),
        ("N²D", 1e10),
        ("Nlog(D, 10)", 4000.0),
        ("2√N", 2 * math.sqrt(1000)),
        ("√(N)", math.sqrt(1000)),
        ("e^(-bd)", math.exp(-0.15)),
        ("2e^-b", 2 * math.exp(-0.5)),
        ("2e3", 2000.0),
        ("N^{-b}", 1000**-0.5),
        ("log₁₀(D)", 4.0),
        ("-2N^2", -2e6),
        ("alphaN", 340.0),
        (r"\frac{a}{N^b} + \frac{c}{D^{d}}", 0.0947185110497),
        (r"$a \cdot N^{-b} + c\, D^{-d}$", 0.0947185110497),
        (r"\left(\frac{1}{\alpha}\right)^2", 0.34**-2),
        ("N⁻ᵇ", 1000**-0.5),
        ("N⁻ᵅ", 1000**-0.34),
        ("N^Alpha", 1000**0.34),
        ("a∕N^b", 1000**-0.5),
        ("pow(N, -b)", 1000**-0.5),
        ("math.sqrt(N)", math.sqrt(1000)),
        ("ln N", math.log(1000)),
        ("ln2", math.log(2)),
        ("2 ln 2", 2 * math.log(2)),
        ("ln(N) - ln D", math.log(0.1)),
        ("ln 2/ln 10", math.log10(2)),
        ("N^(1/b) D", 1e10),
        ("2 x N x D", 2e7),
        ("`N + D`;", 11000.0),
    ],
)
def test_reads_formulas(text: str, value: float) -> None:
    assert parse(text, NAMES)(VALUES) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["1/(N-N)", "(0-N)**b", "N**N**N", "exp(N*D)", "log(0)", "9**9**9**9"])
def test_what_has_no_value_is_nan(text: str) -> None:
    assert math.isnan(parse(text, NAMES)(VALUES))


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("", 0, "nothing given"),
        ("2 3", 2, "write * to multiply"),
        ("N 3", 2, "write * to multiply"),
        ("1_0", 1, "write * to multiply"),
        ("0x1F", 1, "write * to multiply"),
        ("1/2N", 3, "not clear what belongs to it"),
        ("a/N(D)", 3, "not clear what belongs to it"),
        ("a*N^-b(c)", 6, "not clear what belongs to it"),
        ("N^2D", 3, "not clear what belongs to it"),
        ("N^aD", 2, "not clear what belongs to it"),
        ("√Nb", 1, "not clear what belongs to it"),
        ("N4", 0, "is not a name"),
        ("exp N", 4, "write exp("),
        ("log N^2", 5, "write log("),
        ("a()", 1, "nothing between the brackets"),
        ("sqrt", 0, "is a function"),
        ("  x + a", 2, "'x' is not a name"),
        ("a + (b", 4, "not closed"),
        ("a + b)", 5, "has no opening one"),
        ("a = 3", 2, "has no meaning"),
        ("a.real", 0, "a dot after a name"),
        ("a, b", 0, "a comma outside a function"),
        ("log()", 0, "takes 1 to 2 arguments, found 0"),
        ("1e999", 0, "too large"),
        ("True", 0, "want a number"),
        ("a if b else c", 0, "not allowed"),
        ("a // b", 0, "operator is not allowed"),
        ("__import__('os').system('id')", 11, "has no meaning"),
        ("(lambda x)", 9, ""),
        ("a" * 201, 200, "201 characters"),
        ("·".join("N" * 90), 62, "more than 120 parts"),
    ],
)
def test_refuses_and_points_at_the_character(text: str, at: int, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text, NAMES)
    assert why in caught.value.why
    assert caught.value.at == at
    assert "\n" not in str(caught.value)


def hostile(rng: random.Random) -> str:
    """A string meant to run, to hang, to overflow or to confuse."""
    if rng.random() < 0.15:
        return "".join(
            chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x10FFFF)))) for _ in range(rng.randrange(60))
        )
    if rng.random() < 0.15:
        atoms, joints = ("N", "D", "a", "(N)", "2.5", "9e307", "-b", "log(D)", "0"), ("+", "*", "**", "/", "-")
        return rng.choice(atoms) + "".join(rng.choice(joints) + rng.choice(atoms) for _ in range(rng.randrange(40)))
    pieces = [rng.choice(PIECES) for _ in range(rng.randrange(1, 24))]
    text = rng.choice(("", " ", "")).join(pieces)
    if rng.random() < 0.2:
        text = (
            rng.choice(("(", "-", "+", "~", "not ", "[", "{", "lambda:", "N**", "log(", "9")) * rng.randrange(400)
            + text
        )
    if rng.random() < 0.2:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + chr(rng.randrange(0x3000)) + text[at:]
    return text


PIECES = [
    "N", "D", "a", "b", "alpha", "1", "2.5", "1e9", "1e-300", "9e307", "999999", "0", ".5", "1_0", "0x1F", "1j",
    "True", "None", "+", "-", "*", "/", "**", "**", "**", "//", "%", "@", "&", "|", "<<", ">>", "<", "==", ":=", "=",
    "(", ")", "[", "]", "{", "}", ",", ".", ";", ":", "'", "\"", "\\", "#", "`", "!", "?", "$", "^", "·", "×", "−",
    "²", "⁻¹", "³⁹", "α", "√", "sqrt(", "exp(", "log(", "log10(", "min(", "max(", "abs(", "__import__", "('os')",
    ".system", "eval(", "exec(", "open(", "compile(", "globals()", "lambda", "x:", "for", "in", "if", "else", "and",
    "not", "is", "await", "yield", "*args", "**kw", "f'{N}'", "b''", "N.__class__", "().__class__.__bases__[0]",
    "().__subclasses__()", "\n", "\t", "\0", "\ufeff", "ﬁ", "Ｎ", "𝐍", "＿＿import＿＿", "9**9**9", "2**2**2**2**2",
    "N**N**N", "(((((((", ")))))))", "1/0", "nan", "inf", "print(1)", "breakpoint()", "sys.exit()", "[i", "for", "i",
    "in", "N]", "a.b.c", "N(1)", "(N)(D)", "--------", "+++++", "~~~~",
]  # fmt: skip

_forbidden: list[str] = []
_armed = False


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _armed and event.partition(".")[0] in {"exec", "import", "open", "os", "subprocess", "socket", "ctypes"}:
        _forbidden.append(event)


def fuzz(count: int, seed: int) -> dict[str, float]:
    """Feeds `count` hostile strings to the parser and runs what it accepts; figures of how that went."""
    global _armed  # noqa: PLW0603 - an audit hook cannot be taken off, only disarmed
    if not hasattr(sys, "_tutor_audit"):
        sys.addaudithook(_audit)
        sys._tutor_audit = True  # type: ignore[attr-defined]
    rng = random.Random(seed)
    texts = [hostile(rng) for _ in range(count)]
    parse("a", NAMES)
    read, slowest = 0, 0.0
    _forbidden.clear()
    gc.collect()
    gc.freeze()  # what other tests left behind is not the parser's to sweep
    _armed = True
    try:
        for text in texts:
            start = time.thread_time()
            try:
                value = parse(text, NAMES)(VALUES)
                read += 1
                assert isinstance(value, float)
            except InputError as error:
                assert "\n" not in str(error) or "\n" in text[:LONGEST]
            slowest = max(slowest, time.thread_time() - start)
    finally:
        _armed = False
        gc.unfreeze()
    assert not _forbidden, _forbidden[:5]
    return {"strings": count, "read": read, "slowest_ms": 1e3 * slowest}


def test_hostile_strings_do_nothing() -> None:
    figures = fuzz(5_000, seed=1)
    print(figures)
    assert figures["slowest_ms"] < 20
    assert 50 < figures["read"] < 4_000  # the generator must reach both sides


@pytest.mark.slow
def test_a_hundred_thousand_hostile_strings_do_nothing() -> None:
    figures = fuzz(100_000, seed=2)
    print(figures)
    assert figures["slowest_ms"] < 20


def test_the_parser_neither_compiles_nor_calls_by_text() -> None:
    import scaling_tui.tutor.parsing.expressions as module

    tree = ast.parse(open(module.__file__, encoding="utf-8").read())  # noqa: SIM115, PTH123
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__", "getattr", "globals"}
    assert all(callable(function) for function, _, _ in BASIC.values())


def test_an_e_of_the_question_is_not_eulers() -> None:
    assert parse("2e", frozenset("e"))({"e": 5.0}) == 10.0


def test_a_word_that_could_be_two_products_is_no_product() -> None:
    with pytest.raises(Unreadable, match="'aab' is not a name"):
        parse("aab", frozenset(("a", "ab", "aa", "b")))


def test_signs_left_out_are_written() -> None:
    assert parse("4h²+2hf", frozenset("hf")).written == "4*h**2+2*h*f"
