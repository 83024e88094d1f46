"""Runs a learner's program by walking its syntax tree. Nothing is compiled, and no object of Python's is reached.

The walker knows the nodes that `source` lets through and the values of `operations`: numbers, strings, lists, tuples,
dicts, ranges and the program's own functions. An attribute is looked up in our own tables, never on an object.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(eq=False)
class _Frame:
    """The names of a function, a comprehension or the whole program; `local` are those assigned to in it."""

    names: dict[str, Any]
    local: frozenset[str]
    parent: "_Frame | None"


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of the program."""

    name: str
    parameters: ast.arguments
    body: ast.expr | list[ast.stmt]
    defaults: dict[str, Any]
    frame: _Frame
    local: frozenset[str] = field(repr=False)


_Function.__name__ = "function"  # as Python's messages call it


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
        self.whole = _Frame({}, frozenset(), None)
        self._line = 1
        self._stack: list[str] = []  # functions being called; the last one is where an error happened
        self._evaluators: Mapping[type[ast.expr], Callable[[Any, _Frame], Any]] = {
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

    def block(self, statements: Sequence[ast.stmt], frame: _Frame) -> _Return | None:
        for statement in statements:
            self._line = statement.lineno
            self._budget.tick()
            done = self._statement(statement, frame)
            if done is not None:
                return done
        return None

    def _statement(self, statement: ast.stmt, frame: _Frame) -> _Return | None:  # noqa: PLR0911, PLR0912 - a case each
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
                    self._set(alias.asname or alias.name, self._math, frame)
            case ast.ImportFrom(names=names):
                for alias in names:
                    if alias.name not in self._math.members:
                        raise ImportError(f"cannot import name {alias.name!r} from 'math'")
                    self._set(alias.asname or alias.name, self._math.members[alias.name], frame)
            case ast.Assert(test=test, msg=message):
                if not self._value(test, frame):
                    raise AssertionError(*([] if message is None else [self._text(self._value(message, frame))]))
            case ast.Raise(exc=raised):
                self._raise(raised, frame)
        return None

    def _text(self, value: Any) -> str:
        return value if isinstance(value, str) else written(value, self._budget)

    def _raise(self, raised: ast.expr | None, frame: _Frame) -> None:
        if raised is None:
            raise RuntimeError("No active exception to reraise")
        error = self._value(raised, frame)
        if isinstance(error, Builtin) and error.kind is not None and issubclass(error.kind, BaseException):
            error = error.call()
        if not isinstance(error, Exception):
            raise TypeError("exceptions must derive from BaseException")
        raise type(error)(*(self._text(part) for part in error.args))

    def _while(self, loop: ast.While, frame: _Frame) -> _Return | None:
        while self._again(loop.test, frame):
            done = self.block(loop.body, frame)
            if done is _BREAK:
                return None
            if done is not None and done is not _CONTINUE:
                return done
        return self.block(loop.orelse, frame)

    def _again(self, test: ast.expr, frame: _Frame) -> bool:
        self._line = test.lineno
        return bool(self._value(test, frame))

    def _for(self, loop: ast.For, frame: _Frame) -> _Return | None:
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

    def _set(self, name: str, value: Any, frame: _Frame) -> None:
        frame.names[name] = value

    def _assign(self, target: ast.expr, value: Any, frame: _Frame) -> None:
        match target:
            case ast.Name(id=name):
                self._set(name, value, frame)
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
            raise TypeError(f"cannot unpack non-iterable {_type_name(value)} object")
        number = len(value)
        if number > wanted:
            raise ValueError(f"too many values to unpack (expected {wanted})")
        if number < wanted:
            raise ValueError(f"not enough values to unpack (expected {wanted}, got {number})")
        return listed(value, self._budget)

    def _augmented(self, target: ast.expr, op: ast.operator, expression: ast.expr, frame: _Frame) -> None:
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
            self._set(target.id, combined(op, before, after, self._budget, in_place=True), frame)

    # Functions

    def _function(self, name: str, node: ast.FunctionDef | ast.Lambda, frame: _Frame) -> _Function:
        taken = node.args
        names = [argument.arg for argument in taken.args]
        late = [argument.arg for argument in taken.kwonlyargs]
        plain = [self._value(default, frame) for default in taken.defaults]
        defaults = dict(zip(names[len(names) - len(plain) :], plain, strict=True))
        for keyword, default in zip(late, taken.kw_defaults, strict=True):
            if default is not None:
                defaults[keyword] = self._value(default, frame)
        body = node.body
        return _Function(name, taken, body, defaults, frame, frozenset(names + late) | _assigned(body))

    def called(self, function: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        """The value of a call. Errors keep the line they happened in; a return restores that of the call."""
        line = self._line
        if isinstance(function, Builtin):
            value = function.call(*arguments, **named)
            if isinstance(value, int | str):
                self._budget.held(value)
            self._line = line
            return value
        if not isinstance(function, _Function):
            raise TypeError(f"'{_type_name(function)}' object is not callable")
        if len(self._stack) >= MOST_CALLS:
            raise RecursionError(_TOO_DEEP)
        names = _bound(function, arguments, named)
        self._stack.append(function.name)
        frame = _Frame(names, function.local, function.frame)
        if isinstance(function.body, list):
            done = self.block(function.body, frame)
            value = done.value if done is not None else None
        else:
            value = self._value(function.body, frame)
        self._stack.pop()
        self._line = line
        return value

    # Expressions

    def _value(self, node: ast.expr, frame: _Frame) -> Any:
        self._budget.tick()
        return self._evaluators[type(node)](node, frame)

    def _constant(self, node: ast.Constant, frame: _Frame) -> Any:
        if isinstance(node.value, int | str):
            self._budget.held(node.value)
        return node.value

    def _name(self, node: ast.Name, frame: _Frame) -> Any:
        self._line = node.lineno
        return self.name(node.id, frame)

    def name(self, name: str, frame: _Frame) -> Any:
        """The value of a name as a function sees it."""
        inner: _Frame | None = frame
        while inner is not None:
            if name in inner.names:
                return inner.names[name]
            if name in inner.local:
                if inner is frame:
                    raise UnboundLocalError(
                        f"cannot access local variable {name!r} where it is not associated with a value"
                    )
                raise NameError(
                    f"cannot access free variable {name!r} where it is not associated with a value in enclosing scope"
                )
            inner = inner.parent
        if name not in self._builtins:
            raise NameError(f"name {name!r} is not defined")
        return self._builtins[name]

    def _operation(self, node: ast.BinOp, frame: _Frame) -> Any:
        left, right = self._value(node.left, frame), self._value(node.right, frame)
        self._line = node.lineno
        return combined(node.op, left, right, self._budget)

    def _unary(self, node: ast.UnaryOp, frame: _Frame) -> Any:
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

    def _logic(self, node: ast.BoolOp, frame: _Frame) -> Any:
        value = None
        for part in node.values:
            value = self._value(part, frame)
            if bool(value) == isinstance(node.op, ast.Or):
                break
        return value

    def _comparison(self, node: ast.Compare, frame: _Frame) -> Any:
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

    def _conditional(self, node: ast.IfExp, frame: _Frame) -> Any:
        return self._value(node.body if self._value(node.test, frame) else node.orelse, frame)

    def _call(self, node: ast.Call, frame: _Frame) -> Any:
        function = self._value(node.func, frame)
        arguments = [self._value(argument, frame) for argument in node.args]
        named = {str(keyword.arg): self._value(keyword.value, frame) for keyword in node.keywords}
        self._line = node.lineno
        return self.called(function, arguments, named)

    def _attribute(self, node: ast.Attribute, frame: _Frame) -> Any:
        value = self._value(node.value, frame)
        self._line = node.lineno
        return member(value, node.attr, self._budget, lambda function, items: self.called(function, items, {}))

    def _item(self, node: ast.Subscript, frame: _Frame) -> Any:
        value, index = self._value(node.value, frame), self._value(node.slice, frame)
        self._line = node.lineno
        return item_of(value, index, self._budget)

    def _slice(self, node: ast.Slice, frame: _Frame) -> slice:
        ends = (None if part is None else self._value(part, frame) for part in (node.lower, node.upper, node.step))
        return slice(*ends)

    def _list(self, node: ast.List, frame: _Frame) -> list[Any]:
        return [self._value(part, frame) for part in node.elts]

    def _tuple(self, node: ast.Tuple, frame: _Frame) -> tuple[Any, ...]:
        return tuple([self._value(part, frame) for part in node.elts])

    def _dict(self, node: ast.Dict, frame: _Frame) -> dict[Any, Any]:
        found = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                raise TypeError("** in a dict is not available here")
            name = self._value(key, frame)
            found[keyed(name)] = self._value(item, frame)
        return found

    def _lambda(self, node: ast.Lambda, frame: _Frame) -> _Function:
        return self._function("<lambda>", node, frame)

    def _walrus(self, node: ast.NamedExpr, frame: _Frame) -> Any:
        value = self._value(node.value, frame)
        outer = frame
        while node.target.id not in outer.local and outer.parent is not None:
            outer = outer.parent
        self._set(node.target.id, value, outer)
        return value

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, frame: _Frame) -> list[Any]:
        return [self._value(node.elt, inner) for inner in self._rounds(node, frame)]

    def _dict_comprehension(self, node: ast.DictComp, frame: _Frame) -> dict[Any, Any]:
        found = {}
        for inner in self._rounds(node, frame):
            name = self._value(node.key, inner)
            found[keyed(name)] = self._value(node.value, inner)
        return found

    def _rounds(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, frame: _Frame) -> Iterator[_Frame]:
        """The names of a comprehension, once for each of its items."""
        targets = frozenset(
            name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)
        )
        inner = _Frame({}, targets, frame)
        first = self._value(node.generators[0].iter, frame)
        yield from self._nested(node.generators, 0, first, inner)

    def _nested(self, generators: list[ast.comprehension], level: int, values: Any, inner: _Frame) -> Iterator[_Frame]:
        for value in iterated(values, self._budget):
            self._assign(generators[level].target, value, inner)
            if not all(self._value(test, inner) for test in generators[level].ifs):
                continue
            if level + 1 == len(generators):
                yield inner
            else:
                following = self._value(generators[level + 1].iter, inner)
                yield from self._nested(generators, level + 1, following, inner)


