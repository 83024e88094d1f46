"""Coefficient sets as their papers print them, each with the convention for N it was fitted under."""

from dataclasses import dataclass
from math import exp

from scaling_tui import InputError
from scaling_tui.laws.forms import LAWS, Coefficients, Law


@dataclass(frozen=True)
class CoefficientSet:
    """Coefficients of a law and where they were published.

    Args:
        params: which parameters N counts: "all" or "non-embedding".
    """

    law: str
    name: str
    coefficients: Coefficients
    source: str
    params: str
    note: str = ""


SETS: tuple[CoefficientSet, ...] = (
    CoefficientSet(
        "kaplan",
        "kaplan2020",
        {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
        "Kaplan et al. 2020 (arXiv:2001.08361), table 2",
        "non-embedding",
    ),
    CoefficientSet(
        "kaplan-n",
        "kaplan2020",
        {"Nc": 8.8e13, "alpha_N": 0.076},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.1",
        "non-embedding",
    ),
    CoefficientSet(
        "kaplan-d",
        "kaplan2020",
        {"Dc": 5.4e13, "alpha_D": 0.095},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.2",
        "non-embedding",
    ),
    CoefficientSet(
        "kaplan-c",
        "kaplan2020",
        {"Cc": 3.1e8, "alpha_C": 0.050},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.3 (C_min)",
        "non-embedding",
        "C is the least compute that reaches the loss, in PF-days",
    ),
    CoefficientSet(
        "chinchilla",
        "hoffmann2022",
        {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
        "Hoffmann et al. 2022 (arXiv:2203.15556), equation 10, rounded as printed",
        "all",
        "rounding the exponents to two decimals changes the plan: see chinchilla:besiroglu2024",
    ),
    CoefficientSet(
        "chinchilla",
        "besiroglu2024",
        {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
        "Besiroglu et al. 2024 (arXiv:2404.10102), table 1",
        "all",
        "the 240 runs of Hoffmann et al. read off their figure and fitted to convergence",
    ),
    CoefficientSet(
        "muennighoff",
        "muennighoff2023",
        {
            "E": exp(0.6254804),
            "A": exp(6.255414),
            "B": exp(7.3049974),
            "alpha": 0.3526596,
            "beta": 0.3526596,
            "R_D_star": 15.387756,
            "R_N_star": 5.309743,
        },
        "Muennighoff et al. 2023 (arXiv:2305.16264), section 5 and appendix A; C4, alpha and beta tied",
        "all",
    ),
    CoefficientSet(
        "moe",
        "abnar2025",
        {
            "a": 16612.50,
            "b": 5455.67,
            "c": 0.4598,
            "d": 17.26,
            "e": 0.94,
            "alpha": 0.5962,
            "beta": 0.3954,
            "lambda": -0.1666,
            "delta": 0.1603,
            "gamma": 0.1595,
        },
        "Abnar et al. 2025 (arXiv:2501.12370), table 3",
        "all",
        "N counts active parameters, as C = 6ND does, and N/N_total stands for 1 - S, the share of active experts; by "
        "the paper R² is 0.99 on the runs fitted and 0.68 on those held out, S = 0.98",
    ),
)


def get(name: str) -> Law:
    """The law called `name`; for "law:set", the law before the colon.

    Raises:
        InputError: no such law.
    """
    form = name.partition(":")[0]
    if form not in LAWS:
        raise InputError(f"law: found {name!r}, want one of {', '.join(LAWS)}")
    return LAWS[form]


def coefficient_set(name: str) -> CoefficientSet:
    """The published set called "law:set"; for "law" alone, the first one published for it.

    Raises:
        InputError: no such law or set, or a law without a published set.
    """
    law = get(name)
    _, _, wanted = name.partition(":")
    published = [item for item in SETS if item.law == law.name]
    if not published:
        raise InputError(f"coefficients: {law.name} has no published set, want {', '.join(law.coefficients)}")
    for item in published:
        if wanted in ("", item.name):
            return item
    names = ", ".join(f"{item.law}:{item.name}" for item in published)
    raise InputError(f"law: found {name!r}, want a published set of {law.name} ({names})")
