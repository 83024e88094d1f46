"""Whatever happens to a checkpoint, the run ends with the very weights of a run that nothing happened to."""

import json
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from scaling_tui import InputError
from scaling_tui.lens.checkpoints import CheckpointCache
from scaling_tui.runs import Status, read_run
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.format import YIELDED, numbered
from scaling_tui.runs.writer import checkpoints, read_config
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.train.checkpoints import checksum
from scaling_tui.train.worker import work
from tests.torture.killed import work_until_killed

# Neither the checkpoints nor the records nor the evaluations fall on the same steps.
LADDER = """
summary = "One tiny run with dropout."
[corpus]
name = "markov"
tokenizer = "ids"
[corpus.parameters]
vocab = 16
tokens = 20_000
held_out_tokens = 2_000
[model]
family = "post-norm"
context = 16
heads = 1
[training]
tokens = 3840
batch = 4
lr = 1e-2
dropout = 0.1
held_out_tokens = 500
evaluations = 4
records = 11
checkpoints = 12
[[rungs]]
name = "a"
layers = 1
hidden = 16
"""
STEPS = 60
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["tests.torture.killed", "scaling_tui.data", "scaling_tui.train.trainer", "torch._dynamo"]
)


def ended(target: Callable[..., object], *args: object) -> int | None:
    """The exit code of a process of its own, the negative signal where one killed it."""
    process = CONTEXT.Process(target=target, args=args)
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        process.join()
        pytest.fail("the worker hangs")
    return process.exitcode


def last_log(run: Path) -> str:
    return (numbered(run, "attempt")[-1][1] / "worker.log").read_text()


def laid_out(folder: Path) -> Path:
    path = folder / "one.toml"
    path.write_text(LADDER)
    return lay_out(folder / "runs", load_ladder(str(path))) / "a-s0"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run to which nothing happened."""
    run = laid_out(tmp_path_factory.mktemp("undisturbed"))
    assert ended(work, run, "cpu", 1) == 0
    return run


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run killed while it wrote a checkpoint, with two complete ones before it."""
    run = laid_out(tmp_path_factory.mktemp("interrupted"))
    assert ended(work_until_killed, run, 5640, True) == -signal.SIGKILL
    assert len(checkpoints(run)) == 2
    return run


@pytest.fixture
def run(interrupted: Path, tmp_path: Path) -> Path:
    """A copy of the interrupted run, to damage."""
    sweep = tmp_path / "runs" / "one"
    shutil.copytree(interrupted.parent, sweep)
    return sweep / interrupted.name


def assert_as_undisturbed(run: Path, undisturbed: Path) -> None:
    """The same weights, moments and generators to the bit, and the same records of both losses."""
    ours, theirs = (load_all(checkpoints(path)[0]) for path in (run, undisturbed))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    curves = [read_run(path).curve for path in (run, undisturbed)]
    for metric in ("step", "loss", "val_loss"):
        ours_, theirs_ = (curve[metric].tolist() for curve in curves)
        assert list(map(repr, ours_)) == list(map(repr, theirs_)), metric
    assert read_run(run).state == "finished"


def load_all(folder: Path) -> dict[str, Tensor]:
    assert folder.name == f"checkpoint-{STEPS}"
    return load_file(folder / "model.safetensors") | load_file(folder / "optimizer.safetensors")


# --- what happens to the files

Damage = Callable[[Path], None]


