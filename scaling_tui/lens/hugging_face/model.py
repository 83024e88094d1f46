"""Models of the transformers library as the lens sees them.

The library's own forward pass runs; hooks on its modules keep the stream at every block, what attention and MLP add to
it, and what the heads hand to the output projection. So grouped keys and values, rotations, norms of queries and keys,
windows and biases are the library's, whatever the family. The read-out is the library's final norm and head.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from scaling_tui import InputError
from scaling_tui.lens.hugging_face.folder import ModelFolder, first_line
from scaling_tui.lens.readout import ForwardPass, LensModel, Norm, Written, must_be_finite
from scaling_tui.lens.records import Shape
from scaling_tui.sweeps.limits import cores, memory
from scaling_tui.text import show

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROOM = 1.1  # bytes of memory for each byte of weights: the computation needs some too


@dataclass(frozen=True)
class Layout:
    """Where a family keeps what the lens reads: paths from the language model, and from one of its blocks."""

    embedding: str
    positions: str | None
    blocks: str
    final_norm: str
    attention: str
    attention_out: str
    mlp: str = "mlp"


LLAMA = Layout(
    "model.embed_tokens", None, "model.layers", "model.norm", attention="self_attn", attention_out="self_attn.o_proj"
)
LAYOUTS = {
    "gpt2": Layout("transformer.wte", "transformer.wpe", "transformer.h", "transformer.ln_f", "attn", "attn.c_proj"),
    "gpt_neox": Layout(
        "gpt_neox.embed_in", None, "gpt_neox.layers", "gpt_neox.final_layer_norm", "attention", "attention.dense"
    ),
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
}


def load_model(folder: ModelFolder, device: str = "cpu") -> "HuggingFaceModel":
    """The model in `folder`: on the CPU in float32, whatever its weights are stored in; on a GPU as stored.

    Raises:
        InputError: transformers is not installed, the memory does not suffice, or the weights do not fit the
            configuration.
    """
    try:
        from transformers import AutoConfig, AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            f"{folder.path}: needs transformers, which is not installed; run pip install 'scaling-tui[hf]'"
        ) from None
    _must_be_here(device)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # Its files alone: nothing is fetched, and neither pickles nor the code of a folder are read.
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder.path, **local)
        _must_be_described(folder, config)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder.path, config=config, use_safetensors=True, attn_implementation="eager", output_loading_info=True,
            dtype=torch.float32 if device == "cpu" else "auto", ignore_mismatched_sizes=True, **local,
        )  # fmt: skip
        model = model.to(device).eval()
    except InputError:
        raise
    except torch.cuda.OutOfMemoryError:
        raise InputError(f"{folder.path}: does not fit the memory of {device}") from None
    except Exception as error:  # the library checks configurations in many ways
        raise InputError(f"{folder.path}: cannot be read: {first_line(error)}") from None
    _must_fit(folder, report)
    torch.set_num_threads(max(1, cores() // 2))
    return HuggingFaceModel(model, LAYOUTS[folder.family], folder.family)


def _must_be_here(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except Exception:  # an unknown name, a build without CUDA, no such card
        raise InputError(f"--device {device}: not available here, want cpu, or a GPU's name such as cuda") from None


def needed_bytes(folder: ModelFolder, device: str = "cpu") -> int:
    """The memory that the model in `folder` takes: in float32 on the CPU, as stored on a GPU."""
    return int(ROOM * (4 * folder.elements if device == "cpu" else folder.stored))


def must_fit_memory(folder: ModelFolder, device: str = "cpu") -> None:
    """Checks the memory before any weight is loaded.

    Raises:
        InputError: less is available than the model takes.
    """
    needed = needed_bytes(folder, device)
    if device == "cpu":
        available, how, advice = memory()[0], "in float32", "a smaller model, or a GPU (--device cuda)"
    elif device.startswith("cuda") and torch.cuda.is_available():
        available, how, advice = torch.cuda.mem_get_info(device)[0], f"on {device}", "a smaller model, or --device cpu"
    else:
        return
    if needed > available:
        raise InputError(
            f"{folder.path}: {folder.elements:,} weights need {needed / 1e9:.1f} GB {how}, {available / 1e9:.1f} GB "
            f"are available; want {advice}"
        )


def _must_be_described(folder: ModelFolder, config: Any) -> None:
    """Checks the sizes of config.json against the files before the library makes a model of them.

    What the files lack the library would draw at random, however much memory it takes.

    Raises:
        InputError: the configuration describes a far larger model.
    """
    from transformers import AutoModelForCausalLM

    described = f"{config.num_hidden_layers:,} layers"
    if config.num_hidden_layers <= folder.tensors:
        with torch.device("meta"):
            params = AutoModelForCausalLM.from_config(config).num_parameters()
        if params <= 2 * folder.elements:
            return
        described = f"{params:,} parameters"
    raise InputError(
        f"{folder.path}: config.json describes a model of {described}, the weights are {folder.tensors:,} tensors of "
        f"{folder.elements:,} numbers; want those of one model"
    )


def _must_fit(folder: ModelFolder, report: dict[str, Any]) -> None:
    """What the library would fill with random numbers is an error here."""
    for kind in ("mismatched_keys", "missing_keys"):
        if named := sorted(str(item[0] if isinstance(item, tuple) else item) for item in report.get(kind) or ()):
            what = "are missing" if kind == "missing_keys" else "have another shape than config.json says"
            raise InputError(
                f"{folder.path}: weights {what}: {show.listed(named, 1)}; want a language model's, complete"
            )


class HuggingFaceModel(LensModel):
    """A causal language model of transformers."""

    def __init__(self, model: "PreTrainedModel", layout: Layout, family: str) -> None:
        self.model, self.layout = model, layout
        self.embedding: nn.Embedding = attrgetter(layout.embedding)(model)
        self.positions: nn.Embedding | None = attrgetter(layout.positions)(model) if layout.positions else None
        self.blocks: nn.ModuleList = attrgetter(layout.blocks)(model)
        self.final_norm: nn.Module = attrgetter(layout.final_norm)(model)
        self.lm_head: nn.Linear = model.get_output_embeddings()
        config: Any = model.config
        heads, hidden = config.num_attention_heads, config.hidden_size
        self.shape = Shape(
            family=family,
            layers=config.num_hidden_layers,
            hidden=hidden,
            heads=heads,
            inner=getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * hidden,
            vocab=self.embedding.num_embeddings,
            outputs=self.lm_head.out_features,
            context=config.max_position_embeddings,
            positions="rotary" if self.positions is None else "learned",
            tied=self.lm_head.weight is self.embedding.weight,
            kv_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_dim=getattr(config, "head_dim", None) or hidden // heads,
            parallel=bool(getattr(config, "use_parallel_residual", False)),
        )

    @property
    def params(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def dtype(self) -> torch.dtype:
        return self.lm_head.weight.dtype

    @torch.no_grad()
    def forward_pass(self, ids: Sequence[int], at: int) -> "HuggingFaceForwardPass":
        batch = torch.tensor([list(ids)], dtype=torch.int64, device=self.lm_head.weight.device)
        with _kept(self, at) as kept:
            self.model.base_model(input_ids=batch, use_cache=False)
        must_be_finite(kept.blocks[-1])
        streams = [kept.before[0]]
        for before, attention, after in zip(kept.before, kept.attention, kept.blocks, strict=True):
            streams += [before + attention, after]
        return HuggingFaceForwardPass(self, batch, at, tuple(streams), kept)

    @torch.no_grad()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        batch = torch.tensor([list(ids)], dtype=torch.int64, device=self.lm_head.weight.device)
        logits: Tensor = self.model(input_ids=batch, use_cache=False, logits_to_keep=1).logits
        return logits[0, -1].float().cpu()


@dataclass
class Kept:
    """What the hooks saw, a tensor a block.

    Args:
        before, blocks: the stream before and after the block, (1, time, hidden).
        attention: what attention adds to it, (1, time, hidden).
        weights: attention weights from the column, (heads, time).
        mixed: what the heads hand to the output projection at the column, (heads · head_dim,).
        mlp: what the MLP adds at the column, (hidden,).
    """

    before: list[Tensor] = field(default_factory=list)
    blocks: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    mixed: list[Tensor] = field(default_factory=list)
    mlp: list[Tensor] = field(default_factory=list)


@contextmanager
def _kept(model: HuggingFaceModel, at: int) -> Iterator[Kept]:
    """Hooks every block while the library runs, and takes the hooks off again."""
    kept, layout = Kept(), model.layout

    def before(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        kept.before.append(inputs[0] if inputs else named["hidden_states"])

    def after(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        kept.blocks.append(output[0] if isinstance(output, tuple) else output)

    def attended(_: nn.Module, __: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        kept.attention.append(output[0])
        kept.weights.append(output[1][0, :, at].clone())

    def projected(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept.mixed.append(inputs[0][0, at].clone())

    def added(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
        kept.mlp.append(output[0, at].clone())

    with ExitStack() as hooks:
        for block in model.blocks:
            for handle in (
                block.register_forward_pre_hook(before, with_kwargs=True),
                block.register_forward_hook(after),
                attrgetter(layout.attention)(block).register_forward_hook(attended),
                attrgetter(layout.attention_out)(block).register_forward_pre_hook(projected),
                attrgetter(layout.mlp)(block).register_forward_hook(added),
            ):
                hooks.callback(handle.remove)
        yield kept


class HuggingFaceForwardPass(ForwardPass):
    def __init__(self, model: HuggingFaceModel, ids: Tensor, at: int, streams: tuple[Tensor, ...], kept: Kept) -> None:
        self.at, self.streams = at, streams
        self._model, self._ids, self._kept = model, ids, kept

    def read_out(self, stream: Tensor) -> Tensor:
        return self._model.lm_head(self._model.final_norm(stream)).float()  # type: ignore[no-any-return]

    def attention(self) -> list[list[list[float]]]:
        return [weights.float().tolist() for weights in self._kept.weights]

    @torch.no_grad()
    def written(self) -> Iterator[Written | Norm]:
        model, at = self._model, self.at
        yield Written("embedding", None, _exact(model.embedding.weight[self._ids[0, at]])[None])
        if model.positions is not None:
            yield Written("positions", None, _exact(model.positions.weight[at])[None])
        for layer, block in enumerate(model.blocks):
            name = f"{layer + 1} attention"
            out = attrgetter(model.layout.attention_out)(block)
            # Conv1D, GPT-2's, stores its matrix the other way round.
            matrix = _exact(out.weight if isinstance(out, nn.Linear) else out.weight.T)
            by_head = matrix.view(len(matrix), model.shape.heads, -1)
            mixed = _exact(self._kept.mixed[layer]).view(model.shape.heads, -1)
            for head, vector in enumerate(torch.einsum("hd,ohd->ho", mixed, by_head)):
                yield Written(name, head, vector[None])
            if out.bias is not None:
                yield Written(name, None, _exact(out.bias)[None])
            yield Written(f"{layer + 1} MLP", None, _exact(self._kept.mlp[layer])[None])
        yield _norm(model.final_norm)

    def head(self, token: int) -> tuple[Tensor, float]:
        head = self._model.lm_head
        return _exact(head.weight[token]), float(head.bias[token]) if head.bias is not None else 0.0


def _exact(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().double()


def _norm(module: nn.Module) -> Norm:
    if isinstance(module, nn.LayerNorm):
        bias = _exact(module.bias) if module.bias is not None else None
        return Norm(_exact(module.weight), bias, module.eps, centred=True)
    return Norm(_exact(module.weight), None, module.variance_epsilon, centred=False)  # type: ignore[arg-type]
