"""Formulas as people type them, parsed with Python's `ast` and an allow-list, and evaluated as closures.

Nothing here compiles or runs Python: the tree from `ast.parse` is translated node by node into closures over floats,
and anything not on the list is rejected with its position. Two dialects share the parser: a learner's formula may use
the question's names and a few functions; a bank's formula may also call the functions of `formulas.py`, with string
arguments.
"""

import ast
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from scaling_tui import InputError
from scaling_tui.tutor.parsing.spelling import EULER, Function, Unreadable, advice, multiplied, spelt_plainly

LONGEST = 200  # characters
MOST_NODES = 120
GREATEST_EXPONENT = 1e4

# Python 3.11 counts the depth of a tree across all threads, so two threads parsing at once sometimes fail.
PARSING = threading.Lock()


Value = float | str
_Node = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Expression:
    """A parsed formula; `names` are those it uses, `written` is the text with every sign of multiplication."""

    text: str
    names: frozenset[str]
    node: _Node = field(repr=False, compare=False)
    tree: ast.expr = field(repr=False, compare=False)
    written: str = field(default="", compare=False)

    def __call__(self, values: Mapping[str, float]) -> float:
        """Its value; nan if it has none (a division by zero, a root of a negative number, an overflow)."""
        try:
            return self.node(values)
        except InputError:
            raise  # the law code's own message says what is wrong with its input
        except (ArithmeticError, ValueError):
            return math.nan


def _log(value: float, base: float = math.e) -> float:
    return math.log(value) if base == math.e else math.log(value, base)


def power(base: float, exponent: float) -> float:
    """base ** exponent over the reals; nan for a root of a negative number or an absurd exponent."""
    if abs(exponent) > GREATEST_EXPONENT or (base < 0 and exponent != int(exponent)):
        return math.nan
    return float(base**exponent)


# Functions for a learner's formula, each with its fewest and most arguments.
BASIC: dict[str, tuple[Function, int, int]] = {
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (_log, 1, 2),
    "ln": (math.log, 1, 1),
    "log10": (math.log10, 1, 1),
    "log2": (math.log2, 1, 1),
    "abs": (abs, 1, 1),
    "min": (min, 2, 9),
    "max": (max, 2, 9),
    "pow": (power, 2, 2),
}


def parse(
    text: str,
    names: frozenset[str] | set[str],
    functions: Mapping[str, tuple[Function, int, int]] = BASIC,
    *,
    strings: bool = False,
    longest: int = LONGEST,
    after: Callable[[float], float] | None = None,
) -> Expression:
    """Parses a formula.

    Args:
        text: the formula as typed.
        names: the names it may use.
        functions: the functions it may call, each with its fewest and most arguments.
        strings: whether arguments may be quoted strings (a bank's dialect).
        longest: the most characters to accept.
        after: applied to every intermediate result.

    Raises:
        Unreadable: with the position of the error.
    """
    if not text.strip():
        raise Unreadable(text[:0], 0, "nothing given, want a formula")
    if len(text) > longest:
        raise Unreadable(text, longest, f"{len(text)} characters, want at most {longest}")
    plain, origin = spelt_plainly(text, strings)
    if not strings:
        plain, origin = multiplied(text, plain, origin, names, functions)
    try:
        with PARSING:
            tree = ast.parse(plain, mode="eval")
    except SyntaxError as error:
        at = max(0, (error.offset or 1) - 1)
        raise Unreadable(text, origin[min(at, len(origin) - 1)], advice(plain, at)) from None
    except (ValueError, MemoryError, RecursionError):
        raise Unreadable(text, 0, "nested too deeply, or a number is too long") from None
    reader = _Reader(text, origin, names, functions, strings, tree.body, after)
    node = reader.read(tree.body)
    return Expression(text, frozenset(reader.used), node, tree.body, plain)


