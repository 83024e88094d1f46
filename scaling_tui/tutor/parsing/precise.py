"""Formulas evaluated to many digits, so that two of them can be told apart where floats cannot: + 1e-9, + 1/N^2.

The tree has passed the allow-list of `expressions`; here each of its nodes becomes a `Decimal`.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache

from scaling_tui.tutor.parsing.expressions import GREATEST_EXPONENT, Expression
from scaling_tui.tutor.parsing.spelling import EULER

DIGITS = 60
# Equal formulas agree to many more digits than this, however they cancel; different ones hardly ever to so many.
AGREED = Decimal("1e-32")
AS_FLOATS = Decimal("1e-13")  # where a point's numbers were computed from each other with floats
NEXT_TO_NOTHING = Decimal("1e-45")
_GREATEST_EXP = Decimal(1_000_000)  # beyond it e^x takes long and is the value of no formula meant

_CONTEXT = Context(prec=DIGITS, Emax=10**9, Emin=-(10**9), traps=[InvalidOperation, DivisionByZero, Overflow])
_E = _CONTEXT.exp(Decimal(1))


def evaluated(formula: Expression, values: Mapping[str, float]) -> Decimal | None:
    """The value of a learner's formula to about `DIGITS` digits; None if it has none."""
    try:
        value = _value(formula.tree, values)
    except (ArithmeticError, ValueError):
        return None
    return value if value.is_finite() else None


def same(
    formula: Expression, wanted: Expression, points: Sequence[Mapping[str, float]], agreed: Decimal = AGREED
) -> bool:
    """Whether two formulas agree at all points at which `wanted` has a value, and there is such a point."""
    compared = False
    for values in points:
        want = evaluated(wanted, values)
        if want is None:
            continue
        got = evaluated(formula, values)
        if got is None or not _agree(got, want, agreed):
            return False
        compared = True
    return compared


def _agree(got: Decimal, want: Decimal, agreed: Decimal) -> bool:
    return abs(_CONTEXT.subtract(got, want)) <= max(_CONTEXT.multiply(agreed, abs(want)), NEXT_TO_NOTHING)


def _value(node: ast.expr, values: Mapping[str, float]) -> Decimal:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Decimal(repr(number))  # the digits as typed, not their nearest binary fraction
        case ast.Name(id=name):
            return Decimal(values[name]) if name in values or name != EULER else _E
        case ast.UnaryOp(op=op, operand=operand):
            value = _value(operand, values)
            return _CONTEXT.minus(value) if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*(_value(argument, values) for argument in arguments))
    raise ValueError(node)


@lru_cache(8192)
def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > GREATEST_EXPONENT:
        raise InvalidOperation
    if not base and not exponent:
        return Decimal(1)
    return _CONTEXT.power(base, exponent)


@lru_cache(8192)
def _exp(value: Decimal) -> Decimal:
    if value > _GREATEST_EXP:
        raise Overflow
    return Decimal(0) if value < -_GREATEST_EXP else _CONTEXT.exp(value)


@lru_cache(8192)
def _ln(value: Decimal) -> Decimal:
    if value <= 0:
        raise InvalidOperation
    return _CONTEXT.ln(value)


def _log(value: Decimal, base: Decimal | None = None) -> Decimal:
    return _ln(value) if base is None else _CONTEXT.divide(_ln(value), _ln(base))


_OPERATIONS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: _CONTEXT.add,
    ast.Sub: _CONTEXT.subtract,
    ast.Mult: _CONTEXT.multiply,
    ast.Div: _CONTEXT.divide,
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "sqrt": _CONTEXT.sqrt,
    "exp": _exp,
    "log": _log,
    "ln": _ln,
    "log10": lambda value: _log(value, Decimal(10)),
    "log2": lambda value: _log(value, Decimal(2)),
    "abs": abs,
    "min": min,
    "max": max,
    "pow": _power,
}
