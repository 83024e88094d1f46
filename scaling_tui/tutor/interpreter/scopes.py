"""Names of a learner's program: what a function sees, what it assigns to, and how a call's arguments become names."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Frame:
    """The names of a function, a comprehension or the whole program; `local` are those assigned to in it."""

    names: dict[str, Any]
    local: frozenset[str]
    parent: "Frame | None"

    def value(self, name: str, builtins: Mapping[str, Any]) -> Any:
        """The value of a name as seen from here.

        Raises:
            NameError: as Python would say it; UnboundLocalError where it is assigned to later.
        """
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            if name in frame.local:
                if frame is self:
                    raise UnboundLocalError(
                        f"cannot access local variable {name!r} where it is not associated with a value"
                    )
                raise NameError(
                    f"cannot access free variable {name!r} where it is not associated with a value in enclosing scope"
                )
            frame = frame.parent
        if name not in builtins:
            raise NameError(f"name {name!r} is not defined")
        return builtins[name]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the program."""

    name: str
    parameters: ast.arguments
    body: ast.expr | list[ast.stmt]
    defaults: dict[str, Any]
    frame: Frame
    local: frozenset[str] = field(repr=False)


Function.__name__ = "function"  # as Python's messages call it


def assigned(body: ast.expr | list[ast.stmt]) -> frozenset[str]:
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


def bound(function: Function, arguments: list[Any], named: dict[str, Any]) -> dict[str, Any]:
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
