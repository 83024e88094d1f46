"""Makes the pages in docs/reference/ from the code: `python docs/reference.py`. A test fails if they are stale."""

import dataclasses
import itertools
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

from scaling_tui.cli.app import app
from scaling_tui.cli.options import EXIT_STATUSES
from scaling_tui.data import CorpusChoice
from scaling_tui.data.synthetic import SOURCES
from scaling_tui.laws import LAWS
from scaling_tui.laws.counting import FLOP_CONVENTIONS, RUN_FLOPS, Architecture
from scaling_tui.report import documents
from scaling_tui.report.documents import DOCUMENTS, FILES
from scaling_tui.report.laws import laws_document, scope_rows
from scaling_tui.report.standing import ratio
from scaling_tui.runs.config import BOUNDS, Training
from scaling_tui.runs.metrics import METRICS
from scaling_tui.sweeps import ladder, resources, rung
from scaling_tui.sweeps.ladder import FitChoice
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.tuning import TuneChoice
from scaling_tui.text.docstrings import meanings
from scaling_tui.tutor.classroom import assignment
from scaling_tui.tutor.content import bodies, mistakes, question_tables
from scaling_tui.tutor.content.questions import KINDS

HERE = Path(__file__).parent / "reference"
Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """A Markdown table, with a blank line behind it."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"
    yield ""


def code(text: object) -> str:
    return f"`{text}`"


def listed(names: Iterable[object]) -> str:
    return ", ".join(map(code, names))


# --- commands


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    root: Any = typer.main.get_command(app)
    yield "Arguments in brackets are optional. Every command also takes `-h` and `--help`."
    yield ""
    yield from table(("exit status", "meaning"), ((str(number), text) for number, text in EXIT_STATUSES.items()))
    yield "## `scaling-tui`"
    yield ""
    yield f"{root.help}"
    yield ""
    yield from parameters(root)
    for path, command in walked(root, ("scaling-tui",)):
        yield f"## `{' '.join(path[1:])}`"
        yield ""
        yield f"    {' '.join([*path, *usage(command)])}"
        yield ""
        yield from (line.strip() for line in (command.help or "").splitlines())
        yield ""
        yield from parameters(command)
        if command.epilog:
            yield from (command.epilog, "")
        if printed := [one.name for one in DOCUMENTS.values() if any(by_command(by, path) for by in one.found_in)]:
            yield f"With `--json`: {', '.join(f'[`{name}`](json.md#{anchor(name)})' for name in printed)}."
            yield ""


def by_command(call: str, path: Sequence[str]) -> bool:
    """Whether a call, such as `learn glossary TERM` or `plan --why`, is of the command at this path."""
    words = itertools.takewhile(lambda word: not word.startswith("-"), call.split())
    return [word for word in words if not word.isupper()] == list(path[1:])


def walked(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands below a group, in the order of `--help`; a group itself where it does something."""
    for name, inner in command.commands.items():
        if not inner.hidden:
            if not hasattr(inner, "commands") or inner.invoke_without_command:
                yield (*path, name), inner
            if hasattr(inner, "commands"):
                yield from walked(inner, (*path, name))


