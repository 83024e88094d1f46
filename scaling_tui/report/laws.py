"""The laws and the atlas of published ones, as `laws` prints them: a table, or one entry in full."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.atlas import ENTRIES, HYPERPARAMETER_LAWS, SETS, Allocation, CoefficientSet, Entry, Scope
from scaling_tui.laws.atlas.entries import Power, Range, arxiv
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.forms import LAWS, PF_DAY, SYMBOLS, Law
from scaling_tui.laws.planning.published_runs import split
from scaling_tui.laws.planning.reproduced import reproduced
from scaling_tui.report.standing import ratio
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.suggest import did_you_mean

BUDGET = 1e21  # FLOPs at which the table compares D/N
WIDTH = 100


def laws_document(name: str | None = None) -> dict[str, Any]:
    """The whole atlas and the laws without a published set, or what is called `name`, for JSON.

    Raises:
        InputError: nothing is called so.
    """
    listed = [_entry(entry) for entry in ENTRIES]
    listed += [_form(law) for law in LAWS.values() if law.name not in {item.law for item in SETS}]
    if name is not None:
        wanted = [item for item in listed if item["name"] == name or item["name"].partition(":")[0] == name]
        if not wanted:
            names = [item["name"] for item in listed]
            raise InputError(f"laws: found {name!r}, {did_you_mean(name, names, 'want a name that laws lists')}")
        listed = wanted
    return {"laws": listed, "pf_day": PF_DAY}


def hyperparameters_document(name: str | None, given: Mapping[str, float | None]) -> dict[str, Any]:
    """The hyperparameter laws, or those called `name`, with their values at N, D and C, for JSON; C is else 6ND.

    Raises:
        InputError: none of them is called so, or none takes what is given.
    """
    inputs = {key: value for key, value in given.items() if value is not None}
    for key, value in inputs.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"--{key}: found {value:g}, want a positive number")
    at = dict(inputs)
    if "flops" not in at and {"params", "tokens"} <= set(at):
        at["flops"] = training_flops(at["params"], at["tokens"])
    named = [law for law in HYPERPARAMETER_LAWS if name in (None, law.title, law.quantity)]
    if not named:
        wanted = " or ".join(dict.fromkeys(law.quantity for law in HYPERPARAMETER_LAWS))
        raise InputError(
            f"laws: found {name!r} with {', '.join(inputs)}, want {wanted}; the command loss evaluates others"
        )
    values = [_entry(law) | {"value": law.value(at)} for law in named if set(law.exponents) <= set(at)]
    if not values:
        wants = ", ".join(f"{law.title} takes {' and '.join(law.exponents)}" for law in named)
        raise InputError(f"laws: found {', '.join(inputs)} alone, want more: {wants}")
    return {"inputs": inputs, "laws": values}


def hyperparameters_text(document: Mapping[str, Any]) -> str:
    """The best learning rates and batch sizes by each law."""
    rows = [
        (item["name"], f"{item['value']:.3g}" if item["value"] < 1 else show.count(item["value"]), item["unit"] or "")
        for item in document["laws"]
    ]
    return columns(rows, numeric=(1,))


def laws_text(document: Mapping[str, Any]) -> str:
    """Tables of loss laws, allocations and hyperparameter laws, and what the columns are."""
    by_kind = {kind: [item for item in document["laws"] if item["kind"] == kind] for kind in _HEADS}
    parts = []
    for kind, items in by_kind.items():
        published = [item for item in items if item["coefficients"] is not None]
        if published:
            heads = _HEADS[kind]
            rows = [(heads[0], *heads[1:])] + [_row(kind, item) for item in published]
            parts.append(columns(rows, numeric=range(2, len(heads) - 1) if kind != "hyperparameter" else ()))
    bare = [item["name"] for item in document["laws"] if item["coefficients"] is None]
    words = [f"a: N ∝ C^a; D/N: tokens per parameter of the optimal run at C = {show.scientific(BUDGET)}, C = 6ND"]
    words += [f"laws without a published set: {', '.join(bare)}"] if bare else []
    words += ["laws NAME shows formula, coefficients, source and scope"]
    lines = [line for text in words for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]
    return "\n\n".join([*parts, "\n".join(lines)])


def entries_text(document: Mapping[str, Any]) -> str:
    """Each entry of a document in full."""
    return "\n\n".join(_full(item) for item in document["laws"])


_HEADS = {
    "loss": ("loss law", "N", "alpha", "beta", "a", "D/N", "arXiv"),
    "allocation": ("allocation", "N", "a", "D/N", "arXiv"),
    "hyperparameter": ("hyperparameter law", "N", "formula", "arXiv"),
}


def _row(kind: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    a, optimal = item["params_exponent"], item["tokens_per_param"]
    optimum = ("–" if a is None else f"{a:.2f}", "–" if optimal is None else ratio(optimal))
    first = (item["name"], item["params"] or "–")
    if kind == "hyperparameter":
        return (*first, item["form"], item["arxiv"])
    if kind == "allocation":
        return (*first, *optimum, item["arxiv"])
    values = item["coefficients"]
    exponents = [
        next((f"{values[name]:.3f}" for name in names if name in values), "–")
        for names in (("alpha", "alpha_N", "alpha_C"), ("beta", "alpha_D"))
    ]
    return (*first, *exponents, *optimum, item["arxiv"])


def _full(item: Mapping[str, Any]) -> str:
    rows = [("form", item["form"])]
    if item["coefficients"]:
        rows.append(("", "  ".join(f"{key} {show.coefficient(value)}" for key, value in item["coefficients"].items())))
    if item["unit"]:
        rows.append(("unit", item["unit"]))
    if item["params"]:
        rows.append(("N", item["params"]))
    rows += [(f"{key} from" if len(key) == 1 else key, text) for key, text in scope_rows(item["scope"]) if text]
    if item["params_exponent"] is not None:
        at = f"D/N {ratio(item['tokens_per_param'])} at {show.scientific(BUDGET)}"
        rows.append(("optimum", f"N ∝ C^{item['params_exponent']:.3f}, {at}"))
    rows.append(("source", item["source"]))
    if item["stated"]:
        given = item["stated"]
        off = "" if given["below"] else f", {_off(given)}"
        rows.append(("check", f"{given['says']}; from the coefficients {_figure(given['reproduced'])}{off}"))
    rows += [("note", item["note"])] if item["note"] else []
    width = max(len(key) for key, _ in rows) + 2
    lines = [item["name"]]
    for key, text in rows:
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"  {key:<{width}}", subsequent_indent=" " * (width + 2), break_long_words=False
        )
    return "\n".join(lines)


def _off(stated: Mapping[str, Any]) -> str:
    return f"{show.percent(stated['reproduced'] / stated['value'] - 1, 2, sign=True)} off"


def _figure(value: float) -> str:
    return show.count(value) if abs(value) >= 1e4 else f"{value:.4g}"


def scope_rows(scope: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What an entry was measured on, as pairs of a name and a text; empty texts where the source does not tell."""
    if scope is None:
        return []
    rows = [("data", scope["data"]), ("tokenizer", scope["tokenizer"])]
    for key, symbol, text in (
        ("params", "N", show.count),
        ("tokens", "D", show.count),
        ("flops", "C", show.scientific),
    ):
        if scope[key]:
            rows.append((symbol, f"{text(scope[key][0])} to {text(scope[key][1])}"))
    return rows


