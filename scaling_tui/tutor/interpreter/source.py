"""A learner's program as text: parsed, and every part checked against what the interpreter knows, before it runs."""

import ast
import re
import textwrap
import warnings
from dataclasses import dataclass, field

from scaling_tui import InputError
from scaling_tui.tutor.parsing.expressions import PARSING

LONGEST = 4_000  # characters
DEEPEST = 60  # parts within each other
_LOOKALIKES = str.maketrans(
    {"\ufeff": "", "\u200b": "", "\u00a0": " ", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/"}
)
_FENCED = re.compile(r"\s*```[a-z]*[ ]*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
_ALLOWED: tuple[type[ast.AST], ...] = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.If,
    ast.For, ast.While, ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.Import, ast.ImportFrom, ast.alias, ast.Assert,
    ast.Raise, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.ListComp, ast.GeneratorExp,
    ast.DictComp, ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.Constant, ast.Attribute, ast.Subscript,
    ast.Slice, ast.Name, ast.List, ast.Tuple, ast.NamedExpr, ast.expr_context, ast.boolop, ast.operator, ast.unaryop,
    ast.cmpop,
)  # fmt: skip
_WORDS: dict[type[ast.AST], str] = {
    ast.ClassDef: "class", ast.Try: "try", ast.With: "with", ast.Delete: "del", ast.Global: "global",
    ast.Nonlocal: "nonlocal", ast.AsyncFunctionDef: "async", ast.Await: "await", ast.Yield: "yield",
    ast.YieldFrom: "yield", ast.JoinedStr: "an f-string", ast.FormattedValue: "an f-string", ast.Set: "a set",
    ast.SetComp: "a set", ast.Starred: "* before a name", ast.Match: "match", ast.AsyncFor: "async",
    ast.AsyncWith: "async",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """A program that has only parts which the interpreter knows. `lines` are its lines, for error messages."""

    tree: ast.Module = field(repr=False)
    lines: tuple[str, ...]

    def parameters(self, function: str) -> list[str] | None:
        """The parameters of a function defined at the top; None if there is none of that name."""
        found = None
        for statement in self.tree.body:
            match statement:
                case ast.FunctionDef(name=name, args=taken) if name == function:
                    found = [argument.arg for argument in taken.args]
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=taken)) if name == function:
                    found = [argument.arg for argument in taken.args]
        return found

    def same(self, other: "Program") -> bool:
        """Whether both are the same program, whatever their layout and comments."""
        return ast.dump(self.tree) == ast.dump(other.tree)

    def line(self, number: int) -> str:
        """A line of the source without its indentation, from 1."""
        return self.lines[number - 1].strip()[:100] if 1 <= number <= len(self.lines) else ""


def read_program(text: str) -> Program:
    """Parses a program.

    Raises:
        InputError: as Python would say it, with the line; or a part of Python that is not available here.
    """
    text = textwrap.dedent(_copied(re.sub(r"\r\n?", "\n", text))).strip("\n") + "\n"
    if not text.strip():
        raise InputError("answer: nothing given, want a function")
    if len(text) > LONGEST:
        raise InputError(f"answer: {len(text)} characters, want at most {LONGEST}")
    try:
        with PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        raise InputError(f"answer: line {error.lineno or 1}: {type(error).__name__}: {error.msg}") from None
    except (ValueError, MemoryError, RecursionError):
        raise InputError("answer: nested too deeply, or with a character that no program may have") from None
    _check(tree)
    return Program(tree, tuple(text.splitlines()))


def _copied(text: str) -> str:
    """A program without what comes along when it is copied from a page or a prompt: fences, >>>, wide blanks."""
    text = text.translate(_LOOKALIKES)
    fenced = _FENCED.fullmatch(text)
    lines = (fenced[1] if fenced else text).split("\n")
    if next((line for line in lines if line.strip()), "").startswith(">>>"):
        lines = [line[4:] for line in lines if line[:4].rstrip() in (">>>", "...")]
    return "\n".join(lines)


def _check(tree: ast.Module) -> None:
    """Refuses what the interpreter does not know. A loop, not a recursion: the tree may be as deep as it likes."""
    waiting: list[tuple[ast.AST, int, int]] = [(tree, 0, 1)]
    while waiting:
        node, depth, line = waiting.pop()
        line = getattr(node, "lineno", line)
        if depth > DEEPEST:
            raise InputError(f"answer: line {line}: nested too deeply")
        fault = _fault(node)
        if fault:
            raise InputError(f"answer: line {line}: {fault}")
        waiting += [(child, depth + 1, line) for child in ast.iter_child_nodes(node)]


def _fault(node: ast.AST) -> str:  # noqa: PLR0911, PLR0912 - a reason each
    """Why a node is refused; empty where it is not."""
    match node:
        case ast.Constant(value=bytes()):
            return "bytes are not available here"
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) if (
            name.startswith("__")
        ):
            return f"{name} is not available here"
        case ast.FunctionDef(decorator_list=[_, *_]):
            return "a decorator is not available here"
        case ast.FunctionDef(args=taken) | ast.Lambda(args=taken) if taken.vararg or taken.kwarg or taken.posonlyargs:
            return "want plain named parameters, without * and /"
        case ast.Import(names=names) if any(name.name != "math" for name in names):
            return "only math can be imported here"
        case ast.ImportFrom(module=module, names=names, level=level) if (
            module != "math" or level or any(name.name == "*" for name in names)
        ):
            return "only names from math can be imported here"
        case ast.keyword(arg=None):
            return "** before an argument is not available here"
        case ast.comprehension(is_async=1):
            return "async is not available here"
        case ast.Assign(targets=targets) if any(isinstance(target, ast.Attribute) for target in targets):
            return "attributes cannot be set here"
        case ast.AugAssign(target=ast.Attribute()) | ast.AnnAssign(target=ast.Attribute()):
            return "attributes cannot be set here"
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store(), slice=ast.Slice()):
            return "this cannot be assigned to here"
        case ast.Raise(cause=cause) if cause is not None:
            return "raise … from is not available here"
        case _ if not isinstance(node, _ALLOWED):
            word = _WORDS.get(type(node), type(node).__name__)
            return f"{word} is not available here; functions, loops, lists and arithmetic are"
    return ""
