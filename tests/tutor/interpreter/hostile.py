"""Hostile programs: escapes, bombs, endless loops, nesting and noise, made by a seed."""

import random
import string

NAMES = ("f", "x", "y", "xs", "d", "N", "__builtins__", "__import__", "open", "eval", "exec", "math", "print", "self")
USUAL = ("f", "x", "y", "xs", "d", "N", "math", "print")
ATTRIBUTES = (
    "__class__",
    "__bases__",
    "__subclasses__",
    "__globals__",
    "__code__",
    "__dict__",
    "__mro__",
    "gi_frame",
    "f_back",
    "append",
    "format",
    "mro",
    "join",
    "sort",
    "call",
    "kind",
    "members",
    "with_traceback",
    "tb_frame",
    "real",
    "pop",
    "extend",
    "upper",
    "split",
    "keys",
    "items",
    "update",
    "setdefault",
    "insert",
    "copy",
    "to_bytes",
    "args",
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "9",
    "10**9",
    "2**4000",
    "1e308",
    "1e-320",
    "10**10000",
    "0.5",
    "1j",
    "True",
    "float('nan')",
)
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "@",
    "<",
    "==",
    "!=",
    "in",
    "not in",
    "is",
    "and",
    "or",
)
BOMBS = (
    "def f(x):\n    while True: pass",
    "def f(x):\n    while True: x = x * 2 + 1",
    "def f(x):\n    return 9**9**9**9",
    "def f(x):\n    xs = [0]\n    while True: xs = xs + xs",
    "def f(x):\n    xs = [0]\n    while True: xs += xs",
    "def f(x):\n    xs = [1]\n    for x in xs: xs.append(x)",
    "def f(x):\n    xs = []\n    xs.append(xs)\n    return xs == [xs], str(xs)",
    "def f(x):\n    a = b = (1,)\n    for i in range(90):\n        a = (a, a)\n        b = (b, b)\n    return a == b",
    "def f(x):\n    a = (1,)\n    for i in range(90): a = (a, a)\n    return {a: 1}",
    "def f(x):\n    a = (1,)\n    for i in range(90): a = (a, a)\n    d = {}\n    d |= [(a, 1)]\n    return d",
    "def f(x):\n    a = (1,)\n    for i in range(90): a = (a, a)\n    return repr(a), print(a), str(a)",
    "def f(x):\n    a = (1,)\n    for i in range(90): a = (a, a)\n    raise ValueError(a)",
    "def f(x):\n    a = []\n    for i in range(9000): a = [a]\n    return a < [a], a == [a], a",
    "def f(x):\n    return f(x)",
    "def f(x):\n    return (lambda g: g(g))(lambda g: g(g))",
    "def f(x):\n    return 'a' * 10**9",
    "def f(x):\n    return [0] * 10**9",
    "def f(x):\n    return 1 << 10**9",
    "def f(x):\n    return list(range(10**9))",
    "def f(x):\n    return sum(range(10**12))",
    "def f(x):\n    return 1.5 in range(10**12)",
    "def f(x):\n    return max(range(10**12)), sorted(range(10**12))",
    "def f(x):\n    return '%1000000000d' % 1",
    "def f(x):\n    return round(5, -10**9), round(5.0, 10**9)",
    "import math\ndef f(x):\n    return math.factorial(10**9)",
    "import math\ndef f(x):\n    return math.prod([2**4000] * 9999)",
    "def f(x):\n    return ''.join(['a' * 9999] * 9999)",
    "def f(x):\n    return str(2**4000) * 9, int('9' * 9999)",
    "def f(x):\n    return {i * (2**61 - 1): i for i in range(10**6)}",
    "def f(x):\n    return [[[0 for i in range(999)] for j in range(999)] for k in range(999)]",
    "def f(x):\n    return list(zip(*[range(10**9)] * 99))",
    "def f(x):\n    xs = ['a' * 9999] * 9999\n    return sorted(xs) == sorted(xs)",
    "def f(x):\n    s = 'a'\n    while True: s += s",
    "def f(x):\n    print('a' * 9999)\n    return f(x)",
    "def f(x):\n    xs = [3, 1, 2]\n    return sorted(xs, key=lambda y: xs.append(y))",
    "def f(x):\n    return map(f, map(f, [1])), filter(f, [1])",
    "def f(x):\n    d = {}\n    for i in range(10**9): d[i] = d",
    "def f(x, y=[]):\n    y.append(y)\n    while y: y.extend(y)",
    "x = 2**4000\nwhile x: x = x * 2 % 7**1400",
    "raise KeyError([1])",
    "raise f",
    "raise Exception",
    "assert 0, f",
    "import math as f",
    "from math import *",
    "def f(x):\n    return ().__class__.__bases__[0].__subclasses__()",
    "def f(x):\n    return f.__globals__",
    "def f(x):\n    return print.call",
    "def f(x):\n    return math",
    "import os",
    "from os import system",
    "__import__('os').system('true')",
    "open('/etc/passwd')",
    "eval('1')",
    "exec('1')",
    "class A: pass",
    "@f\ndef f(x): pass",
    "def f(*x): pass",
    "def f(**x): pass",
    "global x",
    "del x",
    "try:\n    pass\nexcept: pass",
    "with f: pass",
    "async def f(x): await f",
    "def f(x): yield x",
    "f'{f}'",
    "b'x'",
    "def f(x):\n    return 'a'.format",
    "def f(x):\n    return (1).to_bytes(10**9, 'big')",
    "x: f = 1",
    "lambda: (yield)",
    "match f:\n    case _: pass",
    "[*f]",
    "f(*f)",
    "f(**f)",
    "{**f}",
    "f.x = 1",
    "f[:] = f",
    "(f := f)",
    "\0",
    "\ud800",
)


