"""Operations on the values of a learner's program: Python's own, where their cost is known before they are done."""

import ast
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from scaling_tui.tutor.interpreter.budget import MOST_BITS, Budget

MOST_NESTED = 40  # lists within each other that are compared or written
_LONGEST_TEXT = 200  # characters of a value in a message

_SIGNS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.BitOr: operator.or_, ast.BitAnd: operator.and_, ast.BitXor: operator.xor,
    ast.MatMult: operator.matmul,
}  # fmt: skip
_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd, ast.Sub: operator.isub, ast.Mult: operator.imul, ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv, ast.Mod: operator.imod, ast.Pow: operator.ipow, ast.LShift: operator.ilshift,
    ast.RShift: operator.irshift, ast.BitOr: operator.ior, ast.BitAnd: operator.iand, ast.BitXor: operator.ixor,
    ast.MatMult: operator.imatmul,
}  # fmt: skip
_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def combined(op: ast.operator, left: Any, right: Any, budget: Budget, *, in_place: bool = False) -> Any:
    """`left op right`; with `in_place` as an augmented assignment does it.

    Raises:
        MemoryError: the result would be too large.
    """
    _foreseen(op, left, right, budget)
    value = (_IN_PLACE if in_place else _SIGNS)[type(op)](left, right)
    if isinstance(value, int):
        budget.bits(value.bit_length())
    return value


def _foreseen(op: ast.operator, left: Any, right: Any, budget: Budget) -> None:
    """Refuses an operation whose result would be too large, before it is computed."""
    match op, left, right:
        case _, int(), int():
            budget.bits(_bits(op, left, right))
        case ast.Add(), str(), str():
            budget.characters(len(left) + len(right))
        case (ast.Add(), list(), list()) | (ast.Add(), tuple(), tuple()):
            budget.items(len(left) + len(right))
        case ast.Add(), list(), tuple() | range() | str() | dict():
            budget.items(len(left) + len(right))
        case ast.Mult(), str(), int():
            budget.characters(len(left) * max(right, 0))
        case ast.Mult(), int(), str():
            budget.characters(len(right) * max(left, 0))
        case ast.Mult(), list() | tuple(), int():
            budget.items(len(left) * max(right, 0))
        case ast.Mult(), int(), list() | tuple():
            budget.items(len(right) * max(left, 0))
        case ast.BitOr(), dict(), dict():
            budget.items(len(left) + len(right))
        case ast.BitOr(), dict(), _:
            # Python would hash whatever it finds there, however long that takes.
            raise TypeError(f"unsupported operand type(s) for |: 'dict' and '{type(right).__name__}'")
        case ast.Mod(), str(), _:
            raise TypeError("% on a string is not available here")


def _bits(op: ast.operator, left: int, right: int) -> int:
    """At most so many bits has `left op right`, of whole numbers."""
    match op:
        case ast.Mult():
            return left.bit_length() + right.bit_length()
        case ast.Pow() if right > 0 and abs(left) > 1:
            return int(math.log2(abs(left)) * min(right, MOST_BITS + 1)) + 1
        case ast.LShift() if right > 0:
            return left.bit_length() + right
    return 0


def compared(op: ast.cmpop, left: Any, right: Any, budget: Budget) -> Any:  # noqa: PLR0911 - an operator each
    """`left op right`, item by item, so that it ends in time for values that hold themselves."""
    match op:
        case ast.Is():
            return left is right
        case ast.IsNot():
            return left is not right
        case ast.Eq():
            return equal(left, right, budget)
        case ast.NotEq():
            return not equal(left, right, budget)
        case ast.In():
            return contains(right, left, budget)
        case ast.NotIn():
            return not contains(right, left, budget)
    return ordered(op, left, right, budget)


def equal(left: Any, right: Any, budget: Budget, depth: int = 0) -> bool:
    budget.tick()
    if depth > MOST_NESTED:
        raise RecursionError("maximum recursion depth exceeded in comparison")
    match left, right:
        case (list(), list()) | (tuple(), tuple()):
            return len(left) == len(right) and all(
                one is other or equal(one, other, budget, depth + 1) for one, other in zip(left, right, strict=False)
            )
        case dict(), dict():
            return left.keys() == right.keys() and all(
                left[key] is right[key] or equal(left[key], right[key], budget, depth + 1) for key in left
            )
    return bool(left == right)


