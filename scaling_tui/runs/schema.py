"""The one door through which the JSON of a sweep is read: bounded files, a schema for each, and every fault named.

A field that does not fit is left out, and a line says which file, which field, what was found and what would be right:
other trainers write these files too, and one bad value must not hide a sweep. Statuses and requests are looked at too
often for this: `Status.read` and `latest_request` take a short way, and what they cannot use is named from here.
"""

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from scaling_tui import InputError
from scaling_tui.runs.config import Training
from scaling_tui.runs.format import LARGEST, STORED_STATES, RecordedPrediction, RecordedRates, safe_name
from scaling_tui.text.files import MOST_BYTES, read_bytes
from scaling_tui.text.run_states import state_of

Check = Callable[[Any, str, list[str]], Any]
"""Takes a value, its place in the file and the list of faults; returns what to keep of it, or `LEFT_OUT`."""

LEFT_OUT = object()
MOST_ITEMS = 100_000  # of a list

_shown = reprlib.Repr()
_shown.maxlevel, _shown.maxdict, _shown.maxlist, _shown.maxstring, _shown.maxother = 2, 3, 3, 40, 40


def load_json(path: Path) -> Any:
    """The JSON document in the regular file at `path`.

    Raises:
        FileNotFoundError: there is none.
        InputError: it cannot be read, is too large, or is not JSON; the message does not name the file.
    """
    try:
        return parse_json(read_bytes(path, MOST_BYTES))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(error.strerror or str(error)) from None