def pipe(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def missing(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Damage:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def flipped(name: str, at: int) -> Damage:
    """One bit of the byte `at` (from the end where it is negative)."""

    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[at] ^= 4
        (folder / name).write_bytes(content)

    return damage


def content(name: str, text: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_text(text)

    return damage


# --- what a program that means well could write: the checksums are right


def tensors(name: str, edit: Callable[[dict[str, Tensor]], object], manifest: bool = True) -> Damage:
    def damage(folder: Path) -> None:
        found = load_file(folder / name)
        edit(found)
        save_file(found, folder / name)
        signed(folder, manifest)

    return damage


def state(manifest: bool = True, **changes: object) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "state.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        signed(folder, manifest)

    return damage


def signed(folder: Path, manifest: bool) -> None:
    """Renews the manifest; or leaves a checkpoint of the time before there was one."""
    import hashlib

    if not manifest:
        (folder / "manifest.json").unlink()
        document = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps({key: document[key] for key in document if key != "format"}))
        return
    sums = {name: checksum(load_file(folder / name)) for name in ("model.safetensors", "optimizer.safetensors")}
    sums["state.json"] = hashlib.sha256((folder / "state.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(sums))


def of_shape_one(name: str) -> Callable[[dict[str, Tensor]], object]:
    return lambda found: found.update({name: torch.ones(1)})


def filled(name: str, value: float) -> Callable[[dict[str, Tensor]], object]:
    return lambda found: found[name].view(-1)[3].fill_(value)


WEIGHTS, OPTIMIZER, STATE, MANIFEST = "model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"
HEAD = "blocks.0.attention.out.weight"
NOT_REGULAR, CHECKSUM = "a pipe, socket or device, not a regular file", "its checksum does not match the manifest"

FAULTS: dict[str, tuple[Damage, str]] = {
    "weights are a pipe": (pipe(WEIGHTS), f"{WEIGHTS}: {NOT_REGULAR}"),
    "moments are a pipe": (pipe(OPTIMIZER), f"{OPTIMIZER}: {NOT_REGULAR}"),
    "state is a pipe": (pipe(STATE), f"{STATE}: {NOT_REGULAR}"),
    "manifest is a pipe": (pipe(MANIFEST), f"{MANIFEST}: {NOT_REGULAR}"),
    "weights missing": (missing(WEIGHTS), f"{WEIGHTS} is missing"),
    "moments missing": (missing(OPTIMIZER), f"{OPTIMIZER} is missing"),
    "state missing": (missing(STATE), f"{STATE} is missing"),
    "manifest missing": (missing(MANIFEST), f"{MANIFEST} is missing"),
    "weights cut short": (cut(WEIGHTS), f"{WEIGHTS}: "),
    "moments cut short": (cut(OPTIMIZER), f"{OPTIMIZER}: "),
    "state cut short": (cut(STATE), f"{STATE}: {CHECKSUM}"),
    "manifest cut short": (cut(MANIFEST), f"{MANIFEST}: not a JSON object"),
    "weights of zero bytes": (content(WEIGHTS, ""), f"{WEIGHTS}: "),
    "weights are code": (content(WEIGHTS, "cos\nsystem\n(S'true'\ntR."), f"{WEIGHTS}: "),
    "manifest nested deeply": (content(MANIFEST, "[" * 100_000), f"{MANIFEST}: not a JSON object"),
    "a bit of a weight": (flipped(WEIGHTS, -5), f"{WEIGHTS}: {CHECKSUM}"),
    "a bit of a moment": (flipped(OPTIMIZER, -4000), f"{OPTIMIZER}: {CHECKSUM}"),
    "a bit of the state": (flipped(STATE, -3), f"{STATE}: {CHECKSUM}"),
    "a weight of shape (1,)": (tensors(WEIGHTS, of_shape_one(HEAD)), f"{HEAD} is float32 (1,), want float32 (16, 16)"),
    "a moment of shape (1,)": (tensors(OPTIMIZER, of_shape_one("0.exp_avg")), "0.exp_avg is float32 (1,), want"),
    "weights in float64": (tensors(WEIGHTS, lambda t: t.update({HEAD: t[HEAD].double()})), f"{HEAD} is float64"),
    "a weight missing": (tensors(WEIGHTS, lambda t: t.pop(HEAD)), f"{HEAD} is missing"),
    "a weight too many": (tensors(WEIGHTS, of_shape_one("x")), "x is not part of this run's model"),
    "a weight is NaN": (tensors(WEIGHTS, filled(HEAD, float("nan"))), f"{HEAD} has values that are not finite"),
    "a moment is infinite": (tensors(OPTIMIZER, filled("1.exp_avg", float("inf"))), "1.exp_avg has values"),
    "a variance below zero": (tensors(OPTIMIZER, filled("1.exp_avg_sq", -1.0)), "1.exp_avg_sq has negative values"),
    "no moments": (tensors(OPTIMIZER, lambda t: [t.pop(k) for k in [*t] if k[0].isdigit()]), "0.step is missing"),
    "moments of another step": (tensors(OPTIMIZER, lambda t: t["0.step"].fill_(7)), "0.step is 7, want "),
    "no generator": (tensors(OPTIMIZER, lambda t: t.pop("generator")), "generator is missing"),
    "generator of shape (1,)": (
        tensors(OPTIMIZER, of_shape_one("generator")), "generator is not the state of a generator"
    ),
    "open losses of another shape": (
        tensors(OPTIMIZER, lambda t: t.update(open_losses=torch.ones(2, 2))), "open_losses is float32 (2, 2)"
    ),
    "step 999999": (state(step=999_999), f"step is 999999, want 0 to {STEPS}"),
    "step below zero": (state(step=-1), f"step is -1, want 0 to {STEPS}"),
    "step is a text": (state(step="40"), f"step is '40', want 0 to {STEPS}"),
    "step of another checkpoint": (state(step=3), "step is 3, the folder is checkpoint-"),
    "CPU time below zero": (state(cpu_s=-1.0), "cpu_s is -1.0, want seconds"),
    "before manifests: a weight of shape (1,)": (
        tensors(WEIGHTS, of_shape_one(HEAD), False), f"{HEAD} is float32 (1,), want float32 (16, 16)"
    ),
    "before manifests: no moments": (
        tensors(OPTIMIZER, lambda t: [t.pop(k) for k in [*t] if k[0].isdigit()], False), "0.step is missing"
    ),
    "before manifests: step 999999": (state(False, step=999_999), f"step is 999999, want 0 to {STEPS}"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(run: Path, undisturbed: Path, fault: str) -> None:
    damage, reason = FAULTS[fault]
    latest, before, *_ = checkpoints(run)
    damage(latest)
    assert ended(work, run, "cpu", 1) == 0
    (line,) = [line for line in last_log(run).splitlines() if "checkpoint" in line]
    assert f"checkpoint {latest}: cannot be read (" in line
    assert reason in line
    assert line.endswith("; trying the one before")
    assert f"from step {before.name.removeprefix('checkpoint-')}" in last_log(run)
    assert_as_undisturbed(run, undisturbed)


def test_with_no_checkpoint_left_the_run_starts_over_and_says_so(run: Path, undisturbed: Path) -> None:
    every = checkpoints(run)
    for folder in every:
        flipped(WEIGHTS, -5)(folder)
    assert ended(work, run, "cpu", 1) == 0
    assert last_log(run).count("; trying the one before") == len(every)
    assert "no readable checkpoint is left: starting over" in last_log(run)
    assert_as_undisturbed(run, undisturbed)
    assert not any(folder.exists() for folder in every)


def test_a_checkpoint_from_before_manifests_is_read(run: Path, undisturbed: Path) -> None:
    latest = checkpoints(run)[0]
    tensors(OPTIMIZER, lambda found: found.pop("open_losses"), manifest=False)(latest)
    assert ended(work, run, "cpu", 1) == 0
    assert "cannot be read" not in last_log(run)
    assert f"from step {latest.name.removeprefix('checkpoint-')}" in last_log(run)
    ours, theirs = (load_all(checkpoints(path)[0]) for path in (run, undisturbed))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_branch_whose_trunk_has_a_damaged_checkpoint_trains_the_share_of_the_trunk_itself(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(LADDER.replace("tokens = 3840", "tokens = [1920, 3840]"))
    sweep = lay_out(tmp_path / "runs", load_ladder(str(path)))
    short, long = sorted(folder.parent for folder in sweep.glob("*/run.json"))
    trunk = RunConfig.from_json(read_config(short)).trunk
    assert trunk and trunk.run == long.name
    assert ended(work, long, "cpu", 1) == 0
    whole = sweep.with_name("whole")
    shutil.copytree(sweep, whole)
    assert ended(work, whole / short.name, "cpu", 1) == 0
    flipped(WEIGHTS, -5)(long / "attempt-1" / f"checkpoint-{trunk.step}")
    assert ended(work, short, "cpu", 1) == 0
    assert f"{WEIGHTS}: {CHECKSUM}); training the steps of {long.name} here instead" in last_log(short)
    ours, theirs = (load_file(checkpoints(run)[0] / WEIGHTS) for run in (short, whole / short.name))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


# --- what is left behind


def test_what_dead_attempts_left_is_cleaned_up_and_a_live_one_keeps_its_own(run: Path, undisturbed: Path) -> None:
    dead = numbered(run, "attempt")[-1][1]
    live = run / "attempt-1000"
    for attempt, step in ((dead, 1), (dead, 2), (live, 3)):
        (attempt / f".checkpoint-{step}.tmp").mkdir(parents=True)
        (attempt / f".checkpoint-{step}.tmp" / WEIGHTS).write_bytes(b"half")
    shutil.copytree(checkpoints(run)[0], live / checkpoints(run)[0].name)
    Status.of_this_process("running").write(live / "status.json")
    before = {path.relative_to(live) for path in live.rglob("*")}
    assert work(run, "cpu", 1) == YIELDED
    assert {path.relative_to(live) for path in live.rglob("*")} == before
    Status("running", 1, 0.0, "elsewhere", 1.0).write(live / "status.json")
    assert ended(work, run, "cpu", 1) == 0
    own = numbered(run, "attempt")[-1][1]
    left = set(run.rglob("*checkpoint-*"))
    assert {path.parent for path in left} == {own}
    assert sorted(path.name for path in left) == ["checkpoint-55", "checkpoint-60"]


def test_files_of_a_checkpoint_have_the_permissions_of_their_folders_other_files(undisturbed: Path) -> None:
    attempt = numbered(undisturbed, "attempt")[-1][1]
    modes = {path.stat().st_mode for folder in checkpoints(undisturbed) for path in folder.iterdir()}
    assert modes == {(attempt / "status.json").stat().st_mode}


# --- kills


@pytest.mark.parametrize("in_checkpoints", [False, True], ids=["at random", "during checkpoints"])
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_kills(tmp_path: Path, undisturbed: Path, kills: int, in_checkpoints: bool) -> None:
    draw = random.Random(kills)
    # A kill comes within the lines of about three checkpoints: some attempts get further, some do not.
    most = 2000 if in_checkpoints else 6000
    run = laid_out(tmp_path)
    while kills:
        code = ended(work_until_killed, run, draw.randint(1, most), in_checkpoints)
        kills -= code == -signal.SIGKILL
        for folder in checkpoints(run):
            assert {path.name for path in folder.iterdir()} == {WEIGHTS, OPTIMIZER, STATE, MANIFEST}
        if code == 0:
            assert_as_undisturbed(run, undisturbed)
            run = laid_out(tmp_path)
    assert ended(work, run, "cpu", 1) == 0
    assert "cannot be read" not in last_log(run)
    assert_as_undisturbed(run, undisturbed)
    assert not [*run.rglob(".checkpoint-*.tmp")]


# --- trace

TRACED = [name for name, (_, reason) in FAULTS.items() if WEIGHTS in reason or HEAD in reason]


@pytest.mark.parametrize("fault", TRACED)
def test_a_trace_names_a_damaged_checkpoint_and_takes_the_one_before(run: Path, fault: str) -> None:
    damage, reason = FAULTS[fault]
    latest, before, *_ = checkpoints(run)
    damage(latest)
    checkpoint = CheckpointCache().load(run).source
    assert f"checkpoint-{checkpoint.step}" == before.name
    (note,) = checkpoint.notes
    assert reason in note
    assert "\n" not in note
    assert note.endswith(f"; read step {checkpoint.step} instead")
    step = int(latest.name.removeprefix("checkpoint-"))
    with pytest.raises(InputError, match="cannot be read"):
        CheckpointCache().load(run, step)


def test_the_trace_command_answers_from_the_checkpoint_before(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from scaling_tui.cli.app import app

    tensors(WEIGHTS, filled(HEAD, float("nan")))(checkpoints(run)[0])
    app(["trace", str(run), "--continue", "0"], standalone_mode=False)
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert err.count("has values that are not finite") == 1
