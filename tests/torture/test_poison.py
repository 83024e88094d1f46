"""No text of a file, an argument or another process reaches a terminal as a command to it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling_tui.cli import app as cli
from scaling_tui.text.visible import HARMFUL
from tests.torture.poison import COLOUR, POISON, TITLE, poisoned_files, poisoned_sweep
from tests.tui.test_terminal import Terminal

Run = Callable[..., str]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `scaling-tui ARGS…` and returns all that it wrote; whatever it did, nothing harmful may be in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def call(*args: object) -> str:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in (0, 1, 2)
        out, err = capfd.readouterr()
        harmful = HARMFUL.search(out + err)
        assert harmful is None, f"{args}: {(out + err)[max(0, harmful.start() - 60) : harmful.end() + 20]!r}"
        return out + err

    return call


COMMANDS = (
    ("runs",), ("runs", "--json"), ("attach",), ("attach", "--json"), ("stop",), ("stop", "--run", f"x{POISON}"),
    ("resume", "--detach", "--run", f"x{POISON}"), ("fit",), ("fit", "--json"),
    ("report",), ("report", "--json"),
    ("pipeline", "run0"), ("trace", "run0"), ("quiz", "predict"), ("rm",), ("plan", "--fit"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_on_a_poisoned_sweep(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    sweep = poisoned_sweep(tmp_path / "runs")
    args: list[object] = [*command]
    if command[0] in ("fit", "rm"):
        args.insert(1, sweep.name)
    if command[0] == "plan":
        args += [sweep.name, "--flops", "1e12"]
    text = run(*args, "--runs", tmp_path / "runs")
    if command[0] in ("runs", "attach", "report"):
        assert "PWNED" in text


FILES = (
    ("run", "ladder.toml", "--dry-run"), ("run", "key.toml", "--dry-run"), ("run", "corpus.toml", "--dry-run"),
    ("count", "ladder.toml"), ("fit", "header.csv"), ("report", "header.csv"),
    ("fit", "value.csv"), ("fit", "name.csv"), ("fit", "key.jsonl"),
    ("quiz", "check", "bank.toml"), ("quiz", "list", "--bank", "bank.toml"),
)  # fmt: skip


@pytest.mark.parametrize("command", FILES, ids=" ".join)
def test_commands_on_poisoned_files(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    files = poisoned_files(tmp_path)
    text = run(*(files.get(word, word) for word in command))
    assert "PWNED" in text or command[:2] in (("count", "ladder.toml"), ("fit", "name.csv"), ("fit", "key.jsonl"))


@pytest.mark.parametrize(
    "command",
    [
        ("run", f"none{TITLE}.toml"), ("run", "quickstart", "--dry-run", "--set", f"{COLOUR}=1"),
        ("run", "quickstart", "--dry-run", "--device", POISON), ("fit", f"no{TITLE}.csv"), ("attach", f"no{POISON}"),
        ("loss", "--law", f"no{POISON}"), ("loss", "--coef", f"{POISON}=1"), ("learn", f"no{POISON}"),
        ("quiz", "show", f"no{POISON}"), ("quiz", "grade", "--question", "two-term-loss", "--answer", POISON),
        (f"no{POISON}",), ("runs", f"--no{POISON}"), ("trace", f"no{POISON}"), ("export", "--format", POISON),
        ("count", "--layers", POISON),
    ],
    ids=lambda command: " ".join(command).encode("unicode_escape").decode(),
)  # fmt: skip
def test_poisoned_arguments(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    options = ("--runs", tmp_path) if command[0] in ("attach", "trace", "export") else ()
    assert run(*command, *options)


def test_every_screen_on_a_poisoned_sweep(tmp_path: Path) -> None:
    poisoned_sweep(tmp_path / "runs")
    models = tmp_path / "config" / "scaling-tui" / "models"
    models.mkdir(parents=True)
    for name, path in poisoned_files(tmp_path).items():
        if name.endswith(".toml"):
            (models / path.name).write_bytes(path.read_bytes())
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_DATA_HOME": str(tmp_path / "data")}
    app = Terminal("--runs", str(tmp_path / "runs"), cwd=tmp_path, env=env)
    app.wait_for(lambda screen: "HOME" in screen)
    screens = ("LAB", "LIVE", "LAW", "PLAN", "TRACE", "PIPE", "LEARN", "QUIZ", "HOME")
    for key, title in zip("234567891", screens, strict=True):
        app.process.send(key)
        app.wait_for(lambda screen, title=title: title in screen)  # type: ignore[misc]
        app.process.send("o")
        app.wait_for(lambda screen: "bad␛]0;PWNE" in screen and "which sweep" in screen)
        app.process.send("\x1b")
        app.wait_for(lambda screen: "╭─" not in screen)
    app.process.send("3")
    app.wait_for(lambda screen: "LIVE" in screen and "reason␛]0;PWNED" in screen)
    app.process.send("q")
    app.ends()
    assert b"]0;PWNED" in app.written
    for sequence in (TITLE.encode(), b"\x1b]0;PWNED", "\x9b2J".encode(), b"\x9b2J", "\u202e".encode()):
        assert sequence not in app.written


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_an_export_onto_a_terminal(tmp_path: Path, kind: str) -> None:
    poisoned_sweep(tmp_path / "runs")
    command = Terminal("export", "--format", kind, "--runs", str(tmp_path / "runs"), cwd=tmp_path)
    command.ends()
    command.read()
    assert b"]0;PWNED" in command.written
    for sequence in (b"\x1b]0;PWNED", "\x9b2J".encode(), "\u202e".encode()):
        assert sequence not in command.written
