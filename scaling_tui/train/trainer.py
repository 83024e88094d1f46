"""Trains one run: batches in, records and checkpoints out. It knows nothing of workers, supervisors or screens.

Where several processes train a run together, each has a trainer, and the first alone has a writer.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from scaling_tui import InputError
from scaling_tui.data import Encoded, Windows, held_out
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.format import State
from scaling_tui.runs.writer import Writer, checkpoints
from scaling_tui.train.checkpoints import TrainingState, copy_weights, read_files, write_files
from scaling_tui.train.engine import Engine, Maker
from scaling_tui.train.feed import Feed, learning_rate
from scaling_tui.train.model import GPT
from scaling_tui.train.optimizer import Optimizer
from scaling_tui.train.peak import matmul_peak
from scaling_tui.train.post_norm import Activation, PostNorm
from scaling_tui.train.ranks import ALONE, Ranks
from scaling_tui.train.step import autocast, inputs_and_targets

LOGITS_AT_ONCE = 1 << 24  # in an evaluation: 64 MB

# A crash costs a long run no more than this, however few checkpoints it asks for.
CHECKPOINT_AT_LEAST_EVERY_S = 600.0


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation.

    Args:
        loss: nats per target: per token, or per sample of a classifier.
        accuracy: the share of targets ranked first.
        exact_match: the share of k consecutive targets that are all ranked first; None where it is turned off.
    """

    loss: float
    accuracy: float
    exact_match: float | None


Model = GPT | PostNorm


def build(config: RunConfig) -> Model:
    """The untrained model that `config` describes."""
    arch, dropout = Architecture(**config.architecture), config.training.dropout
    if config.family == "gpt":
        return GPT(arch, dropout, config.training.activation_checkpointing, config.training.embedding_std)
    if config.family in ("post-norm", "classifier"):
        activation: Activation = "relu" if config.family == "classifier" else "gelu"
        return PostNorm(arch, activation, dropout, config.training.activation_checkpointing)
    raise InputError(f"model.family: found {config.family!r}, want 'gpt', 'post-norm' or 'classifier'")


def generators_of(device: torch.device) -> dict[str, torch.Generator]:
    """The random generators that training on `device` draws from, by device type: the CPU's, and the device's own."""
    found = {"cpu": torch.default_generator}
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call] # before it there are no generators
        index = torch.cuda.current_device() if device.index is None else device.index
        found["cuda"] = torch.cuda.default_generators[index]
    elif device.type == "mps":
        found["mps"] = torch.mps._get_default_mps_generator()
    return found


def is_due(step: int, steps: int, times: int) -> bool:
    """Whether something done `times` times, spread evenly over `steps`, is due after `step`; it is after the last."""
    return step * times // steps > (step - 1) * times // steps


def check_shares(batch: int, processes: int) -> None:
    """Raises InputError where so many processes cannot take equal shares of a batch."""
    if batch % processes:
        raise InputError(f"batch: found {batch} with gpus {processes}, want a multiple of {processes}")


