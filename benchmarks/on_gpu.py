"""All that a GPU should show, in about five minutes: `python benchmarks/on_gpu.py [--nanogpt MODEL_PY]`.

It prints the card; the quickstart's wall time, cold and with warm caches (goal 15 s); whether a run whose worker is
killed ends with the same losses; the tests that only a GPU can run, where pytest is installed; and, with nanoGPT's
`model.py`, the table of `training_speed.py`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scaling_tui.runs import read_sweep
from scaling_tui.runs.format import Status

TOP = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-m", "scaling_tui"]
SHORT = ["--set", "tokens=200_000", "--device", "cuda"]


def say(title: str) -> None:
    print(f"\n== {title}", flush=True)


def trained(runs: Path, *options: str) -> tuple[float, dict[str, Any]]:
    """Wall seconds of a quickstart in `runs`, and its JSON."""
    began = time.perf_counter()
    command = [*PROGRAM, "--runs", str(runs), "run", "quickstart", "--set", "runs=1", "--json", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began, json.loads(done.stdout)


def killed_once(runs: Path) -> dict[str, Any]:
    """The JSON of a quickstart, one of whose workers is killed after its first record."""
    subprocess.run([*PROGRAM, "--runs", str(runs), "run", "quickstart", *SHORT, "--detach"], check=True)
    sweep = runs / "quickstart"
    while not (running := [run for run in read_sweep(sweep).runs if run.state == "running" and len(run.curve)]):
        time.sleep(0.05)
    status = Status.read(sorted((sweep / running[0].name).glob("attempt-*"))[-1] / "status.json")
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    print(f"killed the worker of {running[0].name}")
    done = subprocess.run(
        [*PROGRAM, "--runs", str(runs), "attach", "quickstart", "--json"], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, metavar="MODEL_PY")
    options = parser.parse_args()
    os.chdir(TOP)
    say("the card")
    subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"], check=False)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "warm"):
            seconds, found = trained(Path(folder) / name, "--device", "cuda")
            prediction = found["prediction"]
            say(f"quickstart, {name}: {seconds:.1f} s; predicted {prediction['predicted']:.3f}")
            print({run["rung"]: run["loss"] for run in found["runs"]})
        _, straight = trained(Path(folder) / "straight", *SHORT)
        say("a worker is killed")
        again = killed_once(Path(folder) / "killed")
        same = [one["loss"] == other["loss"] for one, other in zip(straight["runs"], again["runs"], strict=True)]
        print("losses equal to the last bit:", same)
    say("tests that only a GPU can run")
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/train/test_gpu.py"], check=False)
    if options.nanogpt:
        say("steps beside nanoGPT")
        speed = [sys.executable, "benchmarks/training_speed.py", "--device", "cuda", "--nanogpt", str(options.nanogpt)]
        subprocess.run(speed, check=False)


if __name__ == "__main__":
    main()