def _type_name(value: Any) -> str:
    return type(value).__name__


def _assigned(body: ast.expr | list[ast.stmt]) -> frozenset[str]:
    """The names that a function assigns to, not counting functions and comprehensions within it."""
    found: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(part, False) for part in (body if isinstance(body, list) else [body])]
    while waiting:
        node, inside = waiting.pop()  # `inside` a comprehension, whose own names are its own
        match node:
            case ast.FunctionDef(name=name):
                found.add(name)
                waiting += [(default, inside) for default in node.args.defaults]
                continue
            case ast.Lambda():
                continue
            case ast.NamedExpr(target=ast.Name(id=name)):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()) if not inside:
                found.add(name)
            case ast.alias():
                found.add(node.asname or node.name)
        deeper = inside or isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp)
        waiting += [(child, deeper) for child in ast.iter_child_nodes(node)]
    return frozenset(found)


def _bound(function: _Function, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a call by name, with Python's messages where they do not match."""
    taken = [argument.arg for argument in function.parameters.args]
    late = [argument.arg for argument in function.parameters.kwonlyargs]
    if len(arguments) > len(taken):
        least = len([name for name in taken if name not in function.defaults])
        number = str(len(taken)) if least == len(taken) else f"from {least} to {len(taken)}"
        plural = "" if number == "1" else "s"
        were = "was" if len(arguments) == 1 else "were"
        raise TypeError(
            f"{function.name}() takes {number} positional argument{plural} but {len(arguments)} {were} given"
        )
    names = dict(zip(taken, arguments, strict=False))
    for name, value in named.items():
        if name not in taken and name not in late:
            raise TypeError(f"{function.name}() got an unexpected keyword argument {name!r}")
        if name in names:
            raise TypeError(f"{function.name}() got multiple values for argument {name!r}")
        names[name] = value
    names = {**{name: value for name, value in function.defaults.items() if name not in names}, **names}
    for kind, wanted in (("positional", taken), ("keyword-only", late)):
        missing = [repr(name) for name in wanted if name not in names]
        if missing:
            ending = "" if len(missing) == 1 else "s"
            raise TypeError(
                f"{function.name}() missing {len(missing)} required {kind} argument{ending}: {_listed(missing)}"
            )
    return names


def _listed(names: list[str]) -> str:
    if len(names) < 3:
        return " and ".join(names)
    return ", ".join(names[:-1]) + f", and {names[-1]}"
