"""The shapes of the JSON files of a run folder. What they say of each key is what the code that reads them says."""

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from scaling_tui.laws.counting import Architecture
from scaling_tui.report.documents.shapes import (
    Shape,
    anything,
    flag,
    list_of,
    map_of,
    maybe,
    number,
    one_of,
    pair,
    table,
    text,
    whole,
    words,
)
from scaling_tui.runs.config import RunConfig, Training, Trunk
from scaling_tui.runs.format import FORMAT, STORED_STATES, RecordedPrediction, RecordedRates, Status
from scaling_tui.runs.metrics import KNOWN
from scaling_tui.text.docstrings import meanings

UNIX = "Unix time, in seconds"
_PLAIN = {int: {"type": "integer"}, float: {"type": "number"}, str: {"type": "string"}, bool: {"type": "boolean"}}


def _of_type(annotated: Any) -> Shape:
    origin, inner = get_origin(annotated), get_args(annotated)
    if dataclasses.is_dataclass(annotated):
        return of_dataclass(annotated)  # type: ignore[arg-type]
    if origin is Literal:
        return one_of(inner)
    if origin in (Union, types.UnionType):
        (kind,) = (each for each in inner if each is not type(None))
        return maybe(_of_type(kind))
    if origin in (list, tuple):
        return list_of(_of_type(inner[0]))
    if origin is dict:
        return map_of({} if inner[1] is Any else _of_type(inner[1]))
    return dict(_PLAIN[annotated])


def of_dataclass(kind: type, **better: Shape) -> Shape:
    """The shape of a dataclass as JSON: its fields, those with a default optional; `better` shapes come first."""
    said, hints = meanings(kind), get_type_hints(kind)
    needed: dict[str, Shape] = {}
    optional: dict[str, Shape] = {}
    for field in dataclasses.fields(kind):
        shape = better.get(field.name) or _of_type(hints[field.name])
        if said.get(field.name) and "description" not in shape:
            shape = {**shape, "description": said[field.name]}
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        (optional if has_default else needed)[field.name] = shape
    return table(needed, optional)


_FORMAT = whole(f"version of the run folder: {FORMAT}")
CORPUS = table(
    {},
    {
        "name": text("as in the ladder"),
        "tokenizer": text("as in the ladder"),
        "format": text("as in the ladder"),
        "text": text("as in the ladder"),
        "vocab": whole("as in the ladder"),
        "separator": text("as in the ladder"),
        "first_tokens": whole("as in the ladder"),
        "parameters": map_of(anything(""), "as in the ladder"),
        "sha256": text("hash of the content"),
        "source": words("where the content is from"),
        "tokenizer_sha256": maybe(text("hash of a tokenizer's file; null for those by name")),
        "entropy": maybe(number("lowest possible loss of a synthetic source, nats per token; else null")),
        "ceiling": maybe(number("best possible accuracy of a synthetic source; else null")),
    },
)
_CONFIG = of_dataclass(
    RunConfig,
    architecture=of_dataclass(Architecture) | {"required": []},
    corpus=CORPUS,
    training=of_dataclass(Training) | {"required": []},
    trunk=maybe(of_dataclass(Trunk), "where a branch starts; null starts from an untrained model"),
)
RUN_FILE = {
    **_CONFIG,
    "properties": {
        "format": _FORMAT,
        **_CONFIG["properties"],
        "unique_tokens": number("U, distinct tokens if the data repeat, of another trainer's run"),
        "val_loss": number("held-out loss in nats per token, if no record holds one"),
        "loss": number("training loss in nats per token, if no record holds one"),
        "imported": map_of(anything(""), "of an imported run: its log"),
    },
    "required": [],
}
SWEEP_FILE = table(
    {},
    {
        "format": _FORMAT,
        "name": text("its name at launch; the folder's name counts"),
        "created": number(f"when it was launched or imported: {UNIX}"),
        "ladder": text("name of its ladder"),
        "summary": words("one line"),
        "source": words("what the ladder follows"),
        "expected": words("the expected result"),
        "cases": map_of(
            table({
                "rung": text(),
                "expected": map_of(pair(), "range expected of each metric"),
                "claimed": map_of(number(), "value that the source reports"),
            }),
            "each rung with its variant",
        ),
        "document": map_of(anything(""), "the ladder's tables, with `--set` applied"),
        "fit": maybe(
            table(
                {"law": text("name of the law")},
                {"params": one_of(("non-embedding", "all")), "predict": maybe(text("the rung to predict"))},
            ),
            "as in a ladder; null without one",
        ),
        "seeds": list_of(whole()),
        "corpus": CORPUS,
        "data": map_of(anything(""), "tokens to train on and to hold out, epochs, warnings"),
        "runs": list_of(text(), "names of the runs, in the order to list them"),
        "versions": map_of(maybe(text()), "of the programs"),
        "machine": map_of(anything(""), "host, device, processor, system"),
        "tune": map_of(anything(""), "as in a ladder, with the rungs that probe"),
        "planned": map_of(anything(""), "run.json of each run that waits for its learning rate, without that"),
        "resources": map_of(map_of(number()), "what each rung asks for"),
        "launch": map_of(anything(""), "the options that `resume` keeps"),
        "estimate": maybe(map_of(anything("")), "how long it was estimated to take; null if nothing was known"),
        "imported": map_of(anything(""), "of an imported sweep: its logs"),
    },
    means="Every key is optional.",
)  # fmt: skip
STATUS_FILE = {
    **of_dataclass(Status, state=one_of(STORED_STATES)),
    "required": ["state"],
}
METRICS_LINE = {
    "type": "object",
    "properties": {key: number(", ".join(filter(None, (metric.means, metric.unit)))) for key, metric in KNOWN.items()},
    "additionalProperties": {"type": "number"},
    "description": "Any other key is a metric of the trainer's own.",
}
PREDICTION_LINE = of_dataclass(RecordedPrediction)
RATES_LINE = of_dataclass(RecordedRates)
LABELS_FILE = table(
    {"tags": list_of(text()), "note": text("up to 4,000 characters"), "archived": flag("left out of lists")},
    {"removed": list_of(text(), "runs that were deleted"), "time": number(f"when it was written: {UNIX}")},
)
REQUEST_FILE = table(
    {"request": one_of(("stop", "resume", "next")), "run": maybe(text("the run; null for the whole sweep"))}
)
FENCE_FILE = table(
    {
        "attempts": map_of(
            table({
                "bytes": whole("how much of its metrics.jsonl counts"),
                "checkpoints": list_of(whole(), "steps of the checkpoints that count"),
            }),
            "each earlier attempt",
        )
    },
    {"starts_over": flag("whether nothing before this attempt counts, and nobody writes in it")},
)  # fmt: skip
ENGINE_FILE = table(
    {
        "device": text("`cpu`, `cuda` or `mps`"),
        "threads": whole("of the CPU"),
        "micro_batches": whole("parts of a batch that are computed one after the other"),
        "captured": flag("whether a CUDA graph replays the steps"),
        "compiled": flag("whether torch.compile made them"),
        "host": text("name of the machine"),
    },
    {"processes": whole("that train the run together; 1 in older files")},
)
