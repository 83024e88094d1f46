"""The functions, methods and parts of `math` that a learner's program may use."""

import ast
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from scaling_tui.tutor.interpreter.budget import MOST_PRINTED, Budget
from scaling_tui.tutor.interpreter.operations import (
    combined,
    equal,
    iterated,
    keyed,
    listed,
    ordered,
    written,
)

Called = Callable[[Any, list[Any]], Any]  # calls a function of the program with arguments


@dataclass(frozen=True, eq=False)
class Builtin:
    """A function that is there without being defined. `kind` is set where it is a type too."""

    name: str
    call: Callable[..., Any]
    kind: type | None = None


@dataclass(frozen=True, eq=False)
class Module:
    """`math`, as far as it is available here."""

    members: dict[str, Any]


# Errors name the type of a value, as Python names it.
Builtin.__name__ = "builtin_function_or_method"
Module.__name__ = "module"

_ERRORS = (
    ArithmeticError, AssertionError, Exception, IndexError, KeyError, NotImplementedError, OverflowError, RuntimeError,
    TypeError, ValueError, ZeroDivisionError,
)  # fmt: skip
_PLAIN_MATH = (
    "sqrt", "cbrt", "log", "log2", "log10", "log1p", "exp", "exp2", "expm1", "pow", "fabs", "floor", "ceil", "trunc",
    "isclose", "isfinite", "isinf", "isnan", "copysign", "hypot", "gcd", "fmod", "degrees", "radians", "sin", "cos",
    "tan", "atan", "tanh", "sinh", "cosh", "isqrt",
)  # fmt: skip
_MOST_FACTORIAL = 300


