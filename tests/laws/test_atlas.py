"""The atlas: every published entry gives again what its source states, and the sets stay what the papers print."""

import math
import re
from dataclasses import replace

import pytest

from scaling_tui.laws import LAWS, get
from scaling_tui.laws.atlas import (
    ALLOCATIONS,
    ENTRIES,
    HYPERPARAMETER_LAWS,
    SETS,
    Allocation,
    CoefficientSet,
    Entry,
    HyperparameterLaw,
    allocation,
)
from scaling_tui.laws.atlas.entries import arxiv
from scaling_tui.laws.planning.published_runs import budgets_of, planning_entries, published_runs, spread
from scaling_tui.laws.planning.reproduced import reproduced


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_every_entry_gives_again_what_its_source_states(entry: Entry) -> None:
    stated = entry.stated
    if stated.below:
        assert reproduced(entry) < stated.value
        return
    assert reproduced(entry) == pytest.approx(stated.value, rel=stated.within)
    assert 0 < stated.within <= 0.1, "no looser than the rounding of printed coefficients"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_the_stated_figure_would_notice_a_wrong_coefficient(entry: Entry) -> None:
    if entry.stated.below:
        pytest.skip("the source states a direction, which many coefficients have")
    assert abs(reproduced(wrong(entry)) / entry.stated.value - 1) > entry.stated.within


def wrong(entry: Entry) -> Entry:
    """The entry with the exponents of N, or those that it has, half as large again."""

    def larger(value: float) -> float:
        return 1.5 * value

    if isinstance(entry, CoefficientSet):
        name = next(name for name in entry.coefficients if name in LAWS[entry.law].exponents)
        return replace(entry, coefficients={**entry.coefficients, name: larger(entry.coefficients[name])})
    if isinstance(entry, Allocation):
        if entry.params_power is not None:
            power = replace(entry.params_power, exponent=larger(entry.params_power.exponent))
            return replace(entry, params_power=power)
        assert entry.tokens_power is not None
        power = replace(entry.tokens_power, exponent=larger(entry.tokens_power.exponent))
        return replace(entry, tokens_power=power)
    return replace(entry, exponents={name: larger(power) for name, power in entry.exponents.items()})


def test_the_atlas_is_an_atlas() -> None:
    assert len({entry.title for entry in ENTRIES}) == len(ENTRIES) >= 15
    assert len({arxiv(entry) for entry in ENTRIES}) >= 12
    for entry in ENTRIES:
        assert re.search(r"arXiv:\d{4}\.\d{5}\), ", entry.source), "paper, number, and the table or equation"
        assert entry.stated.says and entry.stated.value > 0
        for low, high in filter(None, (entry.scope.params, entry.scope.tokens, entry.scope.flops)):
            assert 0 < low < high
    for chosen in SETS:
        assert set(chosen.coefficients) == set(LAWS[chosen.law].coefficients)
        assert chosen.params in ("all", "non-embedding")
        assert get(chosen.title) is chosen


@pytest.mark.parametrize(
    ("name", "coefficients"),
    [
        ("chinchilla:hoffmann2022", {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}),
        ("chinchilla:besiroglu2024", {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}),
        ("kaplan:kaplan2020", {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103}),
        ("kaplan-n", {"Nc": 8.8e13, "alpha_N": 0.076}),
        ("chinchilla", {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}),
    ],
)
def test_names_stay(name: str, coefficients: dict[str, float]) -> None:
    assert dict(get(name).coefficients) == coefficients


def test_hoffmanns_first_approach_gives_every_row_of_its_table() -> None:
    """Table 3 prints N, C and D in two to three digits."""
    rows = [
        (4e8, 1.92e19, 8.0e9), (1e9, 1.21e20, 20.2e9), (1e10, 1.23e22, 205.1e9), (6.7e10, 5.76e23, 1.5e12),
        (1.75e11, 3.85e24, 3.7e12), (2.8e11, 9.90e24, 5.9e12), (5.2e11, 3.43e25, 11.0e12), (1e12, 1.27e26, 21.2e12),
        (1e13, 1.30e28, 216.2e12),
    ]  # fmt: skip
    found = allocation("hoffmann2022-1")
    for params, flops, tokens in rows:
        assert float(found.params(flops)) == pytest.approx(params, rel=0.015)
        assert float(found.tokens(flops)) == pytest.approx(tokens, rel=0.06)


