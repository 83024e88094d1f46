"""Tiny models of each family by the real library, saved as people save them, with a tokenizer trained on the spot."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

TEXT = (
    "the cat sat on the mat and the dog sat on the log while the bird sang of fog é\n"
    "a quick wizard jumped over five lazy boxes under bright morning clouds\n"
)
WORDS = 90  # tokens of the tokenizer; the models' embeddings have a few more rows, as real ones do
VOCAB = 96
GQA: dict[str, Any] = {
    "hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 40,
    "num_hidden_layers": 3, "max_position_embeddings": 48, "vocab_size": VOCAB,
}  # fmt: skip
NEOX: dict[str, Any] = {
    "hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 40, "num_hidden_layers": 3,
    "max_position_embeddings": 48, "vocab_size": VOCAB,
}  # fmt: skip
GPT2: dict[str, Any] = {"n_embd": 24, "n_head": 3, "n_layer": 3, "n_positions": 48, "vocab_size": VOCAB}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip

# By name: the family, and what its configuration says.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", GPT2),
    "gpt2 by layer": ("gpt2", {**GPT2, "scale_attn_by_inverse_layer_idx": True, "n_inner": 30}),
    "gpt2 untied": ("gpt2", {**GPT2, "tie_word_embeddings": False, "reorder_and_upcast_attn": True}),
    "pythia": ("gpt_neox", {**NEOX, "use_parallel_residual": True}),
    "neox in series": ("gpt_neox", {**NEOX, "use_parallel_residual": False, "attention_bias": False}),
    "llama": ("llama", GQA),
    "llama 3": ("llama", {**GQA, "rope_parameters": LLAMA3, "tie_word_embeddings": True, "head_dim": 8}),
    "llama with biases": ("llama", {**GQA, "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True}),
    "mistral": ("mistral", {**GQA, "sliding_window": 4}),
    "qwen2": ("qwen2", {**GQA, "tie_word_embeddings": True}),
    "qwen2 window": ("qwen2", {**GQA, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}),
    "qwen3": ("qwen3", {**GQA, "head_dim": 8}),
}


def build(name: str, seed: int = 0, **changes: Any) -> Any:
    """A model with every weight, gain and bias drawn at random: nothing holds by being one or zero."""
    transformers = pytest.importorskip("transformers")
    family, settings = MODELS[name]
    config = transformers.AutoConfig.for_model(family, **{**settings, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.normal_(1.0 if parameter.mean() > 0.5 else 0.0, 0.4)
            else:
                parameter.normal_(0.0, 0.3)
    return model


def save(folder: Path, name: str, seed: int = 0, shard: str | None = None, dtype: Any = None, **changes: Any) -> Path:
    """Such a model on disk, with its tokenizer."""
    model = build(name, seed, **changes)
    if dtype is not None:
        model = model.to(dtype)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def tokenizer(words: int = WORDS, special: bool = False) -> Any:
    """Byte pairs, as GPT-2, Llama 3 and Qwen have them; with `special`, a token <s> before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    letters = sorted({one for piece, _ in made.pre_tokenizer.pre_tokenize_str(TEXT) for one in piece})
    trainer = trainers.BpeTrainer(
        vocab_size=words, initial_alphabet=letters, show_progress=False, special_tokens=["<s>"] if special else []
    )
    made.train_from_iterator([TEXT] * 10, trainer)
    if special:
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return made


def logits(folder: Path, ids: list[int]) -> torch.Tensor:
    """What the library itself says, in float32 with its default attention: (time, vocab)."""
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]  # type: ignore[no-any-return]


def edit(folder: Path, **changes: Any) -> None:
    """Changes config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
