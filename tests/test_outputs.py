"""Commands in README and docs: those with output print it, the others exist as they are written."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from random import Random

import pytest
import typer
from typer.core import TyperGroup

from docs.outputs import ROOT, arguments, masked, pages, run, session, world
from scaling_tui.cli.app import app
from scaling_tui.runs import Writer
from tests.test_documents import PAGES

LINE = re.compile(r"^(?:    |\$ )(?:ssh (?:-\S+ )*box )?(scaling-tui(?: .*)?)$", re.MULTILINE)
INLINE = re.compile(r"`(scaling-tui [^`]*)`")
REDIRECTED = re.compile(r" >>? \S+")


def written(path: Path) -> Iterator[str]:
    """Every command of a page, on a line of its own or in a sentence."""
    text = path.read_text(encoding="utf-8")
    for command in (*LINE.findall(text), *INLINE.findall(text)):
        yield REDIRECTED.sub("", command.partition(" #")[0].rstrip())


GENERATED = ROOT / "docs" / "reference"  # from the commands themselves
COMMANDS = sorted(
    {
        (command, str(path.relative_to(ROOT)))
        for path in PAGES
        if not path.is_relative_to(GENERATED)
        for command in written(path)
    }
)


AT_ONCE = {"--install-completion", "--show-completion"}


def parse(words: list[str]) -> None:
    """Reads a command as the command line does, to the last option, without running it.

    Raises:
        Exception: of click's kind, where a command, an option or a value of one is not known.
    """
    group = typer.main.get_command(app)
    context = group.make_context("scaling-tui", list(words))
    while isinstance(group, TyperGroup) and (rest := [*context._protected_args, *context.args]):
        name, found, rest = group.resolve_command(context, rest)
        assert found is not None
        if not rest:  # a name, as in "whatever `scaling-tui run` trained"
            return
        group, context = found, found.make_context(name, rest, parent=context)


@pytest.mark.parametrize(("command", "page"), COMMANDS)
def test_a_command_of_the_documents_exists_with_its_options(command: str, page: str) -> None:
    words = [word for word in arguments(command) if word != "--help"]
    if {*words} & AT_ONCE:  # read, they would write into the start-up file of whoever runs the tests
        (word,) = words
        assert any(word in each.opts for each in typer.main.get_command(app).params)
        return
    with suppress(SystemExit):  # of those that print something and end
        parse(words)


@pytest.mark.parametrize("words", [["nosuch"], ["fit", "a.csv", "--nosuch"], ["quiz", "nosuch", "x"]])
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    with pytest.raises(Exception, match="nosuch"):
        parse(words)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_its_commands_print(page: Path) -> None:
    with world():
        for one, printed in session(page.read_text(encoding="utf-8")):
            assert one.same(printed), f"{page.name}: {one.command}: run `python docs/outputs.py`\n{one.part(printed)}"


BANK = ROOT / "quizzes" / "power-laws.toml"
ENDLESS = {
    "scaling-tui import train.log --follow": "reads on; tests of imports follow logs",
    "scaling-tui run isoflop --device cuda --detach": "trains on a GPU",
    "scaling-tui attach": "follows a sweep",
}


def furnish(folder: Path) -> None:
    """What the commands of the README speak of, beside the recorded sweep and the runs of its own example."""
    bank = BANK.read_text(encoding="utf-8").replace('\nid = "', '\nid = "my-')
    (folder / "my-bank.toml").write_text(bank, encoding="utf-8")
    random = Random(0)
    with (folder / "losses.csv").open("w") as table:
        print("run,params,tokens,loss", file=table)
        for params, tokens in product((1e8, 3e8, 1e9, 3e9, 1e10), (1e9, 1e10, 1e11)):
            loss = (1.8 + 480 / params**0.35 + 2100 / tokens**0.37) * random.gauss(1, 0.005)
            print(f"{params}-{tokens},{params},{tokens},{loss}", file=table)
    for flops in (1e11, 4e11, 1.6e12):
        for times in (0.3, 0.55, 1.0, 1.8, 3.2):
            params = times * (flops / 600) ** 0.5
            tokens = flops / (6 * params)
            loss = 1.2 + 9 / params**0.3 + 11 / tokens**0.3
            config = {"params": params, "tokens": tokens, "flops": flops}
            with Writer.create(f"runs/isoflop/n{params:.0f}", config) as run:
                run.log(step=1, tokens=tokens, flops=flops, val_loss=loss)


@pytest.mark.timeout(300)
def test_the_commands_of_the_readme_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    with world() as folder:
        furnish(folder)
        list(session(text))
        ran = 0
        for command in LINE.findall(text):
            if command.partition(" #")[0].strip() in ENDLESS or "--app" in command:
                continue
            status, printed = run(arguments(command))
            assert status == 0, f"{command}: exit status {status}\n{printed}"
            assert "Traceback" not in printed
            ran += 1
    assert ran >= 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_quickstart_trains_to_the_table_of_the_readme() -> None:
    """The recorded sweep is what the ladder gives today, but for the digits that depend on processor and Python."""
    with world() as folder:
        ((one, _),) = session((ROOT / "README.md").read_text(encoding="utf-8"))
        shutil.rmtree(folder / "runs")
        assert run(["run", "quickstart", "--device", "cpu"])[0] == 0
        status, printed = run(arguments(one.command))
    assert status == 0
    assert masked(one.part(printed)) == masked(one.output)