class Printed:
    """What a program printed, as far as it is kept."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, text: str) -> None:
        if len(self.text) < MOST_PRINTED:
            self.text = (self.text + text)[:MOST_PRINTED]


def builtins(budget: Budget, call: Called, printed: Printed) -> dict[str, Any]:  # noqa: PLR0915 - a function each
    """The names that a program finds without defining them."""

    def each(value: Any) -> Iterable[Any]:
        return iterated(value, budget)

    def total(values: Any, start: Any = 0) -> Any:
        if isinstance(start, str):
            raise TypeError("sum() can't sum strings [use ''.join(seq) instead]")
        for value in each(values):
            start = combined(ast.Add(), start, value, budget)
        return start

    def extreme(name: str, order: ast.cmpop) -> Callable[..., Any]:
        def of(*values: Any, key: Any = None, default: Any = of_nothing) -> Any:
            if not values:
                raise TypeError(f"{name} expected at least 1 argument, got 0")
            best = best_key = of_nothing
            for value in each(values[0]) if len(values) == 1 else values:
                by = value if key is None else call(key, [value])
                if best is of_nothing or ordered(order, by, best_key, budget):
                    best, best_key = value, by
            if best is of_nothing:
                if default is of_nothing:
                    raise ValueError(f"{name}() arg is an empty sequence")
                return default
            return best

        return of

    def in_order(values: Any, *, key: Any = None, reverse: Any = False) -> list[Any]:
        items = listed(values, budget)
        _sort(items, key, reverse, budget, call)
        return items

    def rounded(value: Any, digits: Any = None) -> Any:
        if isinstance(digits, int) and abs(digits) > 400:
            raise OverflowError("more digits than a number has")
        return round(value) if digits is None else round(value, digits)

    def integer(value: Any = 0) -> int:
        if isinstance(value, list | tuple | dict):
            raise TypeError(f"int() argument must be a string, a bytes-like object or a real number, not {_a(value)}")
        return int(value)

    def text(value: Any = "") -> str:
        return value if isinstance(value, str) else written(value, budget)

    def show(*values: Any, sep: Any = " ", end: Any = "\n") -> None:
        for number, value in enumerate(values):
            printed.add(("" if number == 0 else text(sep)) + text(value))
        printed.add(text(end))

    def is_a(value: Any, kinds: Any) -> bool:
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        types = [kind.kind for kind in wanted if isinstance(kind, Builtin) and kind.kind is not None]
        if len(types) < len(wanted):
            raise TypeError("isinstance() arg 2 must be a type, a tuple of types, or a union")
        return isinstance(value, tuple(types))

    def mapping(pairs: Any = (), **named: Any) -> dict[Any, Any]:
        if isinstance(pairs, dict):
            found = dict(pairs)
        else:
            found = {}
            for pair in each(pairs):
                key, value = listed(pair, budget)
                found[keyed(key)] = value
        found |= named
        budget.items(len(found))
        return found

    def length(value: Any) -> int:
        if not isinstance(value, list | tuple | dict | str | range):
            raise TypeError(f"object of type '{type(value).__name__}' has no len()")
        return len(value)

    def numbered(values: Any, start: Any = 0) -> list[Any]:
        return [(start + number, value) for number, value in enumerate(each(values))]

    def zipped(*values: Any) -> list[Any]:
        for value in values:
            each_is_iterable(value)
        return [items for items in zip(*map(each, values), strict=False)]  # noqa: C416 - mypy needs the tuple

    def each_is_iterable(value: Any) -> None:
        if not isinstance(value, list | tuple | dict | str | range):
            raise TypeError(f"'{type(value).__name__}' object is not iterable")

    def mapped(function: Any, *values: Any) -> list[Any]:
        return [call(function, list(items)) for items in zip(*map(each, values), strict=False)]

    def filtered(function: Any, values: Any) -> list[Any]:
        return [one for one in each(values) if (one if function is None else call(function, [one]))]

    def backwards(values: Any) -> list[Any]:
        return listed(values, budget)[::-1]

    of_nothing = object()
    functions: dict[str, Callable[..., Any]] = {
        "abs": abs, "round": rounded, "sum": total, "min": extreme("min", ast.Lt()), "max": extreme("max", ast.Gt()),
        "len": length, "sorted": in_order, "reversed": backwards, "enumerate": numbered, "zip": zipped,
        "any": lambda values: any(each(values)), "all": lambda values: all(each(values)), "print": show,
        "map": mapped, "filter": filtered,
        "isinstance": is_a, "divmod": divmod, "repr": lambda value: written(value, budget),
        "pow": lambda base, exponent: combined(ast.Pow(), base, exponent, budget),
    }  # fmt: skip
    found: dict[str, Any] = {name: Builtin(name, function) for name, function in functions.items()}
    kinds: tuple[tuple[type, Callable[..., Any]], ...] = (
        (int, integer), (float, float), (complex, complex), (bool, bool), (str, text), (dict, mapping), (range, range),
        (list, lambda value=(): listed(value, budget)), (tuple, lambda value=(): tuple(listed(value, budget))),
    )  # fmt: skip
    found |= {kind.__name__: Builtin(kind.__name__, make, kind) for kind, make in kinds}
    found |= {error.__name__: Builtin(error.__name__, error, error) for error in _ERRORS}
    return found


def mathematics(budget: Budget) -> Module:
    """The module `math`."""

    def product(values: Any, *, start: Any = 1) -> Any:
        for value in iterated(values, budget):
            start = combined(ast.Mult(), start, value, budget)
        return start

    def factorial(number: Any) -> int:
        if isinstance(number, int) and number > _MOST_FACTORIAL:
            raise MemoryError(f"a factorial of {number}; this exercise allows {_MOST_FACTORIAL}")
        return math.factorial(number)

    members: dict[str, Any] = {name: Builtin(name, getattr(math, name)) for name in _PLAIN_MATH}
    members |= {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "tau": math.tau}
    members |= {"prod": Builtin("prod", product), "factorial": Builtin("factorial", factorial)}
    members |= {"fsum": Builtin("fsum", lambda values: math.fsum(listed(values, budget)))}
    return Module(members)


def member(value: Any, name: str, budget: Budget, call: Called) -> Any:
    """`value.name`: something of `math`, or a method of a list, a dict or a string.

    Raises:
        AttributeError: there is none, or it is not available here.
    """
    if isinstance(value, Module):
        if name not in value.members:
            raise AttributeError(f"module 'math' has no attribute {name!r}" if not hasattr(math, name) else
                                 f"math.{name} is not available here")  # fmt: skip
        return value.members[name]
    methods: dict[str, Callable[..., Any]] = {}
    match value:
        case list():
            methods = _of_list(value, budget, call)
        case dict():
            methods = _of_dict(value, budget)
        case str():
            methods = _of_str(value, budget)
        case tuple():
            methods = {"count": _counter(value, budget), "index": _finder(value, budget)}
    if name not in methods:
        raise AttributeError(f"'{type(value).__name__}' object has no attribute {name!r} here")
    return Builtin(name, methods[name])


def _of_list(value: list[Any], budget: Budget, call: Called) -> dict[str, Callable[..., Any]]:
    def append(item: Any) -> None:
        if len(value) % 64 == 0:
            budget.items(len(value) + 1)
        value.append(item)

    def extend(items: Any) -> None:
        more = listed(items, budget)
        budget.items(len(value) + len(more))
        value.extend(more)

    def insert(place: Any, item: Any) -> None:
        budget.items(len(value) + 1)
        value.insert(place, item)

    def remove(item: Any) -> None:
        for place, one in enumerate(value):
            if one is item or equal(one, item, budget):
                del value[place]
                return
        raise ValueError("list.remove(x): x not in list")

    def pop(place: Any = -1) -> Any:
        budget.tick(len(value) // 64)
        return value.pop(place)

    def sort(*, key: Any = None, reverse: Any = False) -> None:
        items = listed(value, budget)
        _sort(items, key, reverse, budget, call)
        value[:] = items

    return {
        "append": append, "extend": extend, "insert": insert, "remove": remove, "pop": pop, "sort": sort,
        "reverse": value.reverse, "clear": value.clear, "copy": lambda: listed(value, budget),
        "count": _counter(value, budget), "index": _finder(value, budget),
    }  # fmt: skip


def _counter(value: Iterable[Any], budget: Budget) -> Callable[..., Any]:
    return lambda item: sum(1 for one in value if one is item or equal(one, item, budget))


def _finder(value: Iterable[Any], budget: Budget) -> Callable[..., Any]:
    def index(item: Any) -> int:
        for place, one in enumerate(value):
            if one is item or equal(one, item, budget):
                return place
        raise ValueError(f"{written(item, budget)} is not in {type(value).__name__}")

    return index


def _of_dict(value: dict[Any, Any], budget: Budget) -> dict[str, Callable[..., Any]]:
    def update(other: Any) -> None:
        if not isinstance(other, dict):
            raise TypeError(f"'{type(other).__name__}' object is not a dict")
        budget.items(len(value) + len(other))
        value.update(other)

    def setdefault(key: Any, default: Any = None) -> Any:
        budget.items(len(value) + 1 if keyed(key) not in value else 0)
        return value.setdefault(key, default)

    def pop(key: Any, *default: Any) -> Any:
        return value.pop(keyed(key), *default)

    return {
        "get": lambda key, default=None: value.get(keyed(key), default), "keys": lambda: listed(value, budget),
        "values": lambda: listed(list(value.values()), budget), "items": lambda: listed(list(value.items()), budget),
        "pop": pop, "setdefault": setdefault, "update": update, "clear": value.clear,
    }  # fmt: skip


def _of_str(value: str, budget: Budget) -> dict[str, Callable[..., Any]]:
    def join(parts: Any) -> str:
        texts = listed(parts, budget)
        for place, part in enumerate(texts):
            if not isinstance(part, str):
                raise TypeError(f"sequence item {place}: expected str instance, {type(part).__name__} found")
        budget.characters(sum(map(len, texts)) + len(value) * len(texts))
        return value.join(texts)

    def split(separator: Any = None) -> list[str]:
        budget.tick(len(value))
        parts = value.split(separator)
        budget.items(len(parts))
        return parts

    return {
        "join": join, "split": split, "strip": value.strip, "lower": value.lower, "upper": value.upper,
        "startswith": value.startswith, "endswith": value.endswith,
    }  # fmt: skip


def _sort(items: list[Any], key: Any, reverse: Any, budget: Budget, call: Called) -> None:
    def order(one: tuple[Any, Any], other: tuple[Any, Any]) -> int:
        if ordered(ast.Lt(), one[0], other[0], budget):
            return -1
        return 1 if ordered(ast.Lt(), other[0], one[0], budget) else 0

    keyed_items = [(item if key is None else call(key, [item]), item) for item in items]
    keyed_items.sort(key=cmp_to_key(order), reverse=bool(reverse))
    items[:] = [item for _, item in keyed_items]


def _a(value: object) -> str:
    return f"'{type(value).__name__}'"
