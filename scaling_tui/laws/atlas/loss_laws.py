"""Loss laws: coefficients as the papers print them, each under the convention for N that it was fitted with."""

from math import exp

from scaling_tui.laws.atlas.entries import CoefficientSet, Scope, Stated
from scaling_tui.laws.forms import PF_DAY

_WEBTEXT2 = Scope("WebText2", "GPT-2's BPE of 50,257", (768, 1.5e9), (2.2e7, 2.3e10))
_MASSIVETEXT = Scope("MassiveText", "SentencePiece of 32,000", (4.4e7, 1.6e10), (5e9, 5e11), (6e18, 3e21))

SETS: tuple[CoefficientSet, ...] = (
    CoefficientSet(
        "kaplan",
        "kaplan2020",
        {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
        "Kaplan et al. 2020 (arXiv:2001.08361), table 2",
        "non-embedding",
        _WEBTEXT2,
        Stated(
            "section 1.1: 8 times the parameters with about 5 times the data lose nothing to overfitting",
            "loss ratio",
            8**-0.076,
            0.005,
            {"params": 8e8, "tokens": 5e9},
            {"params": 1e8, "tokens": 1e9},
        ),
        "D is the size of a data set that may be repeated, so C is not 6ND: the paper's own plan is "
        "allocation:kaplan2020",
        plans=False,
    ),
    CoefficientSet(
        "kaplan-n",
        "kaplan2020",
        {"Nc": 8.8e13, "alpha_N": 0.076},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.1",
        "non-embedding",
        _WEBTEXT2,
        Stated(
            "section 1.2: twice the parameters give 0.95 of the loss",
            "loss ratio",
            0.95,
            0.005,
            {"params": 2e9},
            {"params": 1e9},
        ),
    ),
    CoefficientSet(
        "kaplan-d",
        "kaplan2020",
        {"Dc": 5.4e13, "alpha_D": 0.095},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.2",
        "non-embedding",
        _WEBTEXT2,
        Stated(
            "section 6.3: with D ∝ C^0.26 the loss falls as C^-0.03",
            "loss ratio",
            10**-0.03,
            0.0125,
            {"tokens": 1e10 * 10**0.26},
            {"tokens": 1e10},
        ),
    ),
    CoefficientSet(
        "kaplan-c",
        "kaplan2020",
        {"Cc": 3.1e8, "alpha_C": 0.050},
        "Kaplan et al. 2020 (arXiv:2001.08361), equation 1.3 (C_min)",
        "non-embedding",
        _WEBTEXT2,
        Stated(
            "section 6.3: 1.7 nats per token at 10^4 PF-days, where L(C) meets L(D)",
            "loss",
            1.7,
            0.02,
            {"flops": 1e4 * PF_DAY},
        ),
        "C is the least compute that reaches the loss, in PF-days",
    ),
    CoefficientSet(
        "chinchilla",
        "hoffmann2022",
        {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
        "Hoffmann et al. 2022 (arXiv:2203.15556), equation 10, rounded as printed",
        "all",
        _MASSIVETEXT,
        Stated("table 2, approach 3: N ∝ C^0.46", "a", 0.46, 0.025, {}),
        "rounding the exponents to two decimals changes the plan: see chinchilla:hoffmann2022-unrounded and "
        "chinchilla:besiroglu2024",
        plans=False,
    ),
    CoefficientSet(
        "chinchilla",
        "hoffmann2022-unrounded",
        {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849},
        "Hoffmann et al. 2022 (arXiv:2203.15556), the digits of its TeX source as Besiroglu et al. 2024 "
        "(arXiv:2404.10102) quote them, as transcribed by others",
        "all",
        _MASSIVETEXT,
        Stated(
            "figure 4, approach 3: 40B parameters at Gopher's budget 5.76e23",
            "params",
            4.0e10,
            0.015,
            {"flops": 5.76e23},
        ),
        "the optimiser stopped short of the minimum: see chinchilla:besiroglu2024",
    ),
    CoefficientSet(
        "chinchilla",
        "besiroglu2024",
        {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
        "Besiroglu et al. 2024 (arXiv:2404.10102), table 1",
        "all",
        _MASSIVETEXT,
        Stated("table 1: N ∝ C^0.5126, with a standard error of 0.018", "a", 0.5126, 5e-4, {}),
        "the 240 runs of Hoffmann et al. read off their figure and fitted to convergence; standard errors: A 124.58, "
        "B 1293.23, E 0.03, alpha 0.02, beta 0.02",
    ),
    CoefficientSet(
        "chinchilla",
        "gadre2024",
        {"E": 1.836648, "A": 166.21099, "B": 287.16807, "alpha": 0.2728507, "beta": 0.2728507},
        "Gadre et al. 2024 (arXiv:2403.08540), equation 4, RedPajama; fitted here to the five runs of its table 2 in "
        "github.com/mlfoundations/scaling, as its code fits them",
        "all",
        Scope("RedPajama, loss on C4", "", (1.06e7, 4.12e8), (2.1e8, 8.3e9)),
        Stated(
            "scaling_explorer.ipynb: 0.7103 % above the measured 2.50205 at 1.4B, 640 tokens per parameter",
            "loss",
            2.50205 * 1.007103,
            2e-4,
            {"params": 1.4397952e9, "tokens": 9.21468928e11},
        ),
        "the form for over-training, E + (a·M^eta + b·M^-eta)·C^-eta with M = D/N: alpha and beta tied, "
        "eta = alpha/2, a = A·6^eta, b = B·6^eta; meant to predict over-trained models, not to split a budget",
        plans=False,
    ),
    CoefficientSet(
        "chinchilla",
        "minicpm2024",
        # The paper counts N and D in billions.
        {"E": 0.31, "A": 7.15e-2 * 1e9**0.29, "B": 3.00e-1 * 1e9**0.23, "alpha": 0.29, "beta": 0.23},
        "Hu et al. 2024, MiniCPM (arXiv:2404.06395), figure 17, average over five corpora, as transcribed by others",
        "non-embedding",
        Scope("MiniCPM's mix, loss on code, English and Chinese", "", (4e7, 2e9), (4e8, 1.2e11)),
        Stated(
            "figure 17: 191.87 tokens per parameter at 1e21",
            "tokens_per_param",
            191.87,
            0.05,
            {"flops": 1e21},
        ),
        "from checkpoints decayed after a constant learning rate",
        unit="per byte",
    ),
    CoefficientSet(
        "chinchilla",
        "krajewski2024",
        {"E": 0.47, "A": 16.3, "B": 26.7, "alpha": 0.126, "beta": 0.127},
        "Krajewski et al. 2024 (arXiv:2402.07871), table 1, dense models",
        "non-embedding",
        Scope("", "", (1.29e8, 3.7e9), (1.6e10, 1.3e11)),
        Stated(
            "abstract, table 2: dense models need 20 times the 1.93e20 FLOPs with which 64 × 1B experts reach 2.491",
            "loss",
            2.491,
            0.005,
            {"flops": 20 * 1.93e20},
        ),
        "E was fitted to mixtures of experts first and kept",
    ),
    CoefficientSet(
        "chinchilla",
        "bhagia2024",
        {"E": 0.9338666, "A": 12.4741566, "B": 33.5409596, "alpha": 0.10353814, "beta": 0.16207517},
        "Bhagia et al. 2024 (arXiv:2412.04403), equation 1; it prints no coefficients: fitted here to the 16 runs of "
        "github.com/allenai/OLMo-ladder, as its code fits them",
        "non-embedding",
        Scope("OLMo 2's mix, loss on C4", "", (1.9e8, 1.28e9), (3.8e9, 2.56e11)),
        Stated(
            "figures/step1_c4_main.csv: 2.3444 predicted for 13B parameters and 5T tokens (3.8 % below the measured)",
            "loss",
            2.3443873,
            1e-4,
            {"params": 13202396160, "tokens": 5000088518656},
        ),
        "meant to predict over-trained models, not to split a budget",
        plans=False,
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
        "Abnar et al. 2025 (arXiv:2501.12370), table 3, as transcribed by others",
        "all",
        Scope("RedPajama", "vocabulary of 50,432", None, None, (3e19, 1e21)),
        Stated(
            "section 3: at one budget a model of sparsity 98 % has a lower loss than a dense one",
            "loss ratio",
            1.0,
            0.0,
            {"flops": 1e21, "active_share": 0.02},
            {"flops": 1e21, "active_share": 1.0},
            below=True,
        ),
        "the coefficients come from a transcription, and only the direction of an effect was reproduced, no figure; "
        "N counts active parameters, as C = 6ND does, and N/N_total stands for 1 - S, the share of active experts; the "
        "paper gives R² 0.99 for the runs fitted and 0.68 for those held out, S = 0.98",
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
        Scope("C4, up to 900B tokens", "", (7e6, 9e9)),
        Stated(
            "equation 17, as transcribed by others: U unique tokens are enough for 0.051·U parameters",
            "tokens_per_param",
            1 / 0.051,
            0.01,
            {"flops": 1e21},
        ),
    ),
)
