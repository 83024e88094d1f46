"""The functions that a bank's formula may call: the law code by name. `laws` is imported on the first call."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.tutor.parsing.expressions import BASIC, Expression, parse
from scaling_tui.tutor.parsing.spelling import Function

if TYPE_CHECKING:
    from scaling_tui.laws.counting import Count, Head
    from scaling_tui.laws.forms import Input
    from scaling_tui.laws.planning.frontier import Frontier

LONGEST = 600  # characters of a bank's formula


def loss(law: str | float, *numbers: float) -> float:
    """`loss("law", inputs…, coefficients…)`; for a published "law:set" the inputs are enough."""
    from scaling_tui.laws import find_law

    form = find_law(str(law))
    inputs, coefficients = _inputs_and_coefficients(str(law), numbers, form.inputs)
    return float(form.loss(coefficients, **inputs))


def _inputs_and_coefficients(
    law: str, numbers: Sequence[float], inputs: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Splits a call's numbers into inputs and coefficients; without coefficients, takes the published ones."""
    from scaling_tui.laws import find_law

    names = find_law(law).coefficients
    known, rest = numbers[: len(inputs)], numbers[len(inputs) :]
    if len(known) < len(inputs) or len(rest) not in (0, len(names)):
        raise InputError(
            f"{law}: found {len(numbers)} numbers, want {', '.join(inputs) or 'none'} and then "
            f"{', '.join(names)}, or nothing for the published ones"
        )
    coefficients = dict(zip(names, rest, strict=True)) if rest else _published(law)
    return dict(zip(inputs, known, strict=True)), coefficients


@cache
def _published(law: str) -> dict[str, float]:
    from scaling_tui.laws import get

    return dict(get(law).coefficients)


def coef(law: str | float, name: str | float) -> float:
    """A published coefficient: `coef("chinchilla:hoffmann2022", "alpha")`."""
    coefficients = _published(str(law))
    if str(name) not in coefficients:
        raise InputError(f"{law}: no coefficient {name!r}, want one of {', '.join(coefficients)}")
    return coefficients[str(name)]


def term(scale: float, exponent: float, size: float) -> float:
    """scale · size^-exponent: one term of a law, as `laws` computes it (`chinchilla-n` with E = 0)."""
    from scaling_tui.laws import find_law

    return float(find_law("chinchilla-n").loss({"E": 0.0, "A": scale, "alpha": exponent}, params=size))


def _inverse(unknown: "Input") -> Function:
    """`params_for("law", loss, other inputs…, coefficients…)` and its counterparts for tokens and FLOPs."""

    def solve(law: str | float, target: float, *numbers: float) -> float:
        from scaling_tui.laws import find_law

        form = find_law(str(law))
        known, coefficients = _inputs_and_coefficients(
            str(law), numbers, [name for name in form.inputs if name != unknown]
        )
        return form.inverse(coefficients, target, unknown, **known)

    return solve


def layer_params(hidden: float, ffn: float) -> float:
    """Weights of one layer without biases and norms."""
    return float(_count(layers=1, hidden=hidden, ffn=ffn).per_layer)


def total_params(layers: float, hidden: float, ffn: float, vocab: float) -> float:
    """Every parameter of a plain transformer with a tied head: layers and token embedding."""
    return float(_count(layers=layers, hidden=hidden, ffn=ffn, vocab=vocab, head="tied").total)


def embedding_params(hidden: float, vocab: float) -> float:
    return float(_count(layers=0, hidden=hidden, vocab=vocab, head="tied").embedding)


def flops_per_token(layers: float, hidden: float, ffn: float, vocab: float, context: float) -> float:
    """Training FLOPs of a token by matmuls and attention, tied head (Chowdhery et al. 2022, appendix B)."""
    counted = _count(layers=layers, hidden=hidden, ffn=ffn, vocab=vocab, context=context, head="tied")
    return counted.flops_per_token["matmul+attention"]


def _count(
    layers: float, hidden: float, ffn: float = 1.0, vocab: float = 0.0, context: float = 0.0, head: "Head" = "none"
) -> "Count":
    from scaling_tui.laws import Architecture, count

    return count(Architecture(int(layers), int(hidden), int(ffn), vocab=int(vocab), context=int(context), head=head))


def training_flops(params: float, tokens: float) -> float:
    """C = 6ND, as the planner counts it (Hoffmann et al. 2022, section 3.3)."""
    from scaling_tui.laws.counting import training_flops

    return training_flops(params, tokens)


def pf_days(flops: float) -> float:
    from scaling_tui.laws.forms import PF_DAY

    return flops / PF_DAY


def hours(flops: float, peak: float, utilisation: float, devices: float) -> float:
    """Hours of training on `devices` devices of `peak` FLOP/s each."""
    from scaling_tui.laws.planning.devices import Device

    return Device(peak, utilisation, int(devices)).hours(flops)


