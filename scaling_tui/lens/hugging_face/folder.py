"""Folders that hold a model in Hugging Face's layout: found, and checked before any weight is read."""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text.files import opened, read_text
from scaling_tui.text.show import counted

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "pytorch_model.pt")
FAMILIES = ("gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3")
FLOATS = ("F16", "BF16", "F32", "F64")


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk.

    Args:
        config: the content of config.json.
        weights: the files that hold them.
        tensors, elements: how many tensors and numbers they hold; about the parameters.
        stored: bytes of the files.
        written: modification times of the weights, ns: another value is another model.
        step: of its training; None where neither trainer_state.json nor the folder's name tells it.
    """

    path: Path
    config: Mapping[str, Any]
    weights: tuple[Path, ...]
    tensors: int
    elements: int
    stored: int
    written: tuple[int, ...]
    step: int | None

    @property
    def family(self) -> str:
        return str(self.config["model_type"])

    @property
    def name(self) -> str:
        """The folder's name; of a snapshot in Hugging Face's cache the model's, such as EleutherAI/pythia-70m."""
        path = Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links
        if path.parent.name == "snapshots" and path.parents[1].name.startswith("models--"):
            return path.parents[1].name.removeprefix("models--").replace("--", "/")
        return path.name


def find_model(name: str) -> Path | None:
    """The folder of the model at the path `name`, or of that name in Hugging Face's cache; None where there is neither.

    Of a training's folder that holds nothing but checkpoints it is the last one.

    Raises:
        InputError: `name` is a file.
    """
    if not name:
        return None
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _snapshot(path) or _latest(path) or path
        if not path.is_file():
            cached = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name)
            return _snapshot(_cache() / f"models--{name.replace('/', '--')}") if cached else None
    except (OSError, RuntimeError, ValueError):  # no home to expand, no permission, a NUL
        return None
    raise InputError(f"{name}: a file, want the folder that holds config.json, weights and tokenizer")


def _cache() -> Path:
    """Hugging Face's own, where its programs keep what they downloaded."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


def _snapshot(cached: Path) -> Path | None:
    """The snapshot that the cache's folder of a model holds: the one that its branch main names."""
    snapshots = cached / "snapshots"
    if not snapshots.is_dir():
        return None
    main = cached / "refs" / "main"
    named = snapshots / main.read_text(encoding="ascii").strip() if main.is_file() else None
    return named if named is not None and named.is_dir() else next(iter(sorted(snapshots.iterdir())), None)


def _latest(folder: Path) -> Path | None:
    """The last checkpoint in the folder of a training; None where it holds a model itself, or others too."""
    if is_model(folder):
        return None
    steps = {path: step_of(path) for path in _models_in(folder)}
    known = {path: step for path, step in steps.items() if step is not None}
    return max(known, key=known.__getitem__) if known and len(known) == len(steps) else None


def is_model(folder: Path) -> bool:
    """Whether `folder` has a config.json, so that it is meant to hold a model."""
    return (folder / CONFIG).is_file()


def read_model_folder(folder: Path) -> ModelFolder:
    """The model in `folder`, whose files are all there and readable; the weights themselves are not read yet.

    Raises:
        InputError: a file is missing or broken, the weights are pickled or quantized, or the architecture is not known.
    """
    config = _config(folder)
    weights = _weights(folder)
    sizes = [size for path in weights for size in _sizes(path)]
    found = [path.stat() for path in weights]
    return ModelFolder(
        path=folder,
        config=config,
        weights=weights,
        tensors=len(sizes),
        elements=sum(sizes),
        stored=sum(one.st_size for one in found),
        written=tuple(one.st_mtime_ns for one in found),
        step=step_of(folder),
    )


def _config(folder: Path) -> Mapping[str, Any]:
    if not is_model(folder):
        if (folder / "adapter_config.json").is_file():
            raise _is_adapter(folder)
        inside = ", ".join(path.name for path in list(_models_in(folder))[:4])
        hint = f"; models are in {inside}" if inside else ""
        raise InputError(f"{folder}: no {CONFIG}, want a model's folder in Hugging Face's layout{hint}")
    config = _json(folder / CONFIG, "a model's configuration")
    family = config.get("model_type")
    if family not in FAMILIES:
        found = f"model_type {family!r}" if "model_type" in config else "no model_type"
        raise InputError(f"{folder / CONFIG}: found {found}, want one of {', '.join(FAMILIES)}")
    if config.get("quantization_config"):
        raise InputError(f"{folder / CONFIG}: found quantized weights, want float32, float16 or bfloat16")
    if (folder / "adapter_config.json").is_file():
        raise _is_adapter(folder)
    return config


def _is_adapter(folder: Path) -> InputError:
    return InputError(f"{folder}: found an adapter (adapter_config.json), want the model that it is merged into")


