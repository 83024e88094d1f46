"""Trains one run: batches in, records and checkpoints out. It knows no process, no supervisor and no screen."""

import json
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from scaling_tui import InputError
from scaling_tui.data import Encoded, Windows, held_out
from scaling_tui.laws.counts import Architecture, count
from scaling_tui.runs.config import RunConfig, Training
from scaling_tui.runs.format import State, read_json
from scaling_tui.runs.writer import Writer
from scaling_tui.train.model import GPT

Say = Callable[[str], None]

# However few checkpoints a long run asks for, a crash costs no more than this.
CHECKPOINT_AT_LEAST_EVERY_S = 600.0


@dataclass(frozen=True)
class HeldOut:
    """What an evaluation found: `loss` in nats per token, `accuracy` the share of next tokens ranked first."""

    loss: float
    accuracy: float


def build(config: RunConfig) -> GPT:
    """The untrained model that `config` describes."""
    if config.family != "gpt":
        raise InputError(f"model.family: found {config.family!r}, want 'gpt'")
    return GPT(Architecture(**config.architecture), config.training.dropout)


def learning_rate(step: int, steps: int, training: Training) -> float:
    """The rate of step `step` (from 0) of `steps`: up from zero in the warm-up, then down along the schedule."""
    warmup = max(1, round(training.warmup * steps))
    if step < warmup:
        return training.lr * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    left = {"constant": 1.0, "linear": 1 - share, "cosine": (1 + math.cos(math.pi * share)) / 2}[training.schedule]
    return training.lr * (training.final_lr + (1 - training.final_lr) * left)


def optimizer_for(model: nn.Module, training: Training) -> torch.optim.AdamW:
    """AdamW that decays the matrices between activations and leaves embeddings and gains alone."""
    lookups = {id(layer.weight) for layer in model.modules() if isinstance(layer, nn.Embedding)}
    decayed = [p for p in model.parameters() if p.ndim >= 2 and id(p) not in lookups]
    others = [p for p in model.parameters() if p.ndim < 2 or id(p) in lookups]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training.lr, betas=(training.beta1, training.beta2), fused=True)


def is_due(step: int, steps: int, times: int) -> bool:
    """Whether the end of step `step` is one of `times` moments spread evenly over `steps`; the last step is one."""
    return step * times // steps > (step - 1) * times // steps