def usage(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "argument":
            name = each.metavar or each.name.upper()
            name = f"{name}…" if each.nargs == -1 and not name.endswith(("…", "…]")) else name
            yield name if each.required or name.startswith("[") else f"[{name}]"
    yield "[OPTIONS]"


def parameters(command: Any) -> Iterator[str]:
    shown = [each for each in command.params if each.name != "help" and not getattr(each, "hidden", False)]
    if shown:
        yield from table(("argument or option", "default", "does"), map(parameter, shown))


def parameter(each: Any) -> Row:
    if each.param_type_name == "option":
        value = "" if each.is_flag else f" {each.metavar or value_of(each)}"
        name = ", ".join(filter(None, (f"`{'`, `'.join(each.opts)}{value}`", listed(each.secondary_opts))))
    else:
        name = code(each.metavar or each.name.upper())
    default = "required" if each.required else ""
    if not each.required and not callable(each.default) and each.default not in (None, "", False, (), []):
        default = code("on" if each.default is True else each.default)
    low, high = limit(each, "min"), limit(each, "max")
    limits = [text for end, text in ((low, f"at least {low}"), (high, f"at most {high}")) if end is not None]
    says = (each.help or "").strip().removesuffix(".")
    says += f" ({' and '.join(limits)})." if limits else "."
    return (name, default, says + (f" Environment: {code(each.envvar)}." if each.envvar else ""))


def limit(each: Any, end: str) -> float | None:
    """Older Typers keep the limits of a number in its type."""
    found: float | None = getattr(each, end, None)
    return getattr(getattr(each, "type", None), end, None) if found is None else found


def value_of(each: Any) -> str:
    """What an option takes, in a word; newer Typers keep the annotation, older ones a type with a name."""
    if (kind := getattr(each, "type", None)) is not None:
        return "|".join(getattr(kind, "choices", ())) or str(kind.name).removesuffix(" range").upper()
    annotated = each.type_descriptor.annotation
    while get_origin(annotated) not in (None, Literal):
        annotated = next(inner for inner in get_args(annotated) if inner is not type(None))
    if get_origin(annotated) is Literal:
        return "|".join(get_args(annotated))
    return {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH"}[annotated]


def anchor(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum() or sign in "-_")


# --- ladders


def type_of(annotated: Any) -> str:
    origin, inner = get_origin(annotated), [each for each in get_args(annotated) if each is not type(None)]
    if origin is Literal:
        return " or ".join(code(f'"{value}"') for value in inner)
    if origin in (tuple, list):
        return f"list of {type_of(inner[0])}s"
    if origin is dict:
        return "table"
    if origin is not None:
        return type_of(inner[0])
    return {int: "whole number", float: "number", str: "string", bool: "true or false"}[annotated]


def default_of(field: "dataclasses.Field[Any]", better: Mapping[str, Any]) -> str:
    value = better.get(field.name, field.default)
    if value is dataclasses.MISSING:
        return "required" if field.default_factory is dataclasses.MISSING else "empty"
    if value is None:
        return ""
    if isinstance(value, tuple):
        return code(list(value))
    return code(f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else value)


def keys_of(kind: type, better: Mapping[str, Any] | None = None, leave_out: Sequence[str] = ()) -> Iterator[str]:
    """The fields of a dataclass with type, range, default and meaning."""
    said, hints = meanings(kind), typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):
        if field.name not in leave_out:
            bounds = BOUNDS.get(field.name) if kind is Training else None
            of = type_of(hints[field.name]) + (f", {bounds.text}" if bounds else "")
            rows.append((code(field.name), of, default_of(field, better or {}), said[field.name]))
    yield from table(("key", "type", "default", "meaning"), rows)


def ladder_keys() -> Iterator[str]:
    """Every key of a ladder's file."""
    yield "[Ladders](../ladders.md) explains them with an example. You may write whole numbers as `1e6` or `1_000_000`."
    yield "Any other key is refused."
    yield ""
    yield "## Top level"
    yield ""
    yield from table(("key", "meaning"), ((code(key), text) for key, text in ladder.KEYS.items()))
    yield "## `[corpus]`"
    yield ""
    yield from keys_of(CorpusChoice)
    for name, source in SOURCES.items():
        yield f"### `parameters` of `{name}`"
        yield ""
        yield from keys_of(source)
    yield from model_keys()
    yield from training_keys()


def model_keys() -> Iterator[str]:
    yield "## `[model]`"
    yield ""
    yield "You may also set any key in a rung, where it overrides the table. `family` is one of:"
    yield ""
    rows = []
    for family, own in rung.FAMILIES.items():
        fixed = {key: value for key, value in own.items() if key not in rung.CHOICES[family]}
        free = [f"{code(key)}: {choices(values)}" for key, values in rung.CHOICES[family].items()]
        settled = ", ".join(f"{code(key)} {toml(value)}" for key, value in fixed.items())
        rows.append((code(family), rung.FAMILY_MEANS[family], settled, "; ".join(free)))
    yield from table(("family", "is", "fixed", "may be set, the default first"), rows)
    yield f"No size may exceed {rung.LARGEST_SIZE:.0e}. `layers`, `hidden` and `context` are at least 1; `vocab` is by"
    yield "default the tokenizer's and never less. With rotary positions, `hidden / heads` must be even. `norm`,"
    yield "`bias`, `kv_heads` and `gated` are for `scaling-tui count`: a family allows only one value of each."
    yield ""
    yield from keys_of(Architecture)


def training_keys() -> Iterator[str]:
    yield "## `[training]`"
    yield ""
    yield "You may also set any key in a rung, where it overrides the table, and any value may be a"
    yield "[list](../ladders.md#lists-and-seeds). With several `tokens` or `flops` the schedule defaults to `wsd`."
    yield f"Give either `tokens` or `flops`: {rung.KEYS['flops']}."
    yield ""
    yield from keys_of(Training)
    yield "## `[tune]`"
    yield ""
    yield "See [tuning](../ladders.md#tuning-the-learning-rate)."
    yield ""
    yield from keys_of(TuneChoice)
    yield "## `[resources]`"
    yield ""
    yield f"`gpus` is 1 to {resources.MOST_GPUS}; the others are {resources.LEAST:g} to {resources.MOST:,.0f}. A rung"
    yield "may override them."
    yield ""
    yield from keys_of(Resources)
    yield "## `[fit]`"
    yield ""
    yield from keys_of(FitChoice)
    yield "## `[[rungs]]`"
    yield ""
    yield "A rung takes these keys, and any of `[model]`, `[training]` and `[resources]`."
    yield ""
    yield from table(("key", "meaning"), ((code(key), text) for key, text in rung.KEYS.items()))
    yield f"Metrics are {listed(METRICS)}."


def choices(values: Iterable[Any]) -> str:
    return " or ".join(map(toml, values))


def toml(value: Any) -> str:
    return code(str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value)


# --- documents


def shape_rows(shape: Mapping[str, Any], prefix: str = "") -> Iterator[Row]:
    """A row for each key of a schema, those of inner objects after their own."""
    needed = shape.get("required", [])
    for key, inner in shape.get("properties", {}).items():
        name = f"{prefix}{key}"
        yield (code(name), kind_of(inner), "" if key in needed else "may be absent", inner.get("description", ""))
        yield from inner_rows(inner, name)


def inner_rows(shape: Mapping[str, Any], name: str) -> Iterator[Row]:
    for each in (shape, *shape.get("anyOf", ())):
        if "properties" in each:
            yield from shape_rows(each, f"{name}.")
        elif each.get("type") == "array":
            yield from inner_rows(each["items"], f"{name}[]")
        elif isinstance(each.get("additionalProperties"), Mapping):
            yield from inner_rows(each["additionalProperties"], f"{name}.*")


def kind_of(shape: Mapping[str, Any]) -> str:
    if "const" in shape:
        return code(shape["const"])
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(map(kind_of, shape["anyOf"])))
    found = shape.get("type", "anything")
    kinds = [found] if isinstance(found, str) else found
    if "enum" in shape:
        return " or ".join("null" if value is None else code(value) for value in shape["enum"])
    if kinds == ["array"]:
        inner = kind_of(shape["items"])
        return f"list of {inner}"
    return " or ".join("text" if kind == "string" and "$comment" in shape else kind for kind in kinds)