class Trainer:
    """Holds one run: model, optimiser, data, and how far it has come."""

    def __init__(self, config: RunConfig, tokens: Encoded, device: torch.device, ranks: Ranks = ALONE) -> None:
        """Builds the model from the run's seed.

        Raises:
            InputError: the model does not fit the tokenizer, or not the parameter count of `config`, or the batch
                cannot be shared out.
        """
        check_shares(config.training.batch, ranks.count)
        torch.manual_seed(config.seed)
        self.config, self.device, self.ranks = config, device, ranks
        self.generators = generators_of(device)
        self.arch = Architecture(**config.architecture)
        if tokens.vocab > self.arch.vocab:
            raise InputError(f"model.vocab: found {self.arch.vocab}, the tokenizer has {tokens.vocab} tokens")
        self.model = build(config).to(device)
        if (built := sum(p.numel() for p in self.model.parameters())) != config.params:
            raise InputError(
                f"model.family: {config.family!r} built {built:,} parameters, the architecture describes "
                f"{config.params:,}; want only the norms, biases and head that the family has"
            )
        self.optimizer = Optimizer(self.model, config.training)
        context, unique = self.arch.context, config.training.unique_tokens
        self.windows = Windows(
            tokens.train, context, config.seed, tokens.sample, max(1, unique // context) if unique else None
        )
        evaluated = held_out(tokens.held_out, context, config.training.held_out_tokens, tokens.sample)
        self.held_out = torch.from_numpy(evaluated).to(device)
        self.trained_on = torch.from_numpy(self.windows.batch(0, min(len(evaluated), self.windows.per_epoch))).to(
            device
        )
        self.bytes_per_token = tokens.bytes_per_token
        self.steps = config.training.steps(self.arch.context)
        self.tokens_per_step = config.training.batch * self.arch.context
        self.flops_per_token = count(self.arch).flops(1.0)
        self.feed = Feed(self.windows, self.steps, config.training, device, ranks)
        self.engine: Engine | None = None
        self.peak: float | None = None
        self.step = 0
        # Of the steps since the last record; never more than fit, as a record is due before.
        self.open_losses = torch.zeros(self.steps // min(self.steps, config.training.records) + 1, device=device)
        self.open = 0
        self.cpu_s_before = -time.process_time()
        self.others_cpu_s = 0.0  # of the other processes, at the last record or checkpoint
        ranks.averaging(self.model)

    def train(self, writer: Writer | None, stop_requested: Callable[[], bool], log: Callable[[str], None]) -> State:
        """Trains from the current step to the end, to a request to stop, or until the loss is not finite.

        `writer` is that of the first of the processes; the others have none.
        """
        if self.engine is None:
            self.prepare(Engine.recorded(writer.run) if writer else None, log)
        assert self.engine is not None
        if writer is not None:
            self.engine.record(writer.attempt)
        training, recorded_at, recorded_time = self.config.training, self.step, time.perf_counter()
        saved_time = recorded_time
        stop = self.ranks.agreed(stop_requested)
        late = self.ranks.agreed(lambda: time.perf_counter() - saved_time > CHECKPOINT_AT_LEAST_EVERY_S)
        while self.step < self.steps:
            if stop():
                self._save(writer)
                log(f"stopped at step {self.step}/{self.steps}, checkpoint written")
                return "stopped"
            loss, norm = self.take_step()
            self.open_losses[self.open].copy_(loss)
            self.open += 1
            if writer is not None:
                writer.heartbeat()
            evaluate = is_due(self.step, self.steps, training.evaluations)
            if evaluate or is_due(self.step, self.steps, training.records):
                mean = self._mean(self.open_losses[: self.open].mean().item())
                if not math.isfinite(mean):
                    log(f"diverged at step {self.step}/{self.steps}: the loss is {mean}")
                    return "diverged"
                now = time.perf_counter()
                speed = (self.step - recorded_at) * self.tokens_per_step / (now - recorded_time)
                evaluation = self.evaluate() if evaluate else None
                self._record(writer, mean, norm.item(), speed, evaluation)
                if evaluation:
                    losses_now = f"loss {mean:.4f} held-out {evaluation.loss:.4f}"
                    log(f"step {self.step}/{self.steps} {losses_now} {speed:,.0f} tok/s")
                self.open, recorded_at, recorded_time = 0, self.step, time.perf_counter()
            if late() or self.step in self.config.keep or is_due(self.step, self.steps, training.checkpoints):
                self._save(writer)
                saved_time = time.perf_counter()
        return "finished"

    def prepare(
        self, recorded: Engine | None = None, log: Callable[[str], None] = print, memory: int | None = None
    ) -> None:
        """Chooses how to compute the steps, or repeats what was `recorded` on a device of this kind.

        `memory` is the share of main memory, in bytes, that the run may use; None is what is free.
        """
        make = Maker(
            self.model,
            self.optimizer,
            list(self.generators.values()),
            self.device,
            self.config.training.batch // self.ranks.count,
            self.config.training.activation_checkpointing,
            log,
            memory,
            self.ranks,
        )
        windows, rate = self.feed.at(min(self.step, self.steps - 1))
        self.model.train()
        here = (self.device.type, self.ranks.count)
        if recorded is not None and (recorded.device, recorded.processes) == here:
            self.engine, self.take = make.follow(recorded, windows, rate)
        else:
            self.engine, self.take = make.choose(windows, rate, self.steps - self.step)
        with suppress(torch.OutOfMemoryError):  # the steps fit, which is what counts: records then have no MFU
            self.peak = matmul_peak(self.device, torch.get_num_threads())
        if self.peak is not None:
            self.peak *= self.ranks.count

    def take_step(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; returns its loss and the norm of the gradients before clipping, both on the device."""
        loss, norm = self.take(*self.feed.at(self.step))
        self.step += 1
        return loss, norm

    @torch.no_grad()
    def evaluate(self, windows: Tensor | None = None) -> Evaluation:
        """Loss and accuracy without dropout, over the fixed held-out windows or over `windows`.

        Each of the processes reads its share of them.
        """
        was_training = self.model.training
        self.model.eval()
        k = self.config.training.exact_match if self.arch.classes is None else 0
        loss, right, targets, matched, runs = 0.0, 0, 0, 0, 0
        logits_a_window = self.arch.outputs * (self.arch.context if self.arch.classes is None else 1)
        at_once = max(1, min(32, LOGITS_AT_ONCE // logits_a_window))
        own = (self.held_out if windows is None else windows)[self.ranks.rank :: self.ranks.count]
        for chunk in torch.split(own, at_once) if len(own) else ():
            inputs, wanted = inputs_and_targets(chunk, self.arch.classes is None)
            with autocast(self.device):
                logits = self.model(inputs).float()
            loss += F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="sum").item()
            hits = logits.argmax(-1) == wanted
            right += int(hits.sum())
            targets += hits.numel()
            if 0 < k <= self.arch.context:
                of_k = hits[:, : hits.shape[1] // k * k].reshape(-1, k).all(-1)
                matched += int(of_k.sum())
                runs += len(of_k)
        self.model.train(was_training)
        loss, *counts = self.ranks.totals([loss, right, targets, matched, runs])
        right, targets, matched, runs = map(int, counts)
        return Evaluation(loss / targets, right / targets, matched / runs if runs else None)

    def _record(
        self, writer: Writer | None, loss: float, norm: float, speed: float, evaluation: Evaluation | None
    ) -> None:
        tokens = self.step * self.tokens_per_step
        bpb = gap = None
        if evaluation and self.bytes_per_token:
            bpb = evaluation.loss / math.log(2) / self.bytes_per_token
        if evaluation and self.config.training.gap:
            gap = evaluation.loss - self.evaluate(self.trained_on).loss
        self._count_others()
        if writer is None:
            return
        writer.log(
            step=self.step,
            epoch=self.step * self.config.training.batch / self.windows.per_epoch,
            tokens=tokens,
            flops=tokens * self.flops_per_token,
            loss=loss,
            val_loss=evaluation.loss if evaluation else None,
            bpb=bpb,
            val_accuracy=evaluation.accuracy if evaluation else None,
            exact_match=evaluation.exact_match if evaluation else None,
            gap=gap,
            lr=learning_rate(self.step - 1, self.steps, self.config.training),
            grad_norm=norm,
            tokens_per_s=speed,
            mfu=speed * self.flops_per_token / self.peak if self.peak else None,
            cpu_s=self.cpu_s,
        )

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all threads spent on the run so far, from the construction of its model."""
        return self.cpu_s_before + time.process_time() + self.others_cpu_s

    def _count_others(self) -> None:
        own = self.cpu_s - self.others_cpu_s
        self.others_cpu_s = self.ranks.totals([own])[0] - own

    def _mean(self, loss: float) -> float:
        return self.ranks.totals([loss])[0] / self.ranks.count

    def _save(self, writer: Writer | None) -> None:
        self._count_others()
        if self.open:
            self.ranks.mean(self.open_losses[: self.open])
        if writer is not None:
            writer.checkpoint(self.step, self.write_checkpoint, self.config.training.keep_checkpoints)

    def write_checkpoint(self, folder: Path) -> None:
        """Writes all that the run needs to continue to the bit; see `scaling_tui.train.checkpoints`."""
        state = TrainingState(
            step=self.step,
            cpu_s=self.cpu_s,
            weights=dict(self.model.named_parameters()),
            moments=self.optimizer.moments(),
            generators={kind: generator.get_state() for kind, generator in self.generators.items()},
            open_losses=self.open_losses[: self.open],
        )
        write_files(folder, state)

    def resume(self, writer: Writer, log: Callable[[str], None]) -> None:
        """Continues from the run's last checkpoint that is whole; the run starts over where none is."""
        broken = []
        for folder in checkpoints(writer.run):
            try:
                self.read_checkpoint(folder)
                break
            except InputError as error:
                log(f"{error}; trying the one before")
                broken.append(folder)
        else:
            if broken:
                log("no readable checkpoint is left: starting over")
        writer.take_over(broken, self.config.training.keep_checkpoints)

    def follow_first(self) -> None:
        """Continues where the first of the processes does, which alone has read a checkpoint.

        It alone goes on with the random numbers of the checkpoint too; each other process draws its own, by the run's
        seed, its rank and the step at which it begins.
        """
        state = [*self.optimizer.state(), self.open_losses]
        self.step, self.open = self.ranks.of_first(state, [self.step, self.open])
        if not self.ranks.first:
            drawn = np.random.SeedSequence([self.config.seed, self.ranks.rank, self.step])
            torch.manual_seed(int(drawn.generate_state(1, np.uint64)[0]))

    def branch_off(self, folder: Path) -> None:
        """Continues from a checkpoint of the trunk, whose cost is not counted again, nor losses not yet recorded."""
        self.read_checkpoint(folder)
        self.cpu_s_before = -time.process_time()
        self.open = 0

    def read_checkpoint(self, folder: Path) -> None:
        """Continues from a checkpoint of this run; one that cannot be read leaves the trainer as it was.

        Raises:
            InputError: the checkpoint cannot be read, or does not fit the run.
        """
        state = read_files(folder, self.model, self.optimizer.parameters, self.generators, self.steps)
        copy_weights(self.model, state.weights)
        self.optimizer.load_moments(state.moments)
        for kind, generator_state in state.generators.items():
            self.generators[kind].set_state(generator_state)
        self.open = min(len(state.open_losses), len(self.open_losses))
        self.open_losses[: self.open] = state.open_losses[: self.open]
        self.step = state.step
        self.cpu_s_before += state.cpu_s