class Trainer:
    """One run in the memory of one process."""

    def __init__(self, config: RunConfig, tokens: Encoded, device: torch.device) -> None:
        """Builds the model with the run's seed. Raises InputError where model and tokens don't fit each other."""
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.arch = Architecture(**config.architecture)
        if tokens.vocab > self.arch.vocab:
            raise InputError(f"model.vocab: found {self.arch.vocab}, the tokenizer has {tokens.vocab} tokens")
        self.model = build(config).to(device)
        self.optimizer = optimizer_for(self.model, config.training)
        self.windows = Windows(tokens.train, self.arch.context, config.seed)
        evaluated = held_out(tokens.held_out, self.arch.context, config.training.held_out_tokens)
        self.held_out = torch.from_numpy(evaluated).to(device)
        self.bytes_per_token = tokens.bytes_per_token
        self.steps = config.training.steps(self.arch.context)
        self.tokens_per_step = config.training.batch * self.arch.context
        self.flops_per_token = count(self.arch).flops(1.0)
        self.step = 0

    def train(self, writer: Writer, stop_requested: Callable[[], bool], say: Say) -> State:
        """Trains from where it stands to the end, to a request to stop, or to a loss that is no number."""
        training, recorded_at, recorded_time = self.config.training, self.step, time.perf_counter()
        saved_time = recorded_time
        losses: list[Tensor] = []
        while self.step < self.steps:
            if stop_requested():
                self._save(writer)
                say(f"stopped at step {self.step}/{self.steps}, checkpoint written")
                return "stopped"
            loss, norm = self._step()
            losses.append(loss)
            self.step += 1
            writer.heartbeat()
            evaluate = is_due(self.step, self.steps, training.evaluations)
            if evaluate or is_due(self.step, self.steps, training.records):
                mean = torch.stack(losses).mean().item()
                if not math.isfinite(mean):
                    say(f"diverged at step {self.step}/{self.steps}: the loss is {mean}")
                    return "diverged"
                now = time.perf_counter()
                speed = (self.step - recorded_at) * self.tokens_per_step / (now - recorded_time)
                found = self.evaluate() if evaluate else None
                self._record(writer, mean, norm.item(), speed, found)
                if found:
                    say(f"step {self.step}/{self.steps} loss {mean:.4f} held-out {found.loss:.4f} {speed:,.0f} tok/s")
                losses, recorded_at, recorded_time = [], self.step, time.perf_counter()
            late = time.perf_counter() - saved_time > CHECKPOINT_AT_LEAST_EVERY_S
            if late or is_due(self.step, self.steps, training.checkpoints):
                self._save(writer)
                saved_time = time.perf_counter()
        return "finished"

    def _step(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; returns its loss and the gradient's norm before clipping, both still on the device."""
        self.model.train()
        rate = learning_rate(self.step, self.steps, self.config.training)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = torch.from_numpy(self.windows.batch(self.step, self.config.training.batch)).to(self.device)
        with self._autocast():
            logits = self.model(batch[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.clip)
        self.optimizer.step()
        return loss.detach(), norm

    def _autocast(self) -> AbstractContextManager[object]:
        if self.device.type != "cuda":
            return nullcontext()
        return torch.autocast("cuda", torch.bfloat16)

    @torch.no_grad()
    def evaluate(self) -> HeldOut:
        """Loss and accuracy over the fixed held-out windows."""
        self.model.eval()
        loss, right, targets = 0.0, 0, 0
        for windows in torch.split(self.held_out, 32):
            with self._autocast():
                logits = self.model(windows[:, :-1]).flatten(0, 1).float()
            wanted = windows[:, 1:].flatten()
            loss += F.cross_entropy(logits, wanted, reduction="sum").item()
            right += int((logits.argmax(-1) == wanted).sum())
            targets += len(wanted)
        return HeldOut(loss / targets, right / targets)

    def _record(self, writer: Writer, loss: float, norm: float, speed: float, found: HeldOut | None) -> None:
        tokens = self.step * self.tokens_per_step
        writer.log(
            step=self.step,
            epoch=self.step * self.config.training.batch / self.windows.per_epoch,
            tokens=tokens,
            flops=tokens * self.flops_per_token,
            loss=loss,
            val_loss=found.loss if found else None,
            bpb=found.loss / math.log(2) / self.bytes_per_token if found else None,
            val_accuracy=found.accuracy if found else None,
            lr=self.optimizer.param_groups[0]["lr"],
            grad_norm=norm,
            tokens_per_s=speed,
        )

    def _save(self, writer: Writer) -> None:
        writer.checkpoint(self.step, self.write_checkpoint)

    def write_checkpoint(self, folder: Path) -> None:
        """Weights, optimiser, generator and step, as safetensors and JSON."""
        save_file(
            {name: p.detach().contiguous() for name, p in self.model.named_parameters()}, folder / "model.safetensors"
        )
        kept = {"generator": torch.get_rng_state()}
        for index, state in self.optimizer.state_dict()["state"].items():
            kept |= {f"{index}.{name}": value.contiguous() for name, value in state.items()}
        save_file(kept, folder / "optimizer.safetensors")
        (folder / "state.json").write_text(json.dumps({"step": self.step}))

    def read_checkpoint(self, folder: Path) -> None:
        """Goes on from a checkpoint of this run. Raises InputError where it is not one."""
        state = read_json(folder / "state.json")
        try:
            weights = load_file(folder / "model.safetensors", device=str(self.device))
            kept = load_file(folder / "optimizer.safetensors", device=str(self.device))
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    parameter.copy_(weights[name])
            torch.set_rng_state(kept.pop("generator").cpu())
            slots: dict[int, dict[str, Tensor]] = {}
            for key, value in kept.items():
                index, _, name = key.partition(".")
                slots.setdefault(int(index), {})[name] = value
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})
            self.step = int(state["step"])
        except Exception as error:
            raise InputError(f"checkpoint {folder}: cannot be read ({error})") from error