def json_documents() -> Iterator[str]:
    """Every document that `--json` prints."""
    yield from (documents.__doc__ or "").strip().splitlines()[2:]
    yield ""
    yield "`text` is a sentence for people, `.*` stands for any name, and `[]` for each item of a list. `scaling-tui"
    yield "schema` lists the schemas."
    yield ""
    yield from table(
        ("document", "version", "holds", "printed by"),
        (
            (f"[`{one.name}`](#{anchor(one.name)})", str(one.version), one.means, listed(one.found_in))
            for one in DOCUMENTS.values()
        ),
    )
    yield from sections(DOCUMENTS.values())


def sections(found: Iterable[documents.Described]) -> Iterator[str]:
    for one in found:
        schema = one.schema()
        yield f"## `{one.name}`"
        yield ""
        yield f"{schema['description']} From {listed(one.found_in)}; version {one.version}."
        yield ""
        rows = [row for row in shape_rows(schema) if row[0] not in ("`document`", "`version`")]
        yield from table(("key", "type", "", "meaning"), rows)


def run_folder() -> Iterator[str]:
    """The files of a run folder, key by key."""
    yield "[Run folders](../runs.md) explains how they are written and read. Their version is `format` in `sweep.json`"
    yield "and `run.json`. Within a version keys are only added, so a reader must ignore keys that it does not know."
    yield "Other trainers may omit whatever may be absent; a field that does not apply is absent or null."
    yield ""
    yield from table(
        ("file", "holds", "where"),
        ((f"[`{one.name}`](#{anchor(one.name)})", one.means, listed(one.found_in)) for one in FILES.values()),
    )
    yield from sections(FILES.values())


