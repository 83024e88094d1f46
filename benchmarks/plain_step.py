"""What a step of tiny-shakespeare costs beside a plain PyTorch implementation of the same model, as a ratio.

    python benchmarks/plain_step.py [--steps K] [--threads T]

The plain one is written as the source describes itself: nn.MultiheadAttention with a mask, all logits at once,
F.cross_entropy, AdamW as it comes. Both take turns, a step each, in one process, so that what else the machine does
falls on both; the ratio is of the medians of processor time. The check on the way: from the same weights and without
dropout both give the same loss.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scaling_tui.data import Encoded
from scaling_tui.laws.counting import Architecture
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.train.trainer import Trainer


class PlainBlock(nn.Module):
    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(hidden, heads, dropout=dropout, batch_first=True)
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mixed, _ = self.attention(x, x, x, attn_mask=mask)
        x = self.first(x + self.dropout(mixed))
        return self.second(x + self.dropout(self.down(F.gelu(self.up(x)))))  # type: ignore[no-any-return]


class Plain(nn.Module):
    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(arch.vocab, arch.hidden)
        self.places = nn.Embedding(arch.context, arch.hidden)
        self.blocks = nn.ModuleList(PlainBlock(arch.hidden, arch.heads, dropout) for _ in range(arch.layers))
        self.norm = nn.LayerNorm(arch.hidden)
        self.head = nn.Linear(arch.hidden, arch.vocab)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        time_steps = ids.shape[1]
        x = self.dropout(self.tokens(ids) + self.places(torch.arange(time_steps)))
        mask = torch.full((time_steps, time_steps), float("-inf")).triu(1)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


def same_weights(plain: Plain, trainer: Trainer) -> None:
    """Copies our weights; both register them in the order in which the model applies them, but for attention's."""
    ours = trainer.model.state_dict()
    renamed = {"tokens": "embedding", "places": "positions", "norm": "final_norm", "first": "attention_norm"}
    renamed |= {"second": "mlp_norm", "in_proj_weight": "qkv.weight", "in_proj_bias": "qkv.bias", "out_proj": "out"}
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(ours[".".join(renamed.get(part, part) for part in name.split("."))])


def cpu_of(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def compare(rung_name: str, steps: int) -> tuple[float, float]:
    """Median processor seconds of a step of the plain implementation and of ours, after one of each to warm up."""
    ladder = load_ladder("tiny-shakespeare")
    name, config = next(item for item in ladder.configs(0, {}) if item[1].rung == rung_name)
    ids = torch.randint(0, 50_257, (100_000,), generator=torch.Generator().manual_seed(0)).to(torch.int32).numpy()
    trainer = Trainer(config, Encoded(50_257, ids[:90_000], ids[90_000:], None), torch.device("cpu"))
    trainer.prepare()
    plain = Plain(trainer.arch, config.training.dropout)
    same_weights(plain, trainer)
    windows = trainer.held_out[:2]
    with torch.no_grad():
        logits = plain.eval()(windows[:, :-1])
        found = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()).item()
    wanted = trainer.evaluate(windows).loss
    if abs(found - wanted) > 1e-4:
        raise SystemExit(f"{name}: the plain implementation gives a loss of {found:.6f}, ours {wanted:.6f}")
    optimizer = torch.optim.AdamW(plain.parameters(), lr=config.training.lr)
    plain.train()

    def plain_step() -> float:
        batch = torch.from_numpy(trainer.windows.batch(trainer.step, config.training.batch))
        optimizer.zero_grad()
        logits = plain(batch[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), batch[:, 1:].reshape(-1))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    times = [(cpu_of(plain_step), cpu_of(trainer.take_step)) for _ in range(steps + 1)][1:]
    return statistics.median(plain for plain, _ in times), statistics.median(ours for _, ours in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"processor seconds a step, medians of {given.steps}, {given.threads} threads")
    print(f"{'rung':<8}{'plain':>8}{'ours':>8}{'ratio':>8}")
    for rung in load_ladder("tiny-shakespeare").rungs:
        plain, ours = compare(rung.name, given.steps)
        print(f"{rung.name:<8}{plain:>8.2f}{ours:>8.2f}{ours / plain:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
