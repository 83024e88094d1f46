"""Published language models with the sizes and token counts that their reports state, to hold against the laws."""

from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text.suggest import did_you_mean


@dataclass(frozen=True)
class Model:
    """A model as its report describes it: all parameters, and the tokens it was trained on, repeats included."""

    name: str
    year: int
    params: float
    tokens: float
    source: str


MODELS: tuple[Model, ...] = (
    Model("GPT-3", 2020, 175e9, 300e9, "Brown et al. 2020 (arXiv:2005.14165), table 2.1"),
    Model("GPT-3 13B", 2020, 13e9, 300e9, "Brown et al. 2020 (arXiv:2005.14165), table 2.1"),
    Model("Gopher", 2021, 280e9, 300e9, "Rae et al. 2021 (arXiv:2112.11446)"),
    Model("MT-NLG", 2022, 530e9, 270e9, "Smith et al. 2022 (arXiv:2201.11990)"),
    Model("Chinchilla", 2022, 70e9, 1.4e12, "Hoffmann et al. 2022 (arXiv:2203.15556)"),
    Model("PaLM", 2022, 540e9, 780e9, "Chowdhery et al. 2022 (arXiv:2204.02311)"),
    Model("LLaMA 65B", 2023, 65.2e9, 1.4e12, "Touvron et al. 2023 (arXiv:2302.13971), table 2"),
    Model("LLaMA 7B", 2023, 6.7e9, 1.0e12, "Touvron et al. 2023 (arXiv:2302.13971), table 2"),
)


def published_model(name: str) -> Model:
    """The model of that name.

    Raises:
        InputError: no such model.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise InputError(f"model {name!r}: not known; {did_you_mean(name, [model.name for model in MODELS])}")