def parse_json(text: bytes) -> Any:
    """`text` as JSON.

    Raises:
        InputError: it is not.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InputError("nested too deeply, want JSON") from None
    except ValueError:
        raise InputError("not JSON: not UTF-8, or a number with thousands of digits") from None


def checked(path: Path, check: Check, file: str) -> tuple[dict[str, Any], list[str]]:
    """What fits of the object in the JSON file at `path`, and a line for each fault; `file` names it there.

    Raises:
        FileNotFoundError, InputError: as `load_json`; or it is not an object.
    """
    document = load_json(path)
    faults: list[str] = []
    kept = check(document, "", faults)
    if kept is LEFT_OUT:
        raise InputError(f"found {_shown.repr(document)}, want an object")
    return kept, [f"broken: {file}: {fault}" for fault in faults]


def leaf(wanted: str, fits: Callable[[Any], bool]) -> Check:
    """A value for which `fits` is true."""

    def check(value: Any, place: str, faults: list[str]) -> Any:
        if fits(value):
            return value
        faults.append(f"{place}: found {_shown.repr(value)}, want {wanted}" if place else f"want {wanted}")
        return LEFT_OUT

    return check


def table(known: Mapping[str, Check], others: Check | None = None) -> Check:
    """An object. The keys in `known` and, with `others`, all others are checked; null stands for nothing."""

    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not isinstance(value, dict):
            return _object(value, place, faults)
        kept = {}
        for key, item in value.items():
            inner = known.get(key, others)
            if inner is not None and item is not None:
                item = inner(item, f"{place}.{key}" if place else key, faults)  # noqa: PLW2901
            if item is not LEFT_OUT:
                kept[key] = item
        return kept

    return check


def map_of(inner: Check) -> Check:
    """An object whose values all pass `inner`."""

    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not isinstance(value, dict):
            return _object(value, place, faults)
        kept = {key: inner(item, f"{place}.{_shown.repr(key)}", faults) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not LEFT_OUT}

    return check


def list_of(inner: Check) -> Check:
    """A list of at most `MOST_ITEMS` items that pass `inner`."""

    def check(value: Any, place: str, faults: list[str]) -> Any:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            return leaf(f"a list of at most {MOST_ITEMS:,}", lambda _: False)(value, place, faults)
        kept = [inner(item, f"{place}[{index}]", faults) for index, item in enumerate(value)]
        return [item for item in kept if item is not LEFT_OUT]

    return check


def is_number(value: object, low: float = -math.inf, high: float = math.inf) -> bool:
    """Whether `value` is a finite number in [low, high] that a float can hold."""
    try:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ) and low <= value <= high
    except OverflowError:
        return False


def one_of(choices: Iterable[str]) -> Check:
    names = tuple(choices)
    return leaf(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


def _is_name(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(safe_name(value))
    except InputError:
        return False


_object = leaf("an object", lambda value: isinstance(value, dict))
text = leaf("a string", lambda value: isinstance(value, str))
number = leaf("a number", is_number)
amount = leaf("a number from 0 to 1e60", lambda value: is_number(value, 0, LARGEST))
whole = leaf("a whole number from 0 to 1e60", lambda value: is_number(value, 0, LARGEST) and float(value).is_integer())
share = leaf("a number from 0 to 1", lambda value: is_number(value, 0, 1))
nonzero = leaf("a number other than 0", lambda value: is_number(value) and value != 0)
boolean = leaf("true or false", lambda value: isinstance(value, bool))
plain = leaf("a number, a string, true or false", lambda value: isinstance(value, str | bool) or is_number(value))
name = leaf("the name of a folder", _is_name)
interval = leaf(
    "[lowest, highest]", lambda value: isinstance(value, list) and len(value) == 2 and all(map(is_number, value))
)


def _setting(annotated: Any) -> Check:
    if get_origin(annotated) is Literal:
        return one_of(get_args(annotated))
    return {bool: boolean, int: whole, float: number}[annotated]


_FIT = {"law": text, "params": one_of(("non-embedding", "all")), "predict": text}
_CORPUS = {
    "name": text, "source": text, "sha256": text, "tokenizer": text, "first_tokens": whole, "entropy": number,
    "ceiling": number, "parameters": map_of(leaf("plain values", lambda value: value is None or _is_plain(value))),
}  # fmt: skip
_CASE = {"rung": text, "expected": map_of(interval), "claimed": map_of(number)}
_SIZES = ("layers", "hidden", "ffn", "heads", "kv_heads", "vocab", "context", "classes")


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str | bool) or is_number(item) for item in value)
    return isinstance(value, str | bool) or is_number(value)


def _is_trunk(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"run", "step", "tokens"}
        and _is_name(value["run"])
        and all(isinstance(value[key], int) and is_number(value[key], 0, LARGEST) for key in ("step", "tokens"))
    )


_trunk = leaf("an object with run, step and tokens", _is_trunk)

RUN = table({
    "rung": text, "seed": whole, "params": amount, "non_embedding": amount, "tokens": amount, "flops": amount,
    "family": text, "architecture": table(dict.fromkeys(_SIZES, whole), plain), "corpus": table(_CORPUS, plain),
    "training": table({key: _setting(kind) for key, kind in get_type_hints(Training).items()}),
    "trunk": _trunk, "keep": list_of(whole), "unique_tokens": amount, "loss": number, "val_loss": number,
})  # fmt: skip
SWEEP = table({
    "name": text, "created": number, "ladder": text, "summary": text, "source": text, "expected": text,
    "fit": table(_FIT), "corpus": table(_CORPUS, plain), "cases": map_of(table(_CASE)), "runs": list_of(name),
    "machine": table({"host": text, "device": text}), "planned": map_of(RUN),
    "estimate": table({"seconds": amount, "seconds_from": text, "cases": map_of(amount)}),
    "tune": table({"probes": list_of(text), "factors": list_of(number), "transfer": one_of(("width", "trend"))}),
})  # fmt: skip
_state = leaf(f"one of {', '.join(STORED_STATES)}", lambda value: state_of(value) is not None)
STATUS = table({
    "state": _state, "pid": whole, "pid_started": number, "host": text, "heartbeat": number,
    "reason": text, "folder": text, "inode": whole,
})  # fmt: skip
REQUEST = table({"request": one_of(("stop", "resume", "next")), "run": text})
PREDICTION = table({
    "rung": text, "run": text, "law": text, "coefficients": map_of(number), "points": list_of(text),
    "predicted": nonzero, "low": number, "high": number, "level": share, "time": number,
    "losses": map_of(number), "averaged": map_of(list_of(text)),
})  # fmt: skip
_rate = leaf("a number above 0 and at most 10", lambda value: is_number(value, 1e-300, 10))
RATES = table({"rates": map_of(_rate), "probes": map_of(_rate), "how": text, "time": number})
_NULLABLE = ("low", "high")


def rates(line: bytes) -> RecordedRates:
    """The learning rates on a line of rates.jsonl.

    Raises:
        InputError: the line is not JSON, or a field of it is missing or does not fit.
    """
    faults: list[str] = []
    kept = RATES(parse_json(line), "", faults)
    if kept is not LEFT_OUT:
        faults += [f"{field.name}: missing" for field in fields(RecordedRates) if kept.get(field.name) is None]
    if faults:
        raise InputError(faults[0])
    return RecordedRates(**{field.name: kept[field.name] for field in fields(RecordedRates)})


def prediction(line: bytes) -> RecordedPrediction:
    """The prediction on a line of predictions.jsonl.

    Raises:
        InputError: the line is not JSON, or a field of it is missing or does not fit.
    """
    faults: list[str] = []
    kept = PREDICTION(parse_json(line), "", faults)
    names = [field.name for field in fields(RecordedPrediction) if field.default_factory is MISSING]
    if kept is not LEFT_OUT and not faults:
        missing = [key for key in names if kept.get(key) is None and not (key in _NULLABLE and key in kept)]
        faults += [f"{key}: missing" for key in missing[:1]]
    if faults:
        raise InputError(faults[0])
    return RecordedPrediction(
        **{
            field.name: kept[field.name]
            for field in fields(RecordedPrediction)
            if kept.get(field.name) is not None or field.name in names
        }
    )
