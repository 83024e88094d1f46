"""Runs a learner's program by walking its syntax tree. Nothing is compiled, and no object of Python's is reached.

The walker knows the nodes that `source` lets through and the values of `operations`: numbers, strings, lists, tuples,
dicts, ranges and the program's own functions. An attribute is looked up in our own tables, never on an object.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling_tui.tutor.interpreter.budget import MOST_CALLS, Budget, Stopped
from scaling_tui.tutor.interpreter.functions import Builtin, Printed, builtins, mathematics, member
from scaling_tui.tutor.interpreter.operations import (
    combined,
    compared,
    item_of,
    iterated,
    keyed,
    listed,
    set_item,
    written,
)
from scaling_tui.tutor.interpreter.scopes import Frame, Function, assigned, bound
from scaling_tui.tutor.interpreter.source import Program

_LONGEST_MESSAGE = 200
_TOO_DEEP = "maximum recursion depth exceeded"


@dataclass(frozen=True)
class Failure:
    """How a program ended early: Python's name of the error, its message, and the line it happened in.

    `kind` is "Stopped" where the budget was spent, which Python does not know.
    """

    kind: str
    message: str
    line: int
    function: str
    source: str

    @property
    def text(self) -> str:
        """As Python would show it."""
        what = f"{self.kind}: {self.message}" if self.message else self.kind
        return f"line {self.line}, in {self.function}\n    {self.source}\n{what}"


@dataclass(frozen=True)
class Outcome:
    """What a call returned, or how it failed; and what was printed."""

    value: Any = None
    failure: Failure | None = None
    printed: str = ""


class _Return:
    """That a function returns, with the value."""

    def __init__(self, value: Any) -> None:
        self.value = value


_BREAK, _CONTINUE = _Return(None), _Return(None)


def call(program: Program, function: str, arguments: Sequence[Any], budget: Budget) -> Outcome:
    """Runs a program and calls one of its functions once; see `calls`."""
    return next(calls(program, function, [arguments], budget))


def calls(program: Program, function: str, each: Sequence[Sequence[Any]], budget: Budget) -> Iterator[Outcome]:
    """Runs a program and calls one of its functions with each of the arguments, up to the first failure.

    Never raises: whatever goes wrong is the outcome.
    """
    machine = _Machine(budget)
    ready = False
    for arguments in each:
        machine.printed.text = ""
        try:
            if not ready:
                machine.block(program.tree.body, machine.whole)
                ready = True
            value = machine.called(machine.name(function, machine.whole), list(arguments), {})
        except Stopped as stop:
            yield machine.failed(program, "Stopped", str(stop))
            return
        except RecursionError as error:
            message = str(error) if "comparison" in str(error) else _TOO_DEEP
            yield machine.failed(program, "RecursionError", message)
            return
        except Exception as error:
            yield machine.failed(program, type(error).__name__, str(error))
            return
        yield Outcome(value, None, machine.printed.text)


class _Machine:
    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.printed = Printed()
        self._builtins = builtins(budget, lambda function, items: self.called(function, items, {}), self.printed)
        self._math = mathematics(budget)
        self.whole = Frame({}, frozenset(), None)
        self._line = 1
        self._stack: list[str] = []  # functions being called; the last one is where an error happened
        self._evaluators: Mapping[type[ast.expr], Callable[[Any, Frame], Any]] = {
            ast.Constant: self._constant, ast.Name: self._name, ast.BinOp: self._operation, ast.UnaryOp: self._unary,
            ast.BoolOp: self._logic, ast.Compare: self._comparison, ast.IfExp: self._conditional, ast.Call: self._call,
            ast.Attribute: self._attribute, ast.Subscript: self._item, ast.Slice: self._slice, ast.List: self._list,
            ast.Tuple: self._tuple, ast.Dict: self._dict, ast.Lambda: self._lambda, ast.NamedExpr: self._walrus,
            ast.ListComp: self._comprehension, ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._dict_comprehension,
        }  # fmt: skip

    def failed(self, program: Program, kind: str, message: str) -> Outcome:
        short = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
        where = self._stack[-1] if self._stack else "<module>"
        return Outcome(None, Failure(kind, short, self._line, where, program.line(self._line)), self.printed.text)

    # Statements

    def block(self, statements: Sequence[ast.stmt], frame: Frame) -> _Return | None:
        for statement in statements:
            self._line = statement.lineno
            self._budget.tick()
            done = self._statement(statement, frame)
            if done is not None:
                return done
        return None

    def _statement(self, statement: ast.stmt, frame: Frame) -> _Return | None:  # noqa: PLR0911, PLR0912 - a case each
        match statement:
            case ast.Return(value=value):
                return _Return(None if value is None else self._value(value, frame))
            case ast.Assign(targets=targets, value=expression):
                value = self._value(expression, frame)
                for target in targets:
                    self._assign(target, value, frame)
            case ast.AugAssign(target=target, op=op, value=expression):
                self._augmented(target, op, expression, frame)
            case ast.AnnAssign(target=target, value=expression):
                if expression is not None:
                    self._assign(target, self._value(expression, frame), frame)
            case ast.Expr(value=expression):
                self._value(expression, frame)
            case ast.If(test=test, body=body, orelse=otherwise):
                return self.block(body if self._value(test, frame) else otherwise, frame)
            case ast.While():
                return self._while(statement, frame)
            case ast.For():
                return self._for(statement, frame)
            case ast.FunctionDef(name=name):
                self._assign(ast.Name(name, ast.Store()), self._function(name, statement, frame), frame)
            case ast.Break():
                return _BREAK
            case ast.Continue():
                return _CONTINUE
            case ast.Import(names=names):
                for alias in names:
                    frame.names[alias.asname or alias.name] = self._math
            case ast.ImportFrom(names=names):
                for alias in names:
                    if alias.name not in self._math.members:
                        raise ImportError(f"cannot import name {alias.name!r} from 'math'")
                    frame.names[alias.asname or alias.name] = self._math.members[alias.name]
            case ast.Assert(test=test, msg=message):
                if not self._value(test, frame):
                    raise AssertionError(*([] if message is None else [self._text(self._value(message, frame))]))
            case ast.Raise(exc=raised):
                self._raise(raised, frame)
        return None

    def _text(self, value: Any) -> str:
        return value if isinstance(value, str) else written(value, self._budget)

    def _raise(self, raised: ast.expr | None, frame: Frame) -> None:
        if raised is None:
            raise RuntimeError("No active exception to reraise")
        error = self._value(raised, frame)
        if isinstance(error, Builtin) and error.kind is not None and issubclass(error.kind, BaseException):
            error = error.call()
        if not isinstance(error, Exception):
            raise TypeError("exceptions must derive from BaseException")
        raise type(error)(*(self._text(part) for part in error.args))

    def _while(self, loop: ast.While, frame: Frame) -> _Return | None:
        while self._again(loop.test, frame):
            done = self.block(loop.body, frame)
            if done is _BREAK:
                return None
            if done is not None and done is not _CONTINUE:
                return done
        return self.block(loop.orelse, frame)

    def _again(self, test: ast.expr, frame: Frame) -> bool:
        self._line = test.lineno
        return bool(self._value(test, frame))

    def _for(self, loop: ast.For, frame: Frame) -> _Return | None:
        values = self._value(loop.iter, frame)
        for value in iterated(values, self._budget):
            self._line = loop.lineno
            self._assign(loop.target, value, frame)
            done = self.block(loop.body, frame)
            if done is _BREAK:
                return None
            if done is not None and done is not _CONTINUE:
                return done
            self._line = loop.lineno
        return self.block(loop.orelse, frame)

    def _assign(self, target: ast.expr, value: Any, frame: Frame) -> None:
        match target:
            case ast.Name(id=name):
                frame.names[name] = value
            case ast.Subscript(value=whole, slice=index):
                place, at = self._value(whole, frame), self._value(index, frame)
                self._line = target.lineno
                set_item(place, at, value, self._budget)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                values = self._unpacked(value, len(parts))
                for part, item in zip(parts, values, strict=True):
                    self._assign(part, item, frame)

    def _unpacked(self, value: Any, wanted: int) -> list[Any]:
        if not isinstance(value, list | tuple | dict | str | range):
            raise TypeError(f"cannot unpack non-iterable {type(value).__name__} object")
        number = len(value)
        if number > wanted:
            raise ValueError(f"too many values to unpack (expected {wanted})")
        if number < wanted:
            raise ValueError(f"not enough values to unpack (expected {wanted}, got {number})")
        return listed(value, self._budget)

    def _augmented(self, target: ast.expr, op: ast.operator, expression: ast.expr, frame: Frame) -> None:
        if isinstance(target, ast.Subscript):
            place, at = self._value(target.value, frame), self._value(target.slice, frame)
            before = item_of(place, at, self._budget)
            after = self._value(expression, frame)
            self._line = target.lineno
            set_item(place, at, combined(op, before, after, self._budget, in_place=True), self._budget)
        elif isinstance(target, ast.Name):
            before = self.name(target.id, frame)
            after = self._value(expression, frame)
            self._line = target.lineno
            frame.names[target.id] = combined(op, before, after, self._budget, in_place=True)

    # Functions

    def _function(self, name: str, node: ast.FunctionDef | ast.Lambda, frame: Frame) -> Function:
        taken = node.args
        names = [argument.arg for argument in taken.args]
        late = [argument.arg for argument in taken.kwonlyargs]
        plain = [self._value(default, frame) for default in taken.defaults]
        defaults = dict(zip(names[len(names) - len(plain) :], plain, strict=True))
        for keyword, default in zip(late, taken.kw_defaults, strict=True):
            if default is not None:
                defaults[keyword] = self._value(default, frame)
        body = node.body
        return Function(name, taken, body, defaults, frame, frozenset(names + late) | assigned(body))

    def called(self, function: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        """The value of a call. Errors keep the line they happened in; a return restores that of the call."""
        line = self._line
        if isinstance(function, Builtin):
            value = function.call(*arguments, **named)
            if isinstance(value, int | str):
                self._budget.held(value)
            self._line = line
            return value
        if not isinstance(function, Function):
            raise TypeError(f"'{type(function).__name__}' object is not callable")
        if len(self._stack) >= MOST_CALLS:
            raise RecursionError(_TOO_DEEP)
        names = bound(function, arguments, named)
        self._stack.append(function.name)
        frame = Frame(names, function.local, function.frame)
        if isinstance(function.body, list):
            done = self.block(function.body, frame)
            value = done.value if done is not None else None
        else:
            value = self._value(function.body, frame)
        self._stack.pop()
        self._line = line
        return value

    # Expressions

    def _value(self, node: ast.expr, frame: Frame) -> Any:
        self._budget.tick()
        return self._evaluators[type(node)](node, frame)

    def _constant(self, node: ast.Constant, frame: Frame) -> Any:
        if isinstance(node.value, int | str):
            self._budget.held(node.value)
        return node.value

    def _name(self, node: ast.Name, frame: Frame) -> Any:
        self._line = node.lineno
        return self.name(node.id, frame)

    def name(self, name: str, frame: Frame) -> Any:
        """The value of a name as a function sees it."""
        return frame.value(name, self._builtins)

    def _operation(self, node: ast.BinOp, frame: Frame) -> Any:
        left, right = self._value(node.left, frame), self._value(node.right, frame)
        self._line = node.lineno
        return combined(node.op, left, right, self._budget)

    def _unary(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self._value(node.operand, frame)
        self._line = node.lineno
        match node.op:
            case ast.Not():
                return not value
            case ast.USub():
                return -value
            case ast.UAdd():
                return +value
        return ~value

    def _logic(self, node: ast.BoolOp, frame: Frame) -> Any:
        value = None
        for part in node.values:
            value = self._value(part, frame)
            if bool(value) == isinstance(node.op, ast.Or):
                break
        return value

    def _comparison(self, node: ast.Compare, frame: Frame) -> Any:
        left = self._value(node.left, frame)
        value: Any = True
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self._value(part, frame)
            self._line = node.lineno
            value = compared(op, left, right, self._budget)
            if not value:
                break
            left = right
        return value

    def _conditional(self, node: ast.IfExp, frame: Frame) -> Any:
        return self._value(node.body if self._value(node.test, frame) else node.orelse, frame)

    def _call(self, node: ast.Call, frame: Frame) -> Any:
        function = self._value(node.func, frame)
        arguments = [self._value(argument, frame) for argument in node.args]
        named = {str(keyword.arg): self._value(keyword.value, frame) for keyword in node.keywords}
        self._line = node.lineno
        return self.called(function, arguments, named)

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        value = self._value(node.value, frame)
        self._line = node.lineno
        return member(value, node.attr, self._budget, lambda function, items: self.called(function, items, {}))

    def _item(self, node: ast.Subscript, frame: Frame) -> Any:
        value, index = self._value(node.value, frame), self._value(node.slice, frame)
        self._line = node.lineno
        return item_of(value, index, self._budget)

    def _slice(self, node: ast.Slice, frame: Frame) -> slice:
        ends = (None if part is None else self._value(part, frame) for part in (node.lower, node.upper, node.step))
        return slice(*ends)

    def _list(self, node: ast.List, frame: Frame) -> list[Any]:
        return [self._value(part, frame) for part in node.elts]

    def _tuple(self, node: ast.Tuple, frame: Frame) -> tuple[Any, ...]:
        return tuple([self._value(part, frame) for part in node.elts])

    def _dict(self, node: ast.Dict, frame: Frame) -> dict[Any, Any]:
        found = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                raise TypeError("** in a dict is not available here")
            name = self._value(key, frame)
            found[keyed(name)] = self._value(item, frame)
        return found

    def _lambda(self, node: ast.Lambda, frame: Frame) -> Function:
        return self._function("<lambda>", node, frame)

    def _walrus(self, node: ast.NamedExpr, frame: Frame) -> Any:
        value = self._value(node.value, frame)
        outer = frame
        while node.target.id not in outer.local and outer.parent is not None:
            outer = outer.parent
        outer.names[node.target.id] = value
        return value

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> list[Any]:
        return [self._value(node.elt, inner) for inner in self._rounds(node, frame)]

    def _dict_comprehension(self, node: ast.DictComp, frame: Frame) -> dict[Any, Any]:
        found = {}
        for inner in self._rounds(node, frame):
            name = self._value(node.key, inner)
            found[keyed(name)] = self._value(node.value, inner)
        return found

    def _rounds(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, frame: Frame) -> Iterator[Frame]:
        """The names of a comprehension, once for each of its items."""
        targets = frozenset(
            name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)
        )
        inner = Frame({}, targets, frame)
        first = self._value(node.generators[0].iter, frame)
        yield from self._nested(node.generators, 0, first, inner)

    def _nested(self, generators: list[ast.comprehension], level: int, values: Any, inner: Frame) -> Iterator[Frame]:
        for value in iterated(values, self._budget):
            self._assign(generators[level].target, value, inner)
            if not all(self._value(test, inner) for test in generators[level].ifs):
                continue
            if level + 1 == len(generators):
                yield inner
            else:
                following = self._value(generators[level + 1].iter, inner)
                yield from self._nested(generators, level + 1, following, inner)
