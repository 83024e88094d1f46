"""The words that the shapes of JSON documents are written in. Each returns a JSON Schema, draft 2020-12, as plain data.

`means` is what people read: what a value is, in which unit, and when it is null.
"""

from collections.abc import Mapping
from typing import Any

Shape = dict[str, Any]


def _said(shape: Shape, means: str) -> Shape:
    return shape | {"description": means} if means else shape


def text(means: str = "") -> Shape:
    return _said({"type": "string"}, means)


def words(means: str = "") -> Shape:
    """A text for people: programs may show it but should not read it."""
    return {**_said({"type": "string"}, means), "$comment": "For people: the wording may change in any version."}


def number(means: str = "") -> Shape:
    return _said({"type": "number"}, means)


def whole(means: str = "") -> Shape:
    return _said({"type": "integer"}, means)


def share(means: str = "") -> Shape:
    """A fraction from 0 to 1."""
    return _said({"type": "number", "minimum": 0, "maximum": 1}, means)


def flag(means: str = "") -> Shape:
    return _said({"type": "boolean"}, means)


def one_of(values: tuple[str, ...], means: str = "") -> Shape:
    return _said({"type": "string", "enum": list(values)}, means)


def anything(means: str) -> Shape:
    """Any JSON: what a user's own file or another program decides."""
    return _said({}, means)


def maybe(shape: Shape, means: str = "") -> Shape:
    """The shape, or null where it does not apply."""
    inner = dict(shape)
    means = means or inner.pop("description", "")
    if isinstance(inner.get("type"), str) and "properties" not in inner:
        inner["type"] = [inner["type"], "null"]
        if "enum" in inner:
            inner["enum"] = [*inner["enum"], None]
        return _said(inner, means)
    return _said({"anyOf": [inner, {"type": "null"}]}, means)


def either(*shapes: Shape, means: str = "") -> Shape:
    return _said({"anyOf": list(shapes)}, means)


def list_of(item: Shape, means: str = "") -> Shape:
    return _said({"type": "array", "items": item}, means)


def pair(means: str = "") -> Shape:
    """Two ends, the lower first."""
    return _said({"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}, means)


def map_of(value: Shape, means: str = "") -> Shape:
    """An object whose keys are names that the user or the data chose."""
    return _said({"type": "object", "additionalProperties": value}, means)


def table(keys: Mapping[str, Shape], sometimes: Mapping[str, Shape] | None = None, means: str = "") -> Shape:
    """An object: `keys` are always there, those of `sometimes` may be absent. Readers must ignore other keys."""
    return _said(
        {"type": "object", "properties": {**keys, **(sometimes or {})}, "required": list(keys)},
        means,
    )


def extended(base: Shape, keys: Mapping[str, Shape], sometimes: Mapping[str, Shape] | None = None) -> Shape:
    """A table with the keys of `base` and more."""
    more = table(keys, sometimes)
    return {
        **base,
        "properties": {**base["properties"], **more["properties"]},
        "required": [*base["required"], *more["required"]],
    }


def closed(shape: Any) -> Any:
    """The shape with every object closed to keys that it does not name: how tests find a key that is not documented."""
    if isinstance(shape, list):
        return [closed(item) for item in shape]
    if not isinstance(shape, dict):
        return shape
    inner = {key: closed(item) for key, item in shape.items()}
    if "properties" in shape and isinstance(shape.get("required"), list):
        inner.setdefault("additionalProperties", False)
    return inner