def _frontier(law: str, numbers: Sequence[float]) -> "Frontier":
    from scaling_tui.laws import find_law
    from scaling_tui.laws.planning.frontier import Frontier

    form = find_law(law)
    _, coefficients = _inputs_and_coefficients(law, numbers, ())
    return Frontier(form, form.pack(form.values(coefficients)))


def _optimum(law: str, flops: float, numbers: Sequence[float]) -> tuple[float, float, float]:
    """N, D and loss of the compute-optimal run for `flops`."""
    frontier = _frontier(law, numbers)
    n, d = frontier.split(frontier.theta[:, 0] * 0 + math.log(flops))
    return math.exp(n[0]), math.exp(d[0]), math.exp(frontier.log_loss(n, d)[0])


def plan_params(law: str | float, flops: float, *numbers: float) -> float:
    return _optimum(str(law), flops, numbers)[0]


def plan_tokens(law: str | float, flops: float, *numbers: float) -> float:
    return _optimum(str(law), flops, numbers)[1]


def plan_loss(law: str | float, flops: float, *numbers: float) -> float:
    return _optimum(str(law), flops, numbers)[2]


def plan_ratio(law: str | float, flops: float, *numbers: float) -> float:
    params, tokens, _ = _optimum(str(law), flops, numbers)
    return tokens / params


@cache
def plan_flops(law: str | float, target: float, *numbers: float) -> float:
    """The budget whose compute-optimal run reaches the loss `target`; nan if none does."""
    return math.exp(_frontier(str(law), numbers).budget_for_loss(math.log(target))[0])


@cache
def plan_excess(law: str | float, flops: float, tokens_per_param: float, *numbers: float) -> float:
    """Loss above the optimum, as a fraction, of a run of `flops` trained at `tokens_per_param`."""
    from scaling_tui.laws import find_law
    from scaling_tui.laws.planning.plan import Goal, plan_law

    _, coefficients = _inputs_and_coefficients(str(law), numbers, ())
    return plan_law(find_law(str(law)), coefficients, Goal(flops=flops, tokens_per_param=tokens_per_param)).excess


def optimal_tokens(law: str | float, params: float, *numbers: float) -> float:
    """The tokens on which `params` parameters are compute-optimal."""
    frontier = _frontier(str(law), numbers)
    budget = frontier.budget_for_params(math.log(params))
    return math.exp(frontier.split(budget)[1][0])


def model(name: str | float, what: str | float) -> float:
    """A published model's figure: `model("GPT-3", "params")`, and likewise its tokens and year."""
    from scaling_tui.laws.atlas.models import published_model

    found = published_model(str(name))
    figures = {"params": found.params, "tokens": found.tokens, "year": float(found.year)}
    if str(what) not in figures:
        raise InputError(f"model: found {what!r}, want one of {', '.join(figures)}")
    return figures[str(what)]


def rounded(value: float, digits: float) -> float:
    """`value` rounded to `digits` significant figures, for answers that round too early."""
    return float(f"{value:.{int(digits) - 1}e}")


FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    **BASIC,
    "loss": (loss, 2, 12),
    "coef": (coef, 2, 2),
    "term": (term, 3, 3),
    "params_for": (_inverse("params"), 2, 12),
    "tokens_for": (_inverse("tokens"), 2, 12),
    "flops_for": (_inverse("flops"), 2, 12),
    "layer_params": (layer_params, 2, 2),
    "total_params": (total_params, 4, 4),
    "embedding_params": (embedding_params, 2, 2),
    "flops_per_token": (flops_per_token, 5, 5),
    "training_flops": (training_flops, 2, 2),
    "pf_days": (pf_days, 1, 1),
    "hours": (hours, 4, 4),
    "plan_params": (plan_params, 2, 12),
    "plan_tokens": (plan_tokens, 2, 12),
    "plan_loss": (plan_loss, 2, 12),
    "plan_ratio": (plan_ratio, 2, 12),
    "plan_flops": (plan_flops, 2, 12),
    "plan_excess": (plan_excess, 3, 13),
    "optimal_tokens": (optimal_tokens, 2, 12),
    "model": (model, 2, 2),
    "rounded": (rounded, 2, 2),
}


def formula(
    text: str,
    names: frozenset[str] | set[str],
    functions: Mapping[str, tuple[Function, int, int]] = FUNCTIONS,
    after: Callable[[float], float] | None = None,
) -> Expression:
    """Parses a bank's formula, which may call the law code or the `functions` in its place; `after` as in `parse`.

    Raises:
        InputError: as `parse`.
    """
    return parse(text, names, functions, strings=True, longest=LONGEST, after=after)
