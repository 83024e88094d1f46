"""Allocations of a budget: N and D as powers of C, as papers state them without a loss law to derive them.

A law's own allocation follows from its loss under C = 6ND (`planning.frontier`). These are what a paper measured or
fitted directly: from the envelope of training curves, or from the minima of isoFLOP profiles.
"""

from math import exp

from scaling_tui import InputError
from scaling_tui.laws.atlas.entries import Allocation, Power, Scope, Stated
from scaling_tui.laws.forms import PF_DAY

_MASSIVETEXT = Scope("MassiveText", "SentencePiece of 32,000", (4.4e7, 1.6e10), (5e9, 5e11), (6e18, 3e21))
_PORIAN = "Porian et al. 2024 (arXiv:2406.19146), table 1; scale from {} of github.com/formll/"
_PORIAN += "resolving-scaling-law-discrepancies"
_PORIAN_RW = _PORIAN.format("data/summary_df.pickle.xz")
_PORIAN_OWT2 = _PORIAN.format("data/summary_df_owt2.pickle.xz")
_REFINEDWEB = Scope("RefinedWeb", "", (5e6, 9e8), None, (1.25e16, 2.56e19))


def _own_ratio(scale: float, exponent: float, within: float) -> Stated:
    """D/N at 1e19 FLOPs by the authors' separate fit of it, scale·C^exponent."""
    value = scale * 1e19**exponent
    return Stated(
        f"the same file, a fit of D/N by itself: {value:.1f} tokens per parameter at 1e19",
        "tokens_per_param",
        value,
        within,
        {"flops": 1e19},
    )