def program(seed: int) -> str:
    """A hostile program."""
    rng = random.Random(seed)
    match rng.randrange(20):
        case 0:
            return "".join(rng.choices(string.printable, k=rng.randrange(200)))
        case 1:
            return "".join(chr(rng.randrange(0x250)) for _ in range(rng.randrange(80)))
        case 2 | 3:
            return _damaged(rng.choice(BOMBS), rng)
        case 4:
            return "def f(x):\n    return " + _deep(rng)
        case 5 | 6:
            return rng.choice(BOMBS)
    known = "import math\nx, y, xs, d, N = 3, 0.5, [1, 2], {1: 2}, 10**6"
    return "\n".join(
        [known, *(_block(rng, 0, 2) if rng.random() < 0.3 else []), "def f(x):", *(_block(rng, 1, 3) or ["    pass"])]
    )


def _name(rng: random.Random) -> str:
    """A name; most are such as the interpreter reads, so that most programs run."""
    return rng.choice(NAMES if rng.random() < 0.002 else USUAL)


def _attribute(rng: random.Random) -> str:
    usual = [name for name in ATTRIBUTES if not name.startswith("__")]
    return rng.choice(ATTRIBUTES if rng.random() < 0.002 else usual)


def _damaged(text: str, rng: random.Random) -> str:
    signs = list(text)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(signs) + 1)
        match rng.randrange(3):
            case 0:
                signs.insert(at, rng.choice(string.printable))
            case 1:
                del signs[at : at + rng.randrange(1, 4)]
            case 2:
                signs[at:at] = list(rng.choice([*NAMES, *NUMBERS, *OPERATORS, "(", ")", "[", "]", ":", "\n    "]))
    return "".join(signs)


def _deep(rng: random.Random) -> str:
    many = rng.randrange(1, 900)
    before, after = rng.choice(
        [
            ("(", ")"),
            ("[", "]"),
            ("-", ""),
            ("not ", ""),
            ("{1:", "}"),
            ("f(", ")"),
            ("lambda:", ""),
            ("x[", "]"),
            ("1+", ""),
        ]
    )
    return before * many + rng.choice([*NAMES, *NUMBERS]) + after * many


def _block(rng: random.Random, depth: int, most: int) -> list[str]:
    lines: list[str] = []
    for _ in range(rng.randrange(1, most + 1)):
        pad = "    " * depth
        kind = rng.randrange(12) if depth < 4 else rng.randrange(6)
        value = _expression(rng, 3)
        match kind:
            case 0 | 1:
                lines.append(f"{pad}{_name(rng)} = {value}")
            case 2:
                lines.append(f"{pad}{_name(rng)} {rng.choice(OPERATORS[:12])}= {value}")
            case 3:
                lines.append(f"{pad}{_name(rng)}[{_expression(rng, 1)}] = {value}")
            case 4:
                lines.append(f"{pad}{'return' if depth else 'assert'} {value}")
            case 5:
                lines.append(pad + value)
            case 6:
                lines += [f"{pad}while {value}:", *_block(rng, depth + 1, 2)]
            case 7:
                lines += [f"{pad}for {_name(rng)} in {value}:", *_block(rng, depth + 1, 2)]
            case 8:
                lines += [f"{pad}if {value}:", *_block(rng, depth + 1, 2)]
            case 9:
                lines += [f"{pad}def {_name(rng)}({rng.choice(['x', 'x, y', 'x=N', ''])}):", *_block(rng, depth + 1, 2)]
            case 10:
                lines.append(
                    pad + rng.choice(["break", "continue", "pass", "import math", "raise ValueError(x)", "raise"])
                )
            case 11:
                lines.append(f"{pad}{_name(rng)}.{_attribute(rng)}({value})")
    return lines


def _expression(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice([_name(rng), _name(rng), *NUMBERS, "'ab'", "[]", "()", "{}", "None", "..."])
    one, two = _expression(rng, depth - 1), _expression(rng, depth - 1)
    name = _name(rng)
    return rng.choice(
        [
            f"({one} {rng.choice(OPERATORS)} {two})",
            f"{name}({one}, {two})",
            f"{name}({one})",
            f"[{one}, {two}]",
            f"({one}, {two})",
            f"{{{one}: {two}}}",
            f"{one}[{two}]",
            f"{one}[{two}:]",
            f"(lambda {name}: {one})",
            f"[{one} for {name} in {two}]",
            f"{{{name}: {one} for {name} in {two}}}",
            f"({one} if {two} else {one})",
            f"-({one})",
            f"({one}).{_attribute(rng)}",
            f"({one}).{_attribute(rng)}({two})",
            f"range({one})",
            f"sorted({one}, key={two})",
            f"sum({one}, {two})",
            f"({name} := {one})",
            f"list({one})",
            f"dict({one})",
            f"zip({one}, {two})",
            f"max({one}, {two})",
            f"str({one})",
            f"int({one})",
            f"round({one}, {two})",
            f"math.{rng.choice(['log', 'exp', 'prod', 'factorial', 'gcd', 'hypot', 'fsum', 'isqrt'])}({one})",
        ]
    )