# --- laws and questions


def laws() -> Iterator[str]:
    """Formulas, coefficients, conventions and sources."""
    yield "Losses are in nats per token unless a set says otherwise. N is parameters, D training tokens, C training"
    yield "FLOPs, U distinct tokens. [The atlas](../laws.md) says how fits are compared with these."
    yield ""
    yield "## Conventions"
    yield ""
    rows = (
        (code(name), text, "the C of a run" if name == RUN_FLOPS else "") for name, text in FLOP_CONVENTIONS.items()
    )
    yield from table(("FLOPs per token", "is", ""), rows)
    document = laws_document()
    pf_day = f"{document['pf_day']:.4g}".replace("e+", "e")
    yield f"A petaFLOP/s-day is {pf_day} FLOPs. D/N is that of the optimal run at 1e21 FLOPs."
    yield ""
    published: dict[str, list[dict[str, Any]]] = {}
    for item in document["laws"]:
        name = item["name"].partition(":")[0]
        published.setdefault(name, []).append(item)
    rows = (overview(item) for item in document["laws"] if item["coefficients"] is not None)
    yield from table(("published set", "N counts", "optimal run", "measured on", "source"), rows)
    yield "`with head` counts the output head but no input embeddings. With `flops`, N is a sixth of the non-embedding"
    yield "FLOPs per token, attention included. If an allocation gives only N or D, the other follows from C = 6ND."
    yield ""
    yield "## Laws"
    yield ""
    for law in LAWS.values():
        yield f"### `{law.name}`"
        yield ""
        yield f"    {law.text}"
        yield ""
        yield f"    {law.latex}"
        yield ""
        yield f"Coefficients {listed(law.coefficients)}, inputs {listed(law.inputs)}. Source: {escaped(law.source)}."
        yield ""
        yield from entries([item for item in published.pop(law.name, []) if item["coefficients"] is not None])
    for name, items in published.items():
        yield f"## `{name}`"
        yield ""
        yield from entries(items, forms=True)


def overview(item: Mapping[str, Any]) -> Row:
    exponent, optimal = item["params_exponent"], item["tokens_per_param"]
    optimum = "" if exponent is None else f"N ∝ C^{exponent:.2f}, D/N {ratio(optimal)}"
    return (code(item["name"]), item["params"] or "", optimum, escaped(measured_on(item)), escaped(item["source"]))


