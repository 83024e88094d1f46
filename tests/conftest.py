"""What the tests share: small recorded sweeps, a tiny ladder, the shared data."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from scaling_tui.report import documents
from scaling_tui.report.documents import stamped
from scaling_tui.runs import RecordedPrediction, Status, append_prediction, create_sweep
from scaling_tui.runs.format import append_line, claim
from scaling_tui.runs.writer import write_run
from tests.schemas import fitting

# Every record that a run keeps is written through to the disk; in memory that takes no time. Little memory is taken:
# the folder of a test that passed is deleted at once (`tmp_path_retention_policy`).
MEMORY = Path("/dev/shm")
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and os.access(MEMORY, os.W_OK):
    disk = os.statvfs(MEMORY)
    if disk.f_bavail * disk.f_frsize > 4 << 30 and disk.f_favail > 100_000:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)

settings.register_profile("any machine", deadline=None)  # nothing depends on how busy it is
settings.load_profile("any machine")

TINY = """
summary = "Four tiny sizes for tests."

[corpus]
name = "words.txt"

[model]
context = 16

[training]
tokens = 4096
batch = 8
lr = 1e-2
evaluations = 4
held_out_tokens = 512

[fit]
law = "kaplan-n"
predict = "d"

[[rungs]]
name = "a"
layers = 1
hidden = 8

[[rungs]]
name = "b"
layers = 1
hidden = 12

[[rungs]]
name = "c"
layers = 1
hidden = 16