ALLOCATIONS: tuple[Allocation, ...] = (
    Allocation(
        "kaplan2020",
        "Kaplan et al. 2020 (arXiv:2001.08361), table 6",
        Scope("WebText2", "GPT-2's BPE of 50,257", (768, 1.5e9)),
        Power(1.3e9, 0.73, PF_DAY),
        Power(2e10, 0.27, PF_DAY),
        Stated("equation 6.5: N ∝ C^0.71 predicted from L(N, S)", "a", 0.71, 0.03, {}),
        "non-embedding",
        "kaplan-c:kaplan2020",
        notes=(
            "C is C_min, what the training would take with batches far below the critical size; with batches of that "
            "size it takes about twice as much, so 6ND is 1.8 times C",
            "later work traces the 0.73 to uncounted embeddings, warm-up and untuned small models",
        ),
        law="kaplan:kaplan2020",
        why="The joint law gives the loss of a model trained on D tokens for as long as it helps, and a plan with it "
        "assumes that one pass, C = 6ND, is enough: N ∝ C^0.58. Table 6 comes from learning curves of one pass, "
        "adjusted for the critical batch size: N ∝ C^0.73. Its C is C_min, what smaller batches would take.",
    ),
    Allocation(
        "hoffmann2022-1",
        "Hoffmann et al. 2022 (arXiv:2203.15556), table 3, approach 1, as transcribed by others; the power through its "
        "first and last row",
        _MASSIVETEXT,
        Power(4e8, 0.49803, 1.92e19),
        None,
        Stated("section D.4: 2.86B parameters at 1e21", "params", 2.86e9, 0.005, {"flops": 1e21}),
        notes=("the paper rounds the exponent to 0.50; minima of training curves",),
    ),
    Allocation(
        "hoffmann2022-2",
        "Hoffmann et al. 2022 (arXiv:2203.15556), table A3, approach 2, as transcribed by others; the power through "
        "its first and last row",
        _MASSIVETEXT,
        Power(4e8, 0.48985, 1.84e19),
        None,
        Stated("table A3: 4.54e24 FLOPs for 175B parameters", "params", 1.75e11, 0.01, {"flops": 4.54e24}),
        notes=("the paper rounds the exponent to 0.49; isoFLOP profiles",),
    ),
    Allocation(
        "deepseek2024",
        "DeepSeek-AI 2024 (arXiv:2401.02954), equation 4, as transcribed by others",
        Scope("DeepSeek's own, Chinese and English, loss in bits per byte", "", None, None, (1e17, 3e20)),
        Power(0.1715 / 6, 0.5243),
        Power(5.8316, 0.4757),
        Stated("section 3.2: C = M·D, so 6ND is C", "6ND/C", 1.0, 1e-3, {"flops": 1e20}),
        "flops",
        notes=(
            "N stands for M/6, M being the non-embedding FLOPs per token with attention",
            "the exponent of N is 0.450 on the same authors' early data and 0.578 on OpenWebText2 (table 4)",
        ),
    ),
    Allocation(
        "llama3",
        "Llama Team 2024 (arXiv:2407.21783), figure 3",
        Scope("Llama 3's mix", "vocabulary of 128,000", (4e7, 1.6e10), None, (6e18, 1e22)),
        None,
        Power(0.299, 0.537),
        Stated(
            "section 3.2.1: 402B parameters and 16.55T tokens at 3.8e25",
            "tokens",
            1.655e13,
            0.03,
            {"flops": 3.8e25},
        ),
        notes=(
            "the paper calls the tokens N*(C); its text rounds to 0.29·C^0.53, which gives 10.5T in place of 16.55T",
        ),
    ),
    Allocation(
        "porian2024",
        f"{_PORIAN_RW}, tuned for each size",
        _REFINEDWEB,
        Power(0.11892648, 0.49689508),
        None,
        _own_ratio(11.929462, 0.005942409, 0.005),
        "with head",
        notes=("learning rate, batch size and beta2 tuned for each size; the rate stays constant",),
    ),
    Allocation(
        "porian2024-owt2",
        f"{_PORIAN_OWT2}, tuned for each size",
        Scope("OpenWebText2", "", (5e6, 9e8), None, (1.25e16, 2.56e19)),
        Power(0.046935346, 0.51845421),
        None,
        _own_ratio(75.176048, -0.036811623, 0.01),
        "with head",
        notes=("learning rate, batch size and beta2 tuned for each size; the rate stays constant",),
    ),
    Allocation(
        "porian2024-kaplan",
        f"{_PORIAN_RW}, as Kaplan et al. trained",
        _REFINEDWEB,
        Power(4.2319659e-8, 0.83530004),
        None,
        _own_ratio(8.1946457e13, -0.66753586, 0.02),
        "non-embedding",
        notes=("head not counted, warm-up too long for small models: shown by the paper to be wrong",),
        plans=False,
    ),
    Allocation(
        "porian2024-head",
        f"{_PORIAN_RW}, the head counted too",
        _REFINEDWEB,
        Power(1.2701848e-5, 0.70646991),
        None,
        _own_ratio(6.4251260e8, -0.40179841, 0.05),
        "with head",
        notes=("warm-up too long for small models: shown by the paper to be wrong",),
        plans=False,
    ),
    Allocation(
        "porian2024-warmup",
        f"{_PORIAN_RW}, a warm-up in proportion to N too",
        _REFINEDWEB,
        Power(1.4309166e-3, 0.60203753),
        None,
        _own_ratio(9.2521265e4, -0.20705516, 0.05),
        "with head",
        notes=("one learning rate and batch size for all sizes: shown by the paper to be wrong",),
        plans=False,
    ),
    Allocation(
        "porian2024-decay",
        f"{_PORIAN_RW}, and a cosine decay that fits the budget",
        _REFINEDWEB,
        Power(4.7692868e-3, 0.57149479),
        None,
        _own_ratio(7.2901087e3, -0.14284978, 0.05),
        "with head",
        notes=("one learning rate and batch size for all sizes: shown by the paper to be wrong",),
        plans=False,
    ),
    Allocation(
        "gemstones2025",
        "McLeish et al. 2025, Gemstones (arXiv:2502.06857), approach 1 with embeddings; "
        "parameters/approach_1_linear_regression_*.json of github.com/mcleish7/gemstone-scaling-laws",
        Scope("Dolma", "", (5e7, 2e9), (2e9, 3.5e11)),
        Power(exp(-2.8451077), 0.49938022),
        Power(exp(1.8963208), 0.48098882),
        Stated(
            "approach_1_linear_regression_tokens_per_param.json: 45.1 tokens per parameter at 1e22",
            "tokens_per_param",
            exp(4.7414285) * 1e22**-0.018391393,
            1e-4,
            {"flops": 1e22},
        ),
        notes=("constant learning rate; the authors count more FLOPs than 6ND, so 6ND of it is 0.86 of C at 1e22",),
    ),
)


def allocation(name: str) -> Allocation:
    """The published allocation called `name`.

    Raises:
        InputError: no such allocation.
    """
    for item in ALLOCATIONS:
        if item.name == name:
            return item
    raise InputError(f"allocation: found {name!r}, want one of {', '.join(item.name for item in ALLOCATIONS)}")