@dataclass
class _Reader:
    text: str
    origin: list[int]
    names: frozenset[str] | set[str]
    functions: Mapping[str, tuple[Function, int, int]]
    strings: bool
    whole: ast.expr
    after: Callable[[float], float] | None
    used: set[str] = field(default_factory=set)
    nodes: int = 0

    def wrong(self, node: ast.expr, why: str) -> Unreadable:
        return Unreadable(self.text, self.origin[min(node.col_offset, len(self.origin) - 1)], why)

    def read(self, node: ast.expr) -> _Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise self.wrong(node, f"more than {MOST_NODES} parts")
        match node:
            case ast.Constant(value=bool()):
                raise self.wrong(node, "want a number here")
            case ast.Constant(value=int() | float() as number):
                try:
                    constant = float(number)
                except OverflowError:
                    constant = math.inf
                if not math.isfinite(constant):
                    raise self.wrong(node, "the number is too large")
                return lambda values: constant
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.read(operand)
                return lambda values: -inner(values)
            case ast.BinOp(left=left, op=op, right=right):
                return self.intermediate(node, self.operation(node, op, self.read(left), self.read(right)))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.intermediate(node, self.call(node, name, arguments))
            case ast.Tuple(elts=[]):
                raise self.wrong(node, "there is nothing between the brackets")
            case _:
                raise self.wrong(node, f"{_WORDS.get(type(node), 'this')} is not allowed in a formula")

    def intermediate(self, node: ast.expr, computes: _Node) -> _Node:
        after = self.after
        if after is None or node is self.whole:
            return computes
        return lambda values: after(computes(values))

    def name(self, node: ast.expr, name: str) -> _Node:
        if name in self.functions and name not in self.names:
            raise self.wrong(node, f"{name} is a function: write {name}(…)")
        if name == EULER and name not in self.names and not self.strings:
            return lambda values: math.e
        if name not in self.names:
            known = ", ".join(sorted(self.names, key=str.lower)) or "none"
            raise self.wrong(node, f"{name!r} is not a name of this question (names: {known})")
        self.used.add(name)
        return lambda values: values[name]

    def operation(self, node: ast.expr, op: ast.operator, left: _Node, right: _Node) -> _Node:
        match op:
            case ast.Add():
                return lambda values: left(values) + right(values)
            case ast.Sub():
                return lambda values: left(values) - right(values)
            case ast.Mult():
                return lambda values: left(values) * right(values)
            case ast.Div():
                return lambda values: left(values) / right(values)
            case ast.Pow():
                return lambda values: power(left(values), right(values))
            case ast.FloorDiv() if "floor" in self.functions:
                return lambda values: math.floor(left(values) / right(values))
            case _:
                raise self.wrong(node, "this operator is not allowed in a formula, want + - * / or **")

    def call(self, node: ast.expr, name: str, arguments: list[ast.expr]) -> _Node:
        if name not in self.functions:
            raise self.wrong(node, f"{name!r} is not a function here (known: {', '.join(sorted(self.functions))})")
        function, fewest, most = self.functions[name]
        takes_texts = self.strings and name not in BASIC
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.wrong(node, f"{name} takes {wanted} arguments, found {len(arguments)}")
        read = [self.argument(argument) if takes_texts else self.read(argument) for argument in arguments]

        def value(values: Mapping[str, float]) -> float:
            try:
                return float(function(*(argument(values) for argument in read)))
            except TypeError:
                raise self.wrong(node, f"{name} found a string, want a number") from None

        return value

    def argument(self, node: ast.expr) -> Callable[[Mapping[str, float]], Value]:
        if self.strings and isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value
            return lambda values: word
        return self.read(node)


_WORDS: dict[type[ast.expr], str] = {
    ast.Attribute: "a dot after a name",
    ast.Call: "a bracket right after this (write * to multiply)",
    ast.Tuple: "a comma outside a function",
    ast.Constant: "this",
    ast.Starred: "a star before a name",
}


def computed(line: str) -> str:
    """The expression that a line of code computes: what follows `return` or `name =`, without the comment."""
    line = line.split("#", maxsplit=1)[0].strip().rstrip(";")
    if line.startswith("return "):
        return line[7:].strip()
    name, equals, rest = line.partition("=")
    return rest.strip() if equals and name.strip().isidentifier() else line