def scope_text(scope: Scope) -> str:
    """What an entry was measured on, in a line: WebText2, GPT-2's BPE of 50,257, N 768 to 1.50B."""
    return ", ".join(f"{key} {text}" if len(key) == 1 else text for key, text in scope_rows(_scope(scope)) if text)


def _entry(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"name": entry.title, "kind": "hyperparameter", "latex": None, "arxiv": arxiv(entry)}
    optimum: tuple[float | None, float | None] = (None, None)
    if isinstance(entry, CoefficientSet):
        law = LAWS[entry.law]
        found |= {"kind": "loss", "form": law.text, "latex": law.latex, "coefficients": dict(entry.coefficients)}
        found |= {"params": entry.params, "unit": entry.unit, "note": entry.note or None}
        if {"params", "tokens"} <= set(law.inputs) <= {"params", "tokens", "unique_tokens"} and entry.law != "kaplan":
            optimum = _optimum(entry)
    elif isinstance(entry, Allocation):
        found |= {"kind": "allocation", "form": _powers(entry), "coefficients": _of_powers(entry), "unit": None}
        found |= {"params": entry.convention, "note": "; ".join(entry.notes) or None}
        optimum = _optimum(entry)
    else:
        powers = "".join(f"·{SYMBOLS[name]}^{power:g}" for name, power in entry.exponents.items())
        found |= {"form": f"{entry.quantity.replace('-', ' ')} = {entry.scale:g}{powers}", "unit": entry.unit or None}
        exponents: dict[str, float] = {str(name): power for name, power in entry.exponents.items()}
        found |= {"coefficients": {"scale": entry.scale} | exponents, "params": entry.convention or None}
        found |= {"note": entry.note or None}
    stated = {
        "says": entry.stated.says,
        "value": entry.stated.value,
        "reproduced": reproduced(entry),
        "below": entry.stated.below,
    }
    return found | {
        "params_exponent": optimum[0],
        "tokens_per_param": optimum[1],
        "source": entry.source,
        "scope": _scope(entry.scope),
        "stated": stated,
    }


def _form(law: Law) -> dict[str, Any]:
    """A law without a published set."""
    blank = ("coefficients", "params", "unit", "arxiv", "params_exponent", "tokens_per_param", "scope", "stated")
    return {
        "name": law.name,
        "kind": "loss",
        "form": law.text,
        "latex": law.latex,
        "source": law.source,
        "note": "no published set: fit it, or give its coefficients",
        **dict.fromkeys(blank, None),
    }


def _optimum(entry: CoefficientSet | Allocation) -> tuple[float, float]:
    """The a of N ∝ C^a and D/N at `BUDGET`."""
    n, d = split(entry, np.array([BUDGET, 10 * BUDGET]))
    return float(np.log10(n[1] / n[0])), float(d[0] / n[0])


def _powers(entry: Allocation) -> str:
    return ", ".join(
        f"{symbol} = {power.scale:.4g}·{_budget(power)}^{power.exponent:.4g}".replace("e+", "e").replace("e-0", "e-")
        for symbol, power in (("N", entry.params_power), ("D", entry.tokens_power))
        if power is not None
    )


def _budget(power: Power) -> str:
    return "C" if power.unit == 1.0 else f"(C/{power.unit:.4g})"


def _of_powers(entry: Allocation) -> dict[str, float]:
    found: dict[str, float] = {}
    for power, names in ((entry.params_power, ("k_N", "a")), (entry.tokens_power, ("k_D", "b"))):
        if power is not None:
            found |= {names[0]: power.scale, names[1]: power.exponent}
    return found


def _scope(scope: Scope) -> dict[str, Any]:
    def ends(values: Range | None) -> list[float] | None:
        return None if values is None else list(values)

    return {
        "data": scope.data or None,
        "tokenizer": scope.tokenizer or None,
        "params": ends(scope.params),
        "tokens": ends(scope.tokens),
        "flops": ends(scope.flops),
    }
