"""The interpreter does what Python does, says what Python says, and cannot be led out of its budget."""

import contextlib
import io
import math
import time
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tutor.interpreter.budget import Budget
from scaling_tui.tutor.interpreter.machine import Outcome, call
from scaling_tui.tutor.interpreter.source import read_program
from tests.tutor.interpreter.hostile import BOMBS, program


def run(source: str, *arguments: Any, steps: int = 100_000, function: str = "f") -> Outcome:
    return call(read_program(source), function, arguments, Budget(steps))


PROGRAMS = [
    "def f(x):\n    return x**-0.5 + 3*x % 7 - x//2",
    "import math\ndef f(x):\n    return math.log(x) + math.exp(-x) + math.pi",
    "from math import sqrt as root\ndef f(x):\n    return root(x)",
    "def f(x, *, k=2):\n    def g(y): return y*k\n    return g(x) + g(y=x)",
    "def f(x):\n    low, high = 0.0, x\n    for _ in range(60):\n        mid = (low + high)/2\n"
    "        if mid*mid < 2: low = mid\n        else: high = mid\n    return low",
    "def f(x):\n    xs = [i*i for i in range(9) if i % 2]\n    xs[0] += 5\n    xs.append(x)\n"
    "    return sorted(xs)[::-1], sum(xs)",
    "def f(x):\n    d = {'a': 1, 'b': [x]}\n    d['c'] = d.get('z', 3)\n"
    "    return {k: v for k, v in d.items()}, len(d), 'a' in d",
    "def f(x):\n    i = 0\n    while True:\n        i += 1\n        if i == 3: continue\n"
    "        if i > 5: break\n    else:\n        i = 99\n    return i",
    "def f(x):\n    for i in range(3): pass\n    else: i += 10\n    return i",
    "def f(x):\n    return [(a, b) for a in range(3) for b in range(a) if a + b > 1], (y := 5) + y",
    "def f(x):\n    return 1 < x < 10 or None, not x, -x, +x, x if x > 1 else -x",
    "def f(x):\n    fs = [lambda: i for i in range(3)]\n    return [g() for g in fs], (lambda a, b=2: a*b)(x)",
    "def f(x):\n    a, (b, c) = 1, (2, 3)\n"
    "    return a, b, c, min([3, 1, 2]), max(1, x, key=lambda v: -v), any([0, x]), all([])",
    "def f(x):\n    return f(x - 1) + 1 if x > 0 else 0",
    "def f(x):\n"
    "    return list(zip([1, 2], 'ab')), list(enumerate('ab', 1)), list(map(abs, [-1, 2])), ' '.join(['a', 'b'])",
    "def f(x):\n"
    "    return (-8)**0.5, 7//-2, -7 % 3, 2**100, True + 1, round(2.567, 2), round(2.5), int('12'), float('1e3')",
    "def f(x):\n    print('x is', x, sep='=')\n    return 'x' * 3, 'abc'[1], 'abc'[-2:], [1, 2] < [1, 3], (1,) + (2,)",
    "def f(x: float) -> float:\n    y: float = x\n    return y",
    # and those that fail
    "def f(x):\n    return x / 0",
    "def f(x):\n    return 1 // 0",
    "def f(x):\n    return y",
    "def f(x):\n    y = y + 1",
    "def f(x):\n    if x < 0:\n        z = 1\n    return z",
    "def f(x):\n    return [1][5]",
    "def f(x):\n    return {}['k']",
    "def f(x):\n    return f()",
    "def f(x):\n    return f(1, 2)",
    "def f(x):\n    return f(1, y=2)",
    "def f(x):\n    return f(1, x=2)",
    "def f(x, y, z, w):\n    pass",
    "def f(x):\n    return x()",
    "def f(x):\n    return x[0]",
    "def f(x):\n    return len(x)",
    "def f(x):\n    return 'a' + 1",
    "def f(x):\n    return x^2.0",
    "def f(x):\n    return 10.0**400",
    "def f(x):\n    a, b = 1, 2, 3",
    "def f(x):\n    a, b = [1]",
    "def f(x):\n    a, b = x",
    "def f(x):\n    for i in x: pass",
    "def f(x):\n    raise ValueError('no')",
    "def f(x):\n    assert x < 0, 'small'",
    "import math\ndef f(x):\n    return math.log(-1)",
    "import math\ndef f(x):\n    return math.sqrt('a')",
    "def f(x):\n    return {[1]: 2}",
    "def f(x):\n    return min([])",
    "def f(x):\n    return int('a')",
    "def f(x):\n    return sum(['a'])",
    "def f(x):\n    return (1, 2)[0] < 'a'",
    "def f(x):\n    return 1 in 5",
    "def f(x):\n    return (x +\n        x +\n        None)",
    "def g(y):\n    return y/0\n\ndef f(x):\n    return 1 + g(\n        x)",
    "def f(x):\n    (1)[0] = 2",
    "def f(x):\n    x = (1, 2)\n    x[0] = 3",
    "def f(x):\n    return -[]",
    "def f(x):\n    return [].index(3)",
    "def f(x):\n    return sorted([1, 'a'])",
    "def f(x):\n    return math.pi",
    "f = 3",
    "def f(x):\n    return lambda: q\n\nf(1)()",
    "def f(x):\n    return 2**-1, 0**-1",
    "def f(x):\n    raise KeyError",
]