def test_porians_five_stages_move_from_kaplans_exponent_to_hoffmanns() -> None:
    stages = [allocation(f"porian2024{stage}") for stage in ("-kaplan", "-head", "-warmup", "-decay", "")]
    assert [round(stage.params_exponent, 3) for stage in stages] == [0.835, 0.706, 0.602, 0.571, 0.497]
    assert [stage.plans for stage in stages] == [False] * 4 + [True]


def test_deepseeks_67b_was_trained_as_its_hyperparameter_laws_say() -> None:
    """Table 2: 95 layers of 8,192, sequences of 4,096, 2T tokens, 3.2e-4, 4,608 sequences a step."""
    flops = (72 * 95 * 8192**2 + 12 * 95 * 8192 * 4096) * 2e12
    laws = {law.title: law for law in HYPERPARAMETER_LAWS}
    assert laws["learning-rate:deepseek2024"].value({"flops": flops}) == pytest.approx(3.2e-4, rel=0.03)
    assert laws["batch-size:deepseek2024"].value({"flops": flops}) == pytest.approx(4608 * 4096, rel=0.1)


def test_minicpm_as_printed_in_billions() -> None:
    """Figure 17 prints 7.15e-2/N^0.29 + 0.300/D^0.23 + 0.31, N and D in billions, and K² = 0.01."""
    c = get("chinchilla:minicpm2024").coefficients
    by_hand = 7.15e-2 / 2.4**0.29 + 0.300 / 1060**0.23 + 0.31
    assert float(LAWS["chinchilla"].loss(c, params=2.4e9, tokens=1.06e12)) == pytest.approx(by_hand)
    K = (0.29 * 7.15e-2 / (0.23 * 0.300)) ** (1 / 0.52)
    assert round(K**2, 2) == 0.01


def test_gadres_form_for_over_training_is_the_same_law() -> None:
    """Equation 4: E + (a·M^eta + b·M^-eta)·C^-eta; table 1 of its appendix prints a 212, b 367, eta 0.136."""
    c = get("chinchilla:gadre2024").coefficients
    eta = c["alpha"] / 2
    a, b = c["A"] * 6**eta, c["B"] * 6**eta
    for params, tokens in ((1e9, 2e10), (4e8, 2.5e11)):
        M, C = tokens / params, 6 * params * tokens
        by_paper = c["E"] + (a * M**eta + b * M**-eta) * C**-eta
        assert float(LAWS["chinchilla"].loss(c, params=params, tokens=tokens)) == pytest.approx(by_paper, rel=1e-12)


def test_published_runs_split_the_budget_they_are_given() -> None:
    runs = published_runs(flops=1e21)
    assert {run.title for run in runs} == {entry.title for entry in planning_entries()}
    assert len(runs) >= 10
    for run in runs:
        # Kaplan et al. and McLeish et al. count other FLOPs than 6ND.
        assert 6 * run.params * run.tokens / 1e21 == pytest.approx(1, rel=1.0)
        assert 0 < run.exponent < 1
    ratios = spread([run.tokens_per_param for run in runs])
    assert ratios[0] < 20 < ratios[1]


@pytest.mark.parametrize("goal", ["params", "tokens"])
def test_published_runs_for_an_n_or_a_d_have_it(goal: str) -> None:
    for run in published_runs(**{goal: 7e10}):
        assert getattr(run, goal) == pytest.approx(7e10, rel=1e-6)


def test_a_budget_is_measured_where_the_scope_says_so() -> None:
    def measured(flops: float) -> dict[str, bool | None]:
        return {run.title: run.measured for run in published_runs(flops=flops)}

    assert measured(1e21)["allocation:llama3"] is True
    assert measured(1e24)["allocation:llama3"] is False
    assert measured(1e24)["allocation:kaplan2020"] is None
    assert all(math.isfinite(high) for entry in ENTRIES if (ends := budgets_of(entry.scope)) for high in ends)


def test_kinds_hold_what_they_say() -> None:
    assert all(isinstance(item, Allocation) for item in ALLOCATIONS)
    assert all(isinstance(item, HyperparameterLaw) for item in HYPERPARAMETER_LAWS)
