"""How long a trace takes: the grid of a 12-layer, 128-token, 10M-parameter model, and a frame of the grid widget.

    python benchmarks/trace_speed.py

The goals are 1 s for the grid on two cores after the model is loaded, and 16 ms for a move of the cursor. Medians of
five, in CPU seconds of this process with one thread, as the tracing process has.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict

import torch
from textual.app import App, ComposeResult

from scaling_tui.laws.counting import Architecture, count
from scaling_tui.lens import records as plain
from scaling_tui.lens.checkpoints import Checkpoint, trained_here
from scaling_tui.lens.trace import TraceRequest, trace_prompt
from scaling_tui.lens.trained import TrainedModel
from scaling_tui.runs.config import RunConfig, Training
from scaling_tui.train.trainer import build
from scaling_tui.tui.widgets.trace_grid import TokenGrid

ARCH = Architecture(
    layers=12, hidden=256, heads=8, vocab=256, context=128, norm="rms", final_norm=True, positions="rotary", head="tied"
)


def untrained() -> Checkpoint:
    """An untrained model of the size: a trace takes no longer for what was learned."""
    counted = count(ARCH)
    config = RunConfig(
        rung="ten", seed=0, params=counted.total, non_embedding=counted.non_embedding, tokens=1, flops=1.0,
        family="gpt", architecture=asdict(ARCH), corpus={"name": "stdlib", "tokenizer": "byte"},
        training=Training(tokens=1, batch=1, lr=1e-3),
    )  # fmt: skip
    return trained_here("benchmark/ten", config, 0, TrainedModel(build(config), config.family))


def seconds(work: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Median CPU and wall seconds of a call."""
    spent = []
    for _ in range(times):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    return statistics.median(c for c, _ in spent), statistics.median(w for _, w in spent)


class GridAlone(App[None]):
    def compose(self) -> ComposeResult:
        yield TokenGrid()


async def frame(reading: plain.Reading) -> tuple[float, float]:
    """A move of the cursor across the grid, with every line of a 120 × 40 terminal drawn anew."""
    app = GridAlone()
    async with app.run_test(size=(120, 40)) as pilot:
        grid = app.query_one(TokenGrid)
        grid.load(reading, (0, 0))
        await pilot.pause()

        def move() -> None:
            for _ in range(20):
                grid.action_move(0, 1)
                for y in range(grid.size.height):
                    grid.render_line(y)

        cpu, wall = seconds(move)
        return cpu / 20, wall / 20


def main() -> None:
    torch.set_num_threads(1)
    model = untrained()
    request = TraceRequest.from_json({"prompt": ("def read(self, path):\n    return path.read_text()\n" * 4)[:128]})
    reading = trace_prompt(model, request)
    rows, columns = len(reading.grid.names), len(reading.tokens)
    # A checkpoint remembers the grids of its prompts.
    cpu, wall = seconds(lambda: trace_prompt(Checkpoint(model.source, model.model), request))
    size = f"{rows} rows × {columns} tokens, {model.source.params / 1e6:.1f}M parameters"
    print(f"grid of {size}: {cpu:.2f} s CPU, {wall:.2f} s")
    cpu, wall = seconds(lambda: trace_prompt(model, request))
    print(f"another position of it: {cpu:.2f} s CPU, {wall:.2f} s")
    cpu, wall = asyncio.run(frame(reading))
    print(f"a move in the grid, all lines drawn: {1000 * cpu:.1f} ms CPU, {1000 * wall:.1f} ms")


if __name__ == "__main__":
    main()
