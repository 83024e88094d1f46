"""Laws of the best learning rate and batch size, as published. They hold for their own optimiser and schedule."""

from scaling_tui.laws.atlas.entries import HyperparameterLaw, Scope, Stated

_STEP_LAW = "Li et al. 2025, step law (arXiv:2503.04715), equation 1, as transcribed by others"
_STEP_SCOPE = Scope("English, code and Chinese mixes", "", (2.1e8, 1.07e9), (4e9, 1e11))
_STEP_POINT = {"params": 1e9, "tokens": 1e11}
_STEP_MEDIANS = "medians of data/1004_fitted_lr_bs_scaling_model_parameters.csv of github.com/step-law/steplaw"
_DEEPSEEK = "DeepSeek-AI 2024 (arXiv:2401.02954), equation 1, as transcribed by others"
_DEEPSEEK_SCOPE = Scope("DeepSeek's own, Chinese and English", "", None, None, (1e17, 2e19))
# Its 7B: 30 layers, hidden 4,096, sequences of 4,096, 2T tokens; C = (72·30·4096² + 12·30·4096·4096)·2e12.
_DEEPSEEK_7B = {"flops": (72 * 30 * 4096**2 + 12 * 30 * 4096 * 4096) * 2e12}
_PORIAN = "Porian et al. 2024 (arXiv:2406.19146), figure 3, as transcribed by others"
_PORIAN_SCOPE = Scope("RefinedWeb", "", (5e6, 9e8))

HYPERPARAMETER_LAWS: tuple[HyperparameterLaw, ...] = (
    HyperparameterLaw(
        "learning-rate",
        "li2025",
        1.79,
        {"params": -0.713, "tokens": 0.307},
        "",
        _STEP_LAW,
        _STEP_SCOPE,
        Stated(f"{_STEP_MEDIANS}: 1.652e-3 at 1B and 100B tokens", "value", 1.652e-3, 0.02, _STEP_POINT),
        "non-embedding",
    ),
    HyperparameterLaw(
        "batch-size",
        "li2025",
        0.58,
        {"tokens": 0.571},
        "tokens",
        _STEP_LAW,
        _STEP_SCOPE,
        Stated(f"{_STEP_MEDIANS}: 1.104M tokens at 100B tokens", "value", 1.104e6, 0.01, _STEP_POINT),
    ),
    HyperparameterLaw(
        "learning-rate",
        "deepseek2024",
        0.3118,
        {"flops": -0.1250},
        "",
        _DEEPSEEK,
        _DEEPSEEK_SCOPE,
        Stated("table 2: 4.2e-4 for the 7B model, 8.5e22 FLOPs", "value", 4.2e-4, 0.015, _DEEPSEEK_7B),
        note="C = M·D, M being the non-embedding FLOPs per token with attention",
    ),
    HyperparameterLaw(
        "batch-size",
        "deepseek2024",
        0.2920,
        {"flops": 0.3271},
        "tokens",
        _DEEPSEEK,
        _DEEPSEEK_SCOPE,
        Stated("table 2: 2,304 sequences of 4,096 for the 7B model", "value", 2304 * 4096, 0.03, _DEEPSEEK_7B),
        note="C = M·D, M being the non-embedding FLOPs per token with attention",
    ),
    HyperparameterLaw(
        "learning-rate",
        "porian2024",
        3.7,
        {"params": -0.36},
        "",
        _PORIAN,
        _PORIAN_SCOPE,
        Stated("section 3.5: about 0.0047 at 108M", "value", 4.7e-3, 0.015, {"params": 1.08e8}),
        "with head",
        "at the tokens that are optimal for N, constant rate",
    ),
    HyperparameterLaw(
        "batch-size",
        "porian2024",
        0.00037,
        {"params": 0.703},
        "sequences of 2,048",
        _PORIAN,
        _PORIAN_SCOPE,
        Stated("section 3.5: about 160 sequences at 108M", "value", 160.0, 0.03, {"params": 1.08e8}),
        "with head",
        "at the tokens that are optimal for N, constant rate",
    ),
)