def ordered(op: ast.cmpop, left: Any, right: Any, budget: Budget, depth: int = 0) -> Any:
    """`left op right` for an order; lists and tuples by their first items that differ."""
    budget.tick()
    if depth > MOST_NESTED:
        raise RecursionError("maximum recursion depth exceeded in comparison")
    match left, right:
        case (list(), list()) | (tuple(), tuple()):
            for one, other in zip(left, right, strict=False):
                if not (one is other or equal(one, other, budget, depth + 1)):
                    return ordered(op, one, other, budget, depth + 1)
            return _ORDERS[type(op)](len(left), len(right))
    return _ORDERS[type(op)](left, right)


def contains(whole: Any, item: Any, budget: Budget) -> bool:
    match whole:
        case list() | tuple():
            return any(one is item or equal(one, item, budget) for one in whole)
        case dict():
            return keyed(item) in whole
        case range() if not isinstance(item, int):
            return any(equal(one, item, budget) for one in iterated(whole, budget))
        case str() if not isinstance(item, str):
            raise TypeError(f"'in <string>' requires string as left operand, not {type(item).__name__}")
        case str() | range():
            return item in whole
    raise TypeError(f"argument of type '{type(whole).__name__}' is not iterable")


def keyed(key: Any) -> Any:
    """A key of a dict: a number, a string, None, or a tuple of such.

    Raises:
        TypeError: it has no hash.
    """
    for part in key if isinstance(key, tuple) else (key,):
        if not (part is None or isinstance(part, int | float | complex | str)):
            raise TypeError(f"unhashable type: '{type(part).__name__}'")
    return key


def iterated(value: Any, budget: Budget) -> Iterator[Any]:
    """The items of a value, a step each. A list that grows meanwhile goes on, as in Python."""
    if not isinstance(value, list | tuple | dict | str | range):
        raise TypeError(f"'{type(value).__name__}' object is not iterable")
    for item in value:
        budget.tick()
        yield item


def listed(value: Any, budget: Budget) -> list[Any]:
    """The items of a value as a new list."""
    if isinstance(value, list | tuple | dict | str | range):
        budget.items(_length(value))
    return list(iterated(value, budget))


def _length(value: Any) -> int:
    try:
        return len(value)
    except OverflowError:
        raise MemoryError("more items in one value than this exercise allows") from None


def item_of(value: Any, index: Any, budget: Budget) -> Any:
    """`value[index]`."""
    match value:
        case dict():
            return value[keyed(index)]
        case list() | tuple() | str() if isinstance(index, slice):
            part = value[index]
            budget.tick(len(part))
            return part
        case list() | tuple() | str() | range():
            return value[index]
    raise TypeError(f"'{type(value).__name__}' object is not subscriptable")


def set_item(value: Any, index: Any, item: Any, budget: Budget) -> None:
    """`value[index] = item`."""
    match value:
        case dict():
            value[keyed(index)] = item
            budget.items(0)
            if len(value) % 64 == 0:
                budget.items(len(value))
        case list():
            if not isinstance(index, int):
                raise TypeError(f"list indices must be integers or slices, not {type(index).__name__}")
            value[index] = item
        case _:
            raise TypeError(f"'{type(value).__name__}' object does not support item assignment")


def written(value: Any, budget: Budget, depth: int = 0) -> str:  # noqa: PLR0911 - a type each
    """`repr(value)`, no longer than a message can be."""
    budget.tick()
    if depth > 3:
        return "…"
    most = 8 if depth else 30
    match value:
        case list():
            return f"[{_items(value, most, budget, depth)}]"
        case tuple():
            inside = _items(value, most, budget, depth)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case dict():
            pairs = list(islice(value.items(), most))
            inner = [f"{written(key, budget, depth + 1)}: {written(item, budget, depth + 1)}" for key, item in pairs]
            return "{" + ", ".join([*inner, *(["…"] if len(value) > most else [])]) + "}"
        case str() if len(value) > _LONGEST_TEXT:
            return repr(value[:_LONGEST_TEXT]) + "…"
        case None | bool() | int() | float() | complex() | str() | range():
            return repr(value)
        case BaseException():
            return f"{type(value).__name__}({_items(value.args, most, budget, depth)})"
    return "Ellipsis" if value is Ellipsis else f"<{type(value).__name__}>"


def _items(values: Sequence[Any], most: int, budget: Budget, depth: int) -> str:
    texts = [written(item, budget, depth + 1) for item in values[:most]]
    return ", ".join([*texts, *(["…"] if len(values) > most else [])])