def python(source: str, argument: Any) -> tuple[Any, tuple[str, str, int] | None, str]:
    """What Python makes of a program of our own above: value, error with its line, and what was printed."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            names: dict[str, Any] = {}
            exec(compile(source, "answer", "exec"), names)
            return names["f"](argument), None, printed.getvalue()
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "answer"]
        return None, (type(error).__name__, str(error), (lines[-1] or 0) if lines else 0), printed.getvalue()


@pytest.mark.parametrize("source", PROGRAMS)
@pytest.mark.parametrize("argument", [4, 2.5])
def test_it_does_what_python_does(source: str, argument: float) -> None:
    value, error, printed = python(source, argument)
    outcome = run(source, argument)
    assert outcome.printed == printed
    if error is None:
        assert outcome.failure is None, outcome.failure
        assert outcome.value == value
        return
    assert outcome.failure is not None
    if error[2] == 0:  # the call itself failed, which is no line of the program
        assert (outcome.failure.kind, outcome.failure.message) == error[:2]
        return
    assert (outcome.failure.kind, outcome.failure.message, outcome.failure.line) == error
    assert outcome.failure.text.endswith(f"{error[0]}: {error[1]}" if error[1] else error[0])


NUMBER = st.one_of(
    st.integers(-50, 50), st.floats(allow_nan=False, allow_infinity=False, width=16).map(lambda x: round(x, 3))
)
ARITHMETIC = st.recursive(
    st.one_of(NUMBER.map(repr), st.sampled_from(["x", "y"])),
    lambda part: st.tuples(
        part, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "and", "or"]), part
    ).map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
    max_leaves=8,
)


@given(ARITHMETIC, NUMBER)
@settings(max_examples=300, deadline=None)
def test_arithmetic_is_pythons_to_the_last_bit(expression: str, x: float) -> None:
    source = f"def f(x):\n    y = x + 1\n    return {expression}"
    outcome = run(source, x)
    if outcome.failure is not None and outcome.failure.kind == "MemoryError":
        return  # Python would compute so large a number
    value, error, _ = python(source, x)
    if error is not None:
        assert outcome.failure is not None
        assert (outcome.failure.kind, outcome.failure.message) == error[:2]
    else:
        assert outcome.failure is None
        same = outcome.value == value or (math.isnan(value) and math.isnan(outcome.value))
        assert same and type(outcome.value) is type(value)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(x)\n    return x", "line 1: SyntaxError: expected ':'"),
        ("def f(x):\nreturn x", "line 2: IndentationError"),
        ("def f(x):\n    return (x", "line 2: SyntaxError: '(' was never closed"),
        ("def f(x):\n    import os\n    return x", "line 2: only math can be imported here"),
        ("def f(x):\n    return x.__class__", "line 2: __class__ is not available here"),
        ("class A:\n    pass", "line 1: class is not available here"),
        ("def f(x):\n    return f'{x}'", "an f-string is not available here"),
        ("", "nothing given"),
        ("x = 1\n" * 2000, "want at most 4000"),
    ],
)
def test_what_cannot_run_is_refused_with_its_line(source: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        read_program(source)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_indented_program_and_windows_lines_are_read() -> None:
    assert run("    def f(x):\r\n        return 2*x\r\n", 4).value == 8


def test_an_endless_loop_is_stopped_where_it_is() -> None:
    outcome = run("def f(x):\n    y = 1\n    while y:\n        y += 1\n    return y", 1)
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.function) == ("Stopped", "f")
    assert outcome.failure.line in (3, 4)
    assert "is there an endless loop?" in outcome.failure.text


def test_the_clock_stops_what_the_steps_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "thread_time", lambda: float(next(clock)))
    outcome = call(read_program("def f(x):\n    while True: pass"), "f", (1,), Budget(10**9, 5.0))
    assert outcome.failure is not None
    assert outcome.failure.text.endswith("Stopped: after 5 s; is there an endless loop?")


def test_values_keep_within_their_sizes() -> None:
    for source in ("'a'*10**9", "[0]*10**9", "2**10**9", "1 << 10**9", "list(range(10**9))", "(1,)*10**9"):
        outcome = run(f"def f(x):\n    return {source}", 1)
        assert outcome.failure is not None
        assert outcome.failure.kind == "MemoryError", source
    assert run("def f(x):\n    return 2**3000 % 7", 1).value == 2**3000 % 7


def endured(source: str, steps: int) -> Outcome | None:
    """The outcome of a hostile program; None where it is refused. Anything else that it does fails the test."""
    try:
        read = read_program(source)
    except InputError as refused:
        assert "\n" not in str(refused)
        return None
    outcome = call(read, "f", (3,), Budget(steps))
    if outcome.failure is None:
        plain(outcome.value, 0)
    else:
        assert len(outcome.failure.text) < 600
    assert len(outcome.printed) <= 2000
    return outcome


def plain(value: object, depth: int) -> None:
    """Only plain values come out: no module, type, frame or code of Python's."""
    if depth > 3:
        return
    assert (
        value is None
        or value is ...
        or isinstance(value, int | float | complex | str | list | tuple | dict | range)
        or (type(value).__module__.startswith("scaling_tui.tutor.interpreter") or isinstance(value, Exception))
    ), repr(value)
    if isinstance(value, list | tuple):
        for item in value[:5]:
            plain(item, depth + 1)


@pytest.mark.parametrize("source", BOMBS)
def test_every_bomb_is_endured_on_the_whole_budget(source: str) -> None:
    before = time.thread_time()
    endured(source, 100_000)
    assert time.thread_time() - before < 4.0  # of processor time: two are allowed


def test_hostile_programs() -> None:
    outcomes = [endured(program(seed), 3_000) for seed in range(2_000)]
    ran = [outcome for outcome in outcomes if outcome is not None]
    assert len(ran) > 500
    assert sum(outcome.failure is None for outcome in ran) > 20
    assert sum(outcome.failure is not None and outcome.failure.kind == "Stopped" for outcome in ran) > 20


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, 11))
def test_a_hundred_thousand_hostile_programs(part: int) -> None:
    for seed in range(part * 10_000, (part + 1) * 10_000):
        endured(program(seed), 3_000)


def test_nan_and_infinity_come_out_as_they_are() -> None:
    assert run("import math\ndef f(x):\n    return math.inf", 1).value == math.inf
