"""How long a thousand sweeps take to list: `runs`, Home, Sweeps and the choice of one, cold, warm and after a change.

    python benchmarks/many_sweeps.py [--sweeps 1000] [--keep DIR]

The sweeps are copies of a few, of every kind: finished, running, stopped, failed, lost, diverged, queued, of another
trainer, unreadable. They lie in a temporary folder that is deleted at the end, unless --keep names one, which is used
again. The time of `find` that looks at every file stands beside, as a measure of the disk. Exit status 1 where a goal
is missed.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scaling_tui.runs import RecordedPrediction, Status, append_prediction, create_sweep, make_request
from scaling_tui.runs.format import append_lines, claim, write_json
from scaling_tui.runs.writer import write_run

SIZES = (6_224, 13_944, 24_736, 57_880, 83_280, 147_904, 443_232)
D = 1_000_448
RECORDS = 120
NAMES = ("quickstart", "tiny-shakespeare", "budgets", "isoflop", "known-law", "emergence", "repeat", "width-sweep")
KINDS = {  # of a hundred sweeps: states of the runs from the smallest on, the last one of all further ones
    "finished": (70, ("finished",)),
    "stopped": (8, ("finished", "finished", "stopped", "queued")),
    "failed": (6, ("finished", "failed", "queued")),
    "lost": (4, ("finished", "lost", "queued")),
    "theirs": (8, ("finished",)),
    "queued": (2, ("queued",)),
    "unreadable": (2, ("finished",)),
}


def status(state: str) -> Status:
    if state == "lost":
        return Status("running", 1, 0.0, "elsewhere", 1.0)
    return Status(state, 1, 0.0, "elsewhere", 1.7e9)  # type: ignore[arg-type]


def template(runs: Path, kind: str, states: Sequence[str], count: int, ours: bool = True) -> Path:
    """A sweep of `count` runs, with all files that a trained one has."""
    names = [f"r{index + 1}-s0" for index in range(count)]
    document = {
        "ladder": "quickstart", "summary": "Seven small sizes.", "fit": {"law": "chinchilla-n", "params": "all"},
        "corpus": {"name": "stdlib", "source": "Python", "sha256": "0" * 64, "tokenizer": "byte"}, "runs": names,
        "machine": {"host": "elsewhere", "device": "cpu"}, "launch": {"device": "cpu", "jobs": 2},
        "estimate": {"seconds": 48.0, "seconds_from": "runs"},
    }  # fmt: skip
    sweep = create_sweep(runs, kind, document if ours else {"fit": document["fit"]})
    of_runs = [states[min(index, len(states) - 1)] for index in range(count)]
    if ours:
        overall = next((state for state in ("lost", "failed", "stopped") if state in of_runs), "finished")
        supervisor = claim(sweep, "supervisor")
        status("stopped" if set(of_runs) == {"queued"} else overall).write(supervisor / "status.json")
        (supervisor / "supervisor.log").write_text("2026-11-22 16:00:00 r1-s0 step 1954/1954 loss 1.9012\n" * 20)
        make_request(sweep, "stop")
    for index, (name, state) in enumerate(zip(names, of_runs, strict=True)):
        params = SIZES[index % len(SIZES)] * (1 + index // len(SIZES))
        config = {"rung": name[:-3], "seed": 0, "params": params, "non_embedding": params, "tokens": D, "flops": 1e11}
        write_run(sweep / name, config)
        if state == "queued":
            continue
        attempt = claim(sweep / name, "attempt")
        status(state).write(attempt / "status.json")
        (attempt / "worker.log").write_text("2026-11-22 16:00:00 loaded\n")
        write_json(attempt / "engine.json", {"device": "cpu", "threads": 1})
        share = 1.0 if state == "finished" else 0.4
        records = [record(step, params, round(D * share * step / RECORDS)) for step in range(1, RECORDS + 1)]
        append_lines(attempt / "metrics.jsonl", records)
        for step in (RECORDS // 2, RECORDS):
            checkpoint = attempt / f"checkpoint-{step}"
            checkpoint.mkdir()
            for file in ("model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"):
                (checkpoint / file).write_bytes(b"\0" * 500)
    if kind == "finished":
        append_prediction(
            sweep,
            RecordedPrediction(
                names[-1][:-3], names[-1], "chinchilla-n", {"E": 1.3, "A": 11.0, "alpha": 0.33}, names[:-1],
                1.46, 1.38, 1.52, 0.9, 1.7e9,
            ),
        )  # fmt: skip
    if kind == "unreadable":
        (sweep / names[0] / "run.json").write_text("{")
    return sweep


def record(step: int, params: int, tokens: int) -> dict[str, float]:
    loss = 1.3 + 11 * params**-0.33 + 3 * 0.5 ** (tokens / D * 8)
    evaluated = {"val_loss": loss + 0.01, "bpb": loss / 0.6931} if step % 10 == 0 else {}
    return {
        "step": step, "epoch": tokens / 5e6, "tokens": tokens, "flops": tokens * 6.0 * params, "loss": loss,
        "lr": 1e-3, "grad_norm": 0.4, "tokens_per_s": 31234.5, "mfu": 0.37, "cpu_s": step * 0.13,
        "time": 1.7e9 + step, **evaluated,
    }  # fmt: skip


def fill(runs: Path, count: int) -> None:
    """`count` sweeps in `runs`: copies of a few, with names, ladders and times of their own."""
    rng = random.Random(0)
    aside = runs.with_name(f"{runs.name}-templates")
    runs.mkdir(parents=True)
    templates: list[Path] = []
    for kind, (share, states) in KINDS.items():
        for size in (5, 7, 10, 15):
            folder = aside / str(size)
            made = template(folder, kind, states, size, ours=kind != "theirs")
            templates += [made] * share
    for number in range(count):
        source = rng.choice(templates)
        ladder, age = rng.choice(NAMES), rng.uniform(0, 200 * 86_400)
        sweep = runs / f"{ladder}-{number}"
        shutil.copytree(source, sweep)
        document = json.loads((sweep / "sweep.json").read_text())
        if "ladder" in document:
            document["ladder"] = ladder
        created = time.time() - age
        write_json(sweep / "sweep.json", {**document, "name": sweep.name, "created": created})
        os.utime(sweep / "sweep.json", (created, created))
    shutil.rmtree(aside)


def seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    assert done.returncode == 0, done.stderr[-500:]
    return took


def app_times(runs: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds until Home tells of sweeps, from `o` to the names of some, for a letter typed there, and to Sweeps."""
    code = """
import asyncio, sys, time
from pathlib import Path
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.widgets.line_list import LineList
from textual.widgets import OptionList

def lines(app):
    return [line.key for table in app.screen.query(LineList) for line in table.lines]

async def main():
    app = ScalingApp(Path(sys.argv[1]))
    began = time.perf_counter()
    async with app.run_test(size=(120, 40)) as pilot:
        while app.screen.query_one(OptionList).option_count == 0:
            await asyncio.sleep(0.01)
        print("home", time.perf_counter() - began)
        began = time.perf_counter()
        app.simulate_key("o")  # Pilot's own press comes back only after everything else that the app does
        while len(app.screen_stack) < 2 or not lines(app):
            await asyncio.sleep(0.01)
        print("open", time.perf_counter() - began)
        slowest = 0.0
        for key in "quickstart-7":
            began = time.perf_counter()
            app.screen.query_one("Input").insert_text_at_cursor(key)
            while app.screen.typed[-1:] != key:
                await asyncio.sleep(0)
            slowest = max(slowest, time.perf_counter() - began)
        print("typing", slowest)
        await pilot.press("escape")
        began = time.perf_counter()
        app.simulate_key("0")
        while not lines(app):
            await asyncio.sleep(0.01)
        print("screen", time.perf_counter() - began)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(runs)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = (options.keep or Path(folder)) / "runs"
        if not runs.exists():
            fill(runs, options.sweeps)
        cache = Path(folder) / "cache"
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        runs_command = [sys.executable, "-m", "scaling_tui", "runs", "--runs", str(runs)]
        start = min(seconds([sys.executable, "-m", "scaling_tui", "--version"], environment) for _ in range(5))
        find = min(seconds(["find", str(runs), "-printf", "%s %T@ %i\n"], environment) for _ in range(3))
        app_cold = app_times(runs, environment)
        shutil.rmtree(cache, ignore_errors=True)
        cold = seconds(runs_command, environment)
        warm = min(seconds(runs_command, environment) for _ in range(5))
        filtered = min(seconds([*runs_command, "--filter", "state:failed"], environment) for _ in range(3))
        app_warm = app_times(runs, environment)
        rows = [
            ("starting the program: --version", start, None),
            ("find -printf over every file", find, None),
            ("runs, cold", cold, None),
            ("runs, warm", warm, None),
            ("  of it beyond starting", warm - start, 0.3),
            ("  as a multiple of find", (warm - start) / find, None),
            ("runs --filter state:failed, warm", filtered, None),
            ("Home tells of sweeps, cold", app_cold["home"], 1.5),
            ("o shows names, cold", app_cold["open"], 1.0),
            ("Home tells of sweeps, warm", app_warm["home"], 1.0),
            ("o shows names, warm", app_warm["open"], 0.5),
            ("  the slowest letter typed there", app_warm["typing"], 0.1),
            ("Sweeps lists them, warm", app_warm["screen"], 0.5),
        ]
    missed = 0
    for what, found, goal in rows:
        missed += goal is not None and found > goal
        print(f"{what:<40} {found:8.3f}" + ("" if goal is None else f"   goal {goal:.1f}"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
