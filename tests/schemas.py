"""Documents beside their JSON Schemas. A schema lets readers meet new keys; here a key that it does not name fails."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from scaling_tui.report.documents import described
from scaling_tui.report.documents.shapes import closed
from scaling_tui.text.json_documents import finite


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator  # takes a third of a second, and few tests print JSON

    return Draft202012Validator(closed(described(name).schema()))


def faults(name: str, document: Any) -> list[str]:
    """What of a document, as JSON holds it, does not fit the schema called `name`."""
    return [f"{error.json_path}: {error.message[:300]}" for error in _validator(name).iter_errors(finite(document))]


def fitting(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a command, which fits the schema that it names."""
    assert faults(document["document"], document) == []
    return dict(document)


def content(text: str) -> dict[str, Any]:
    """What a command printed, without the name and the version in front, which are as they should be."""
    document = fitting(json.loads(text))
    return {key: value for key, value in document.items() if key not in ("document", "version")}