def _weights(folder: Path) -> tuple[Path, ...]:
    if (folder / INDEX).is_file():
        index = _json(folder / INDEX, "an index of shards").get("weight_map")
        shards = sorted(set(index.values())) if isinstance(index, dict) and _names(index) else []
        if not shards:
            raise InputError(f"{folder / INDEX}: found no weight_map with names of files in this folder")
        for shard in shards:
            if not (folder / shard).is_file():
                raise InputError(f"{folder}: {shard} is missing, {INDEX} names {len(shards)} shards")
        return tuple(folder / shard for shard in shards)
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    pickled = next((name for name in PICKLES if (folder / name).exists()), None)
    if pickled is not None:
        raise InputError(
            f"{folder}: found {pickled}, a pickle, which can run code; want {WEIGHTS}: if you trust the file, load the "
            "model in transformers and call save_pretrained"
        )
    raise InputError(f"{folder}: no {WEIGHTS}, want the weights")


def _names(index: Mapping[str, Any]) -> bool:
    """Whether the index names plain files: one of elsewhere must not be read."""
    return all(isinstance(name, str) and name == Path(name).name and name.endswith(".safetensors")
               for name in index.values())  # fmt: skip


def _sizes(path: Path) -> list[int]:
    """How many numbers each tensor of a file holds."""
    from safetensors import SafetensorError, safe_open

    try:
        with opened(path), safe_open(str(path), framework="numpy") as file:
            slices = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118 - it is no mapping
            for one in slices:
                if one.get_dtype() not in (*FLOATS, "BOOL", "U8"):  # GPT-2's masks are of bytes
                    raise InputError(f"{path}: found weights of {one.get_dtype()}, want float32, float16 or bfloat16")
            return [math.prod(one.get_shape()) for one in slices if one.get_dtype() in FLOATS]
    except SafetensorError as error:
        raise InputError(f"{path}: not safetensors, or cut short ({first_line(error)})") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or first_line(error)}") from None


def _json(path: Path, wanted: str) -> Mapping[str, Any]:
    text = read_text(path, wanted)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {first_line(error)}") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: found {type(document).__name__}, want {wanted}")
    return document


def first_line(error: BaseException) -> str:
    """What an error of a library says, as far as one line goes."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def step_of(folder: Path) -> int | None:
    """The training step of a checkpoint, by trainer_state.json or by a name such as checkpoint-500 or step1000."""
    try:
        step = json.loads(read_text(folder / "trainer_state.json", "a trainer's state")).get("global_step")
        if type(step) is int and step >= 0:
            return step
    except (InputError, ValueError, AttributeError, RecursionError):
        pass
    match = re.search(r"(?:checkpoint|step|iter)[-_]?(\d{1,15})$", folder.name, re.ASCII)
    return int(match[1]) if match else None


def _models_in(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in sorted(folder.iterdir()) if is_model(path))
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None


def models_in_time(folder: Path) -> list[tuple[str, Path]]:
    """The checkpoints of one training in `folder`, or beside it where it is one itself, by step.

    Raises:
        InputError: fewer than two.
    """
    found = _by_step(folder)
    if len(found) < 2:
        what = counted(len(found), "checkpoint")
        raise InputError(f"{folder}: found {what}, want two or more, such as checkpoint-500")
    return [(f"step {step}", path) for step, path in found]


def model_at(folder: Path, step: int) -> Path:
    """The checkpoint of that step in `folder`, or beside it where it is a checkpoint itself.

    Raises:
        InputError: there is none.
    """
    found = _by_step(folder)
    for at, path in found:
        if at == step:
            return path
    listed = ", ".join(str(at) for at, _ in found) or "none"
    raise InputError(f"{folder}: no checkpoint of step {step}; available: {listed}")


def _by_step(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints of one training, in `folder` or, where it is a checkpoint, beside it."""
    found = [(step, path) for path in _models_in(folder) if (step := step_of(path)) is not None]
    if not found and step_of(folder) is not None:
        beside = _models_in(folder.absolute().parent)
        found = [(step, path) for path in beside if (step := step_of(path)) is not None]
    return sorted(found)


def models_by_size(folder: Path) -> list[tuple[str, Path]]:
    """The models in `folder`, or those of its family beside it where it is a model itself, from small to large.

    Raises:
        InputError: fewer than two, or one that cannot be read.
    """
    if is_model(folder):
        own = read_model_folder(folder)
        # Others beside it may be of any kind, such as encoders, and need not be readable.
        beside = [path for path in _models_in(folder.absolute().parent) if _family(path) == own.family]
        models = [read_model_folder(path) for path in beside]
    else:
        models = [read_model_folder(path) for path in _models_in(folder)]
    if len(models) < 2:
        raise InputError(f"{folder}: found {counted(len(models), 'model')} of its family beside it, want two or more")
    return [(model.name, model.path) for model in sorted(models, key=lambda model: (model.elements, model.name))]


def _family(folder: Path) -> str | None:
    try:
        family = _json(folder / CONFIG, "a model's configuration").get("model_type")
    except InputError:
        return None
    return family if isinstance(family, str) else None