def measured_on(item: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {text}" if len(key) == 1 else text for key, text in scope_rows(item["scope"]) if text)


def entries(items: Sequence[Mapping[str, Any]], forms: bool = False) -> Iterator[str]:
    for item in items:
        values = ", ".join(f"{code(key)} {value:.6g}" for key, value in item["coefficients"].items())
        yield f"**`{item['name']}`**"
        yield ""
        if forms:
            yield from (f"    {item['form']}", "")
        yield f"- coefficients: {values}"
        if item["params"]:
            yield f"- N counts: {item['params']}"
        if item["unit"]:
            yield f"- unit: {item['unit']}"
        if item["params_exponent"] is not None:
            yield f"- optimum: N ∝ C^{item['params_exponent']:.3f}, D/N {ratio(item['tokens_per_param'])}"
        if scope := measured_on(item):
            yield f"- measured on: {escaped(scope)}"
        yield f"- source: {escaped(item['source'])}"
        if item["stated"]:
            again = f"{item['stated']['reproduced']:.4g}"
            yield f"- check: {escaped(item['stated']['says'])}; from the coefficients {again}"
        if item["note"]:
            yield f"- note: {escaped(item['note'])}"
        yield ""


def escaped(text: str) -> str:
    return text.replace("_", r"\_").replace("*", r"\*")


def questions() -> Iterator[str]:
    """Kinds of questions, the fields of a bank, and the keys of an assignment."""
    yield "[Banks and lessons](../../quizzes/README.md) explains them, with examples."
    yield ""
    yield "## Kinds"
    yield ""
    yield from table(("kind", "asks for"), ((code(kind), text) for kind, text in KINDS.items()))
    yield "## Fields of every question"
    yield ""
    yield "A bank has a `title`, a `lesson` for the questions that name none, and `[[question]]` tables. A"
    yield f"`[[question.form]]` may have any field except {listed(question_tables.SHARED)}."
    yield ""
    yield from table(("field", "is"), ((code(key), text) for key, text in question_tables.COMMON.items()))
    yield "### A value"
    yield ""
    yield from table(("field", "is"), ((code(key), text) for key, text in question_tables.DRAWN.items()))
    for kind, fields in bodies.OWN.items():
        yield f"## `{kind}`"
        yield ""
        yield from table(("field", "is"), ((code(key), text) for key, text in fields.items()))
    yield "## Slips"
    yield ""
    yield "These are the names that a mistake may have. A bank need not list those that are computed."
    yield ""
    rows = ((code(name), text, "computed" if name in mistakes.GENERIC else "") for name, text in mistakes.SLIPS.items())
    yield from table(("slip", "is", ""), rows)
    yield "## An assignment"
    yield ""
    yield "[For instructors](../instructors.md) explains it."
    yield ""
    yield from table(("key", "is"), ((code(key), text) for key, text in assignment.KEYS.items()))
    yield "### Its `[[question]]`"
    yield ""
    yield from table(("key", "is"), ((code(key), text) for key, text in assignment.ITEM_KEYS.items()))


PAGES = {
    "commands": ("All commands and options", commands),
    "ladder": ("Keys of a ladder", ladder_keys),
    "run-folder": ("Files of a run folder", run_folder),
    "json": ("JSON documents", json_documents),
    "laws": ("All laws and coefficients", laws),
    "questions": ("Questions and assignments", questions),
}


def pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    made = "Made from the code by `python docs/reference.py`; do not edit."
    found = {}
    for name, (title, write) in PAGES.items():
        lines = [f"# {title}", "", made, "", *write()]
        found[f"{name}.md"] = "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"
    index = [
        f"| [{title.lower()}]({name}.md) | {(write.__doc__ or '').strip()} |" for name, (title, write) in PAGES.items()
    ]
    head = ["# Reference", "", made, "", "| page | content |", "| --- | --- |"]
    return {"README.md": "\n".join([*head, *index]) + "\n", **found}


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(HERE / name)


if __name__ == "__main__":
    main()