[[rungs]]
name = "d"
layers = 2
hidden = 24
"""


@pytest.fixture(autouse=True)
def own_slots(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeps of a test wait neither for other sweeps of this machine nor for those of another test."""
    monkeypatch.setenv("SCALING_TUI_SLOTS", str(tmp_path_factory.getbasetemp() / f"slots-{id(request.node)}"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests measure of this machine is not taken for what its user measured, nor the other way round."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def ends_at_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app tells of a worker that failed and goes on; a test fails with it, but for those of that telling."""
    if (app := sys.modules.get("scaling_tui.tui.app")) is not None:
        monkeypatch.delattr(app.ScalingApp, "_handle_exception")


@pytest.fixture(autouse=True)
def documents_by_their_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every JSON document that a test makes a command print in this process fits its schema, and has no other keys."""
    monkeypatch.setattr(documents, "stamped", lambda name, document: fitting(stamped(name, document)))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A ladder of four sizes on a text of its own: seconds to train."""
    words = "the cat sat on the mat and the dog sat on the log while the bird sang of fog\n"
    (tmp_path / "words.txt").write_text(words * 100)
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def interruptible() -> None:
    """For a child process: ctrl+c reaches it also where the tests themselves run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def shared_data() -> Path:
    """The folder of reference data; where it is missing the test skips, but not on CI."""
    folder = os.environ.get("SCALING_TUI_DATA")
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail("SCALING_TUI_DATA is not set, and CI has it")
        pytest.skip("SCALING_TUI_DATA is not set")
    return Path(folder)


RECORDED = (
    ("r1", 10_320, 6_224, 8.6e10, 1.9483, 100_000),
    ("r2", 20_112, 13_944, 1.6e11, 1.7777, 90_000),
    ("r3", 32_928, 24_736, 2.5e11, 1.7290, 60_000),
    ("r4", 68_120, 57_880, 5.0e11, 1.6039, 33_000),
    ("r5", 95_568, 83_280, 6.8e11, 1.5759, 27_000),
    ("r6", 164_288, 147_904, 1.1e12, 1.5288, 20_000),
    ("r7", 467_808, 443_232, 3.1e12, 1.4479, 11_000),
)
D = 1_000_448


FINISHED = ["finished"] * 7


def record_sweep(runs: Path, states: Sequence[str], name: str = "quickstart") -> Path:
    """A sweep as a supervisor and workers would have left it, a state a rung; the losses are of a real quickstart.

    What is "running" runs in the process of the tests: it lives as long as they do, whatever the clock says.
    """
    sweep = create_sweep(
        runs,
        name,
        {
            "ladder": name,
            "summary": "recorded",
            "seed": 0,
            "fit": {"law": "chinchilla-n", "params": "non-embedding", "predict": "r7"},
            "corpus": {
                "name": "stdlib",
                "source": "Python 3.11.7 standard library",
                "sha256": "8b2856895fc2" + "0" * 52,
                "tokenizer": "byte",
            },
            "runs": [f"{rung}-s0" for rung, *_ in RECORDED],
        },
    )
    done = [state for state in states if state == "finished"]
    overall = "finished" if len(done) == len(RECORDED) else "running" if "running" in states else "stopped"
    _status(overall).write(claim(sweep, "supervisor") / "status.json")
    log = sweep / "supervisor-1" / "supervisor.log"
    log.write_text("2026-11-22 16:00:00 r1-s0 step 1954/1954 loss 1.9012 held-out 1.9483 100,000 tok/s\n")
    for (rung, params, body, flops, loss, speed), state in zip(RECORDED, states, strict=True):
        run = sweep / f"{rung}-s0"
        write_run(run, {"rung": rung, "seed": 0, "params": params, "non_embedding": body, "tokens": D, "flops": flops})
        if state == "queued":
            continue
        attempt = claim(run, "attempt")
        _status(state).write(attempt / "status.json")
        share = 1.0 if state == "finished" else 0.45
        for step in range(1, 41):
            tokens = round(D * share * step / 40)
            value = loss + (5.6 - loss) * 2.718 ** (-6 * (tokens / D) ** 0.4)
            record = {"step": step, "tokens": tokens, "loss": value, "tokens_per_s": speed, "time": 1.7e9 + step}
            if step % 10 == 0:
                record |= {"val_loss": loss if tokens == D else value + 0.01, "bpb": value / 0.6931}
            append_line(attempt / "metrics.jsonl", record)
    if states[-1] in ("running", "finished"):
        append_prediction(
            sweep,
            RecordedPrediction(
                rung="r7",
                run="r7-s0",
                law="chinchilla-n",
                coefficients={"E": 1.298, "A": 11.12, "alpha": 0.3257},
                points=[f"{rung}-s0" for rung, *_ in RECORDED[:-1]],
                predicted=1.4590,
                low=1.3846,
                high=1.5224,
                level=0.9,
                time=1.7e9,
            ),
        )
    return sweep


def record_grid(runs: Path, name: str = "grid", ratio: float | None = None) -> Path:
    """A finished sweep of four sizes at each of four budgets, with losses by a known law and 0.3 % of fixed noise.

    With a `ratio` D/N, the sixteen sizes have budgets of their own.
    """
    law = {"E": 1.8, "A": 480.0, "B": 2080.0, "alpha": 0.35, "beta": 0.37}
    named = [(f"n{n}-c{c}", 1e6 * 4**n * 2**c, 1e15 * 10**c) for c in range(4) for n in range(4)]
    if ratio is not None:
        named = [(rung, params, 6 * ratio * params**2) for rung, params, _ in named]
    sweep = create_sweep(
        runs,
        name,
        {
            "ladder": name,
            "summary": "recorded",
            "fit": {"law": "chinchilla", "params": "all"},
            "runs": [f"{rung}-s0" for rung, *_ in named],
        },
    )
    _status("finished").write(claim(sweep, "supervisor") / "status.json")
    for index, (rung, params, flops) in enumerate(named):
        run, tokens = sweep / f"{rung}-s0", flops / (6 * params)
        exact = law["E"] + law["A"] / params ** law["alpha"] + law["B"] / tokens ** law["beta"]
        loss = exact * (1 + 0.003 * ((index * 7) % 5 - 2) / 2)
        config = {"rung": rung, "seed": 0, "params": round(params), "non_embedding": round(params * 0.9)}
        write_run(run, {**config, "tokens": round(tokens), "flops": flops})
        attempt = claim(run, "attempt")
        _status("finished").write(attempt / "status.json")
        for share in (0.25, 0.5, 1.0):
            record = {"step": 100 * share, "tokens": tokens * share, "loss": loss * (2 - share), "time": 1.7e9 + share}
            append_line(attempt / "metrics.jsonl", record | ({"val_loss": loss} if share == 1.0 else {}))
    return sweep


def _status(state: str) -> Status:
    """As stored: a lost run is one that says it runs and has not been heard of for long."""
    if state == "lost":
        return Status("running", 1, 0.0, "elsewhere", 1.0)
    if state == "running":
        return Status.of_this_process("running")
    return Status(state, 1, 0.0, "elsewhere", 1.7e9)  # type: ignore[arg-type]


def trained_sweep(folder: Path) -> Path:
    """A folder of runs that were really trained: `words`, two rungs with four checkpoints each, and `classes`."""
    import torch

    from scaling_tui.data import encode, recorded_corpus
    from scaling_tui.runs import Writer
    from scaling_tui.runs.config import RunConfig
    from scaling_tui.runs.writer import read_config
    from scaling_tui.sweeps.ladder import load_ladder
    from scaling_tui.sweeps.launch import lay_out
    from scaling_tui.train.trainer import Trainer

    torch.set_num_threads(1)
    words = "the cat sat on the mat and the dog sat on the log while the bird sang of fog\n"
    (folder / "words.txt").write_text(words * 60)
    (folder / "words.toml").write_text(WORDS)
    (folder / "classes.toml").write_text(CLASSES)
    for name in ("words", "classes"):
        sweep = lay_out(folder / "runs", load_ladder(str(folder / f"{name}.toml")))
        for path in sorted(sweep.glob("*/run.json")):
            config = RunConfig.from_json(read_config(path.parent))
            trainer = Trainer(config, encode(*recorded_corpus(config.corpus)), torch.device("cpu"))
            with Writer(path.parent) as writer:
                trainer.train(writer, lambda: False, lambda _: None)
    return folder / "runs"


WORDS = """
[corpus]
name = "words.txt"
[model]
context = 32
layers = 2
[training]
tokens = 61_440
batch = 8
lr = 1e-2
evaluations = 4
keep_checkpoints = 4
held_out_tokens = 256
records = 20
[[rungs]]
name = "small"
hidden = 8
[[rungs]]
name = "large"
hidden = 24
heads = 3
"""

CLASSES = """
[corpus]
name = "parity"
tokenizer = "ids"
[corpus.parameters]
vocab = 20
length = 10
samples = 200
[model]
family = "classifier"
context = 10
heads = 2
[training]
tokens = 2_000
batch = 20
lr = 1e-3
evaluations = 2
checkpoints = 2
[[rungs]]
name = "one"
layers = 2
hidden = 16
ffn = 24
"""
