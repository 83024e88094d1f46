"""How the runs of a sweep were set up: the ladder as it was launched, and in what its rungs differ."""

from collections.abc import Mapping
from typing import Any

from scaling_tui.report.page.blocks import Block, Code, Paragraph, Table
from scaling_tui.report.run_settings import differing, setting_text, settings_of
from scaling_tui.runs import SweepView
from scaling_tui.runs.points import case_of
from scaling_tui.text import show
from scaling_tui.text.toml import toml_text

MOST_KEYS = 12  # columns of a table of differences
DEEPEST = 20  # of the tables of a ladder
MOST_CHARACTERS = 100_000  # of a ladder


def settings(sweep: SweepView) -> tuple[list[Block], dict[str, Any]]:
    """What the runs share and in what they differ, then the ladder; and the same for JSON."""
    cases = {case_of(run): settings_of(run) for run in reversed(sweep.runs)}
    cases = dict(reversed(cases.items()))
    keys = list(dict.fromkeys(key for own in cases.values() for key in own))
    differ = differing(cases.values())
    first = next(iter(cases.values()), {})
    shared = {key: first[key] for key in keys if key not in differ}
    blocks: list[Block] = []
    if differ:
        shown = differ[:MOST_KEYS]
        rows = [[case, *(setting_text(own.get(key)) for key in shown)] for case, own in cases.items()]
        blocks.append(Table("In what the runs differ", ["run", *shown], rows, _numeric(rows)))
        if len(differ) > MOST_KEYS:
            blocks.append(Paragraph(f"They also differ in {show.listed(differ[MOST_KEYS:], 20)}."))
    if shared:
        told = "; ".join(f"{key} {setting_text(value)}" for key, value in shared.items())
        blocks.append(Paragraph(f"{'The same for all' if len(cases) > 1 else 'The settings'}: {told}."))
    if ladder := ladder_toml(sweep):
        blocks.append(Paragraph("The ladder as it was launched:"))
        blocks.append(Code(ladder, "toml"))
    return blocks, {
        "shared": shared,
        "runs": {case: {key: own.get(key) for key in differ} for case, own in cases.items()},
    }


def ladder_toml(sweep: SweepView) -> str:
    """The ladder as it stands in sweep.json; empty where there is none, or none that can be shown."""
    document = sweep.document.get("document")
    if not isinstance(document, Mapping) or not document:
        return ""
    if _depth(document) > DEEPEST:
        return ""
    text = toml_text(document)
    return text if len(text) <= MOST_CHARACTERS else ""


def _depth(value: Any, most: int = 50) -> int:
    """How deeply a value is nested, counted up to `most`."""
    inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return 1 + max((_depth(item, most - 1) for item in inner), default=0) if most > 0 else 1


def _numeric(rows: list[list[str]]) -> frozenset[int]:
    def is_number(text: str) -> bool:
        try:
            float(text.replace(",", ""))
        except ValueError:
            return text == "–"
        return True

    return frozenset(column for column in range(1, len(rows[0])) if all(is_number(row[column]) for row in rows))
