"""Common mistakes in a formula that nobody has to list: the right formula with one thing changed.

Each change is made in the tree of the right formula: two names swapped, an exponent's sign flipped, a term left out, a
bracket forgotten. An answer that is the same function as one of these is told what was changed.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from scaling_tui import InputError
from scaling_tui.tutor.parsing.expressions import Expression, parse

_LONGEST = 800  # characters: unparsing a tree adds brackets and spaces


@dataclass(frozen=True)
class FormulaMistake:
    """A mistake of `SLIPS`, the formula it leads to, and the diagnosis to show."""

    slip: str
    answer: Expression
    diagnosis: str


def formula_mistakes(right: Expression, names: frozenset[str]) -> Iterator[FormulaMistake]:
    """The right formula with one thing changed at a time; some changes may change nothing."""
    for slip, tree, diagnosis in _changed(right.tree):
        try:
            yield FormulaMistake(slip, parse(ast.unparse(tree), names, longest=_LONGEST), diagnosis)
        except InputError:
            continue  # grown beyond the most parts that a formula may have


def _changed(tree: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    yield from _swapped(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            for slip, changed, diagnosis in _in_operation(node):
                yield slip, _with(tree, node, changed), diagnosis
    yield from _terms(tree)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        yield (
            "ratio-upside-down",
            ast.BinOp(tree.right, ast.Div(), tree.left),
            "This is upside down: one over the answer.",
        )


def _swapped(tree: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    powers = [node.right for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)]
    exponents = {name for power in powers for name in _names(power)}
    for one, other in combinations(sorted(_names(tree), key=str.lower), 2):
        if (one in exponents) != (other in exponents):
            continue
        slip = "exponent" if one in exponents else "swapped"
        yield slip, _Renamed({one: other, other: one}).visit(_copy(tree)), f"Here {one} and {other} are swapped."


def _in_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.expr, str]]:
    """Changes within one operation, each with the slip and the diagnosis."""
    left, right = node.left, node.right
    shown = ast.unparse(node)
    match node.op:
        case ast.Pow():
            base, exponent = ast.unparse(left), ast.unparse(right)
            if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Div | ast.Mult):
                unbracketed = ast.BinOp(ast.BinOp(left, ast.Pow(), right.left), right.op, right.right)
                says = f"Without brackets only the first part is the exponent: write {base}**({exponent})."
                yield "exponent", unbracketed, says
            power = f"the exponent of {base} is {exponent}"
            yield "sign-of-exponent", ast.BinOp(left, ast.Pow(), _negative(right)), f"The sign is wrong: {power}."
            yield "exponent", ast.BinOp(left, ast.Pow(), _inverse(right)), f"The exponent is upside down: {power}."
            yield (
                "product",
                ast.BinOp(left, ast.Mult(), right),
                f"{exponent} is an exponent here, not a factor: {shown}.",
            )
            yield "exponent", left, f"An exponent is missing: {power}."
        case ast.Div():
            yield "ratio-upside-down", ast.BinOp(right, ast.Div(), left), f"A ratio is upside down: want {shown}."
            yield "product", ast.BinOp(left, ast.Mult(), right), f"Divide here, do not multiply: {shown}."
            if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow):
                # B/D**1/beta, read from left to right
                unbracketed = ast.BinOp(ast.BinOp(left, ast.Div(), right.left), ast.Div(), right.right)
                says = f"This divides by {ast.unparse(right.right)}, which is an exponent: {shown}."
                yield "exponent", unbracketed, says
            if not isinstance(left, ast.Constant):
                one = ast.BinOp(ast.Constant(1), ast.Div(), right)
                yield "coefficient", one, f"The factor {ast.unparse(left)} is missing: {shown}."
        case ast.Mult():
            yield "coefficient", right, f"The factor {ast.unparse(left)} is missing: {shown}."
            yield "coefficient", left, f"The factor {ast.unparse(right)} is missing: {shown}."
            yield "product", ast.BinOp(left, ast.Add(), right), f"Multiply here, do not add: {shown}."


def _terms(tree: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    """Every sum without one of its terms, and with one of their signs turned."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add | ast.Sub):
            continue
        left, right = ast.unparse(node.left), ast.unparse(node.right)
        other: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        sign = "-" if isinstance(node.op, ast.Sub) else "+"
        yield "one-term", _with(tree, node, node.left), f"A term is missing: {sign} {right}."
        last = node.right if isinstance(node.op, ast.Add) else _negative(node.right)
        yield "one-term", _with(tree, node, last), f"A term is missing: {left}."
        yield (
            "sign-of-term",
            _with(tree, node, ast.BinOp(node.left, other, node.right)),
            (f"A sign is wrong: want {sign} {right}."),
        )
        turned = ast.BinOp(_negative(node.left), node.op, node.right)
        yield "sign-of-term", _with(tree, node, turned), f"A sign is wrong: want {left} with its own sign."
        if isinstance(node.op, ast.Add):
            yield (
                "product",
                _with(tree, node, ast.BinOp(node.left, ast.Mult(), node.right)),
                (f"Add these, do not multiply them: {left} + {right}."),
            )


def _names(tree: ast.expr) -> set[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def _negative(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node.operand
    return ast.UnaryOp(ast.USub(), node)


def _inverse(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.UnaryOp):
        return ast.UnaryOp(node.op, _inverse(node.operand))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return ast.BinOp(node.right, ast.Div(), node.left)
    return ast.BinOp(ast.Constant(1), ast.Div(), node)


def _with(tree: ast.expr, node: ast.AST, new: ast.expr) -> ast.expr:
    """A copy of `tree` with `new` in the place of `node`."""
    copied = _Replaced(node, new).visit(tree)
    assert isinstance(copied, ast.expr)
    return copied


def _copy(tree: ast.expr) -> ast.expr:
    return _with(tree, ast.Load(), tree)


class _Replaced(ast.NodeTransformer):
    """Copies a tree, so that the original stays as it is, and puts one node in the place of another."""

    def __init__(self, node: ast.AST, new: ast.expr) -> None:
        self.node, self.new = node, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.node:
            return self.new
        fields = {name: self._copied(value) for name, value in ast.iter_fields(node)}
        return type(node)(**fields)

    def _copied(self, value: object) -> object:
        if isinstance(value, list):
            return [self._copied(item) for item in value]
        return self.visit(value) if isinstance(value, ast.AST) else value


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)
