"""The files of a checkpoint: safetensors and JSON with a manifest, all checked before any of it is used."""

import hashlib
import json
import math
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn

from scaling_tui import InputError
from scaling_tui.text.files import MOST_BYTES, opened, read_bytes

FORMAT = 2  # 1 had no manifest and no open losses
WEIGHTS, OPTIMIZER, STATE, MANIFEST = "model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"

PAGE = 4096  # bytes
DIFFERS = "its checksum does not match the manifest"


@dataclass(frozen=True)
class TrainingState:
    """All that a run needs to continue as if it had not been interrupted.

    Args:
        step: optimiser steps taken.
        cpu_s: CPU seconds spent on them.
        weights: by the name of the parameter.
        moments: of AdamW, by the index of the parameter: `step`, `exp_avg`, `exp_avg_sq`; empty before the first step.
        generators: states of the random generators by device type.
        open_losses: (n,), the training losses of the n steps since the last record.
    """

    step: int
    cpu_s: float
    weights: dict[str, Tensor]
    moments: dict[int, dict[str, Tensor]]
    generators: dict[str, Tensor]
    open_losses: Tensor


def write_files(folder: Path, state: TrainingState) -> None:
    """Writes `state` into an empty `folder`, the manifest last."""
    document = {"format": FORMAT, "step": state.step, "cpu_s": state.cpu_s}
    (folder / STATE).write_text(json.dumps(document))
    moments = {f"{index}.{name}": value for index, slot in state.moments.items() for name, value in slot.items()}
    # "generator" is the CPU's: format 1 knew no other.
    generators = {"generator" if kind == "cpu" else f"generator.{kind}": it for kind, it in state.generators.items()}
    checksums = {STATE: hashlib.sha256((folder / STATE).read_bytes()).hexdigest()}
    for name, tensors in (
        (WEIGHTS, state.weights),
        (OPTIMIZER, moments | generators | {"open_losses": state.open_losses}),
    ):
        on_cpu = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        checksums[name] = checksum(on_cpu)
        save_file(on_cpu, folder / name)
        # safetensors makes its files readable by their owner alone.
        (folder / name).chmod(stat.S_IMODE((folder / STATE).stat().st_mode))
    (folder / MANIFEST).write_text(json.dumps(checksums, indent=1))


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of the names and of the sums of each 4 KiB of their bytes, read as 64-bit integers.

    A SHA-256 of every byte would take as long as writing them; the sums run at the speed of memory and still change
    with every flipped bit and every page that is zeroed, torn or in the wrong place.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        data = tensors[name].reshape(-1).view(torch.uint8).numpy()
        whole = len(data) // PAGE * PAGE
        digest.update(f"{name} {len(data)} ".encode())
        digest.update(data[:whole].view(np.uint64).reshape(-1, PAGE // 8).sum(axis=1).tobytes())
        digest.update(data[whole:].tobytes())
    return digest.hexdigest()


def read_files(
    folder: Path,
    model: nn.Module,
    optimized: Sequence[Tensor],
    generators: Mapping[str, Generator],
    steps: int,
) -> TrainingState:
    """The checkpoint in `folder`, once all of it has proved to fit the model and a run of `steps` steps.

    `optimized` are the parameters in the order in which the optimizer numbers them.
    `generators` name the ones to restore, by device type; the states of others are left out.

    Raises:
        InputError: a file is missing, broken or not of this run; the line names it.
    """
    try:
        manifest = _manifest(folder)
        step, cpu_s = _progress(folder, manifest, steps)
        weights = _weights(folder, model, manifest)
        kept = _tensors(folder / OPTIMIZER, manifest)
        states = _generator_states(kept, generators)
        open_losses = kept.pop("open_losses", torch.zeros(0))
        if open_losses.dtype != torch.float32 or open_losses.ndim != 1 or len(open_losses) > step:
            raise ValueError(f"{OPTIMIZER}: open_losses is {_described(open_losses)}, want float32 of at most {step}")
        return TrainingState(step, cpu_s, weights, _moments(kept, optimized, step), states, open_losses)
    except Exception as error:
        raise _unreadable(folder, error) from error


def read_weights(model: nn.Module, folder: Path) -> None:
    """Loads the weights of the checkpoint in `folder` into `model`, on whatever device either was or is.

    Raises:
        InputError: as `read_files`, of the weights alone.
    """
    try:
        weights = _weights(folder, model, _manifest(folder))
    except Exception as error:
        raise _unreadable(folder, error) from error
    copy_weights(model, weights)


@torch.no_grad()
def copy_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        parameter.copy_(weights[name])


def _unreadable(folder: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        reason = f"{Path(error.filename).name if error.filename else 'a file'} is missing"
    elif isinstance(error, OSError) and error.filename:
        reason = f"{Path(error.filename).name}: {error.strerror}"
    else:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
    return InputError(f"checkpoint {folder}: cannot be read ({reason})")


def _progress(folder: Path, manifest: Mapping[str, Any] | None, steps: int) -> tuple[int, float]:
    """Steps taken and CPU seconds spent."""
    content = read_bytes(folder / STATE, MOST_BYTES)
    if manifest is not None and hashlib.sha256(content).hexdigest() != manifest.get(STATE):
        raise ValueError(f"{STATE}: {DIFFERS}")
    document = _json_object(content, STATE)
    if manifest is None and document.get("format", 1) != 1:
        raise ValueError(f"{MANIFEST} is missing")
    step, cpu_s = document.get("step"), document.get("cpu_s", 0.0)
    if type(step) is not int or not 0 <= step <= steps:
        raise ValueError(f"{STATE}: step is {step!r}, want 0 to {steps}")
    if folder.name != f"checkpoint-{step}":
        raise ValueError(f"{STATE}: step is {step}, the folder is {folder.name}")
    if type(cpu_s) not in (int, float) or not 0 <= cpu_s < math.inf:
        raise ValueError(f"{STATE}: cpu_s is {cpu_s!r}, want seconds")
    return step, float(cpu_s)


def _generator_states(kept: dict[str, Tensor], generators: Mapping[str, Generator]) -> dict[str, Tensor]:
    """Takes the states of all generators out of `kept`; returns those of `generators`, each proved to be one."""
    states = {}
    for key in [key for key in kept if key.partition(".")[0] == "generator"]:
        state, kind = kept.pop(key), key.partition(".")[2] or "cpu"
        if kind in generators:
            try:
                torch.Generator(generators[kind].device).set_state(state)
            except (RuntimeError, TypeError) as error:
                raise ValueError(f"{OPTIMIZER}: {key} is not the state of a generator") from error
            states[kind] = state
    if "cpu" not in states:
        raise ValueError(f"{OPTIMIZER}: generator is missing")
    return states


def _moments(kept: Mapping[str, Tensor], optimized: Sequence[Tensor], step: int) -> dict[int, dict[str, Tensor]]:
    wanted, moments = {}, {}
    for index, parameter in enumerate(optimized if step else []):
        wanted[f"{index}.step"] = torch.empty((), device="meta")
        wanted |= {f"{index}.{name}": parameter for name in ("exp_avg", "exp_avg_sq")}
    _check(kept, wanted, OPTIMIZER)
    for index in range(len(wanted) // 3):
        slot = {name: kept[f"{index}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")}
        if slot["step"].item() != min(step, 2**24):  # where a float32 stops counting
            raise ValueError(f"{OPTIMIZER}: {index}.step is {slot['step'].item():g}, want {step}")
        if bool((slot["exp_avg_sq"] < 0).any()):
            raise ValueError(f"{OPTIMIZER}: {index}.exp_avg_sq has negative values")
        moments[index] = slot
    return moments


def _manifest(folder: Path) -> dict[str, Any] | None:
    """Checksums by file; None in a checkpoint of format 1."""
    try:
        content = read_bytes(folder / MANIFEST, MOST_BYTES)
    except FileNotFoundError:
        return None
    return _json_object(content, MANIFEST)


def _json_object(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ValueError(f"{name}: not a JSON object")
    return document


def _weights(folder: Path, model: nn.Module, manifest: Mapping[str, Any] | None) -> dict[str, Tensor]:
    weights = _tensors(folder / WEIGHTS, manifest)
    _check(weights, dict(model.named_parameters()), WEIGHTS)
    return weights


def _tensors(path: Path, manifest: Mapping[str, Any] | None) -> dict[str, Tensor]:
    with opened(path):  # only to refuse what is not a regular file: a pipe of that name would never end
        pass
    try:
        tensors = load_file(path)
    except Exception as error:
        raise ValueError(f"{path.name}: {error}") from error
    if manifest is not None and checksum(tensors) != manifest.get(path.name):
        raise ValueError(f"{path.name}: {DIFFERS}")
    return tensors


def _check(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: str) -> None:
    """Raises ValueError: other names, dtypes or shapes than those of `wanted`, or values that are not finite."""
    for name in wanted:
        if name not in found:
            raise ValueError(f"{file}: {name} is missing")
    for name, tensor in found.items():
        if name not in wanted:
            raise ValueError(f"{file}: {name} is not part of this run's model")
        if (tensor.dtype, tensor.shape) != (wanted[name].dtype, wanted[name].shape):
            raise ValueError(f"{file}: {name} is {_described(tensor)}, want {_described(wanted[name])}")
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{file}: {name} has values that are not finite")


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
