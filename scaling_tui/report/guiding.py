"""A guided experiment by prompts: in a terminal, in a pipe, and in words alone for a screen reader."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.plots.curves import Curves
from scaling_tui.report.experiment_walk import Walk
from scaling_tui.report.experiments import aligned, live_figure, progress_text
from scaling_tui.report.glossary import with_glossary
from scaling_tui.report.plain import spoken, table_text
from scaling_tui.report.progress import POLL_S, follow, is_over
from scaling_tui.report.wrapping import wrapped
from scaling_tui.runs import SweepReader, SweepView
from scaling_tui.runs.glance import decided
from scaling_tui.text.visible import terminal_of, visible
from scaling_tui.tutor.guide import Guide

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scaling_tui.plots.figures import Figure
    from scaling_tui.sweeps.ladder import Ladder

COMMANDS = "'hint', 'solution', 'glossary WORD', 'quit'"


@dataclass(frozen=True)
class Desk:
    """What leads through an experiment by prompts needs of its caller.

    Args:
        ask: shows a prompt and returns a line; raises EOFError at the end of input.
        tell: shows text.
        show: shows a figure.
        launch: trains a ladder; returns the folder of the sweep.
        watch: waits beside the live curves until a sweep is over; None where the learner leaves.
        runs: the folder of the sweeps.
        plain: words alone: no signs, no aligned tables.
    """

    ask: Callable[[str], str]
    tell: Callable[[str], None]
    show: "Callable[[Figure], None]"
    launch: "Callable[[Ladder], Path]"
    watch: Callable[[Path], SweepView | None]
    runs: Path
    plain: bool = False

    def say(self, text: str) -> None:
        """Shows text, wrapped; words alone where those are wanted."""
        text = wrapped(text)
        self.tell(spoken(text) if self.plain else text)

    def section(self, heading: str, text: str) -> None:
        self.say(f"\n{heading}")
        self.say(text)


def walk(guide: Guide, desk: Desk, sweep: str | None = None) -> bool:
    """Leads through the experiment from where the learner is; False where they leave before its end.

    Args:
        guide: the learner's steps.
        desk: how to ask and show.
        sweep: a sweep that is there, to use instead of the next launch.

    Raises:
        InputError: `sweep` is not there, or of another ladder.
    """
    way = Walk(guide, desk.runs)
    given = None if sweep is None else way.existing(sweep)
    desk = replace(desk, ask=with_glossary(desk.ask, desk.say))
    desk.say(f"{guide.experiment.title}\n{guide.experiment.summary}")
    if guide.stage in ("bonus", "done"):
        _recap(way, desk)
    while True:
        try:
            if given is not None and guide.stage == "launch":
                guide.launched(given)
                given = None
            if not _step(way, desk):
                return guide.stage == "done"
        except EOFError:
            desk.say("\nYour steps are saved.")
            return False
        finally:
            if warning := guide.unkept_warning():
                desk.say(f"! {warning}")


def _step(way: Walk, desk: Desk) -> bool:
    """One stage of the part at hand; False ends the walk."""
    match way.guide.stage:
        case "predict":
            return _predicted(way, desk)
        case "launch":
            return _launched(way, desk)
        case "run":
            return _compared(way, desk)
        case "bonus":
            if _leaves(desk.ask(f"\n{way.following}\n(enter starts it, 'quit' leaves) > ")):
                return False
            way.guide.go_on()
            return True
        case _:
            desk.say("\nThat is the end of this experiment. --restart starts it over.")
            return False


def _leaves(answer: str) -> bool:
    return answer.strip().casefold() in ("quit", "exit", "later", "no")


def _predicted(way: Walk, desk: Desk) -> bool:
    """Shows the problem and asks for every prediction."""
    for heading, text in way.told:
        desk.section(heading, text)
    while (asked := way.guide.asked) is not None:
        line = desk.ask(f"\n{wrapped(way.question)}\n({COMMANDS}) > ").strip()
        if not line:
            continue
        if not _asked_for_help(line, way, desk):
            if _leaves(line):
                return False
            try:
                value = way.guide.predict(line)
            except InputError as error:
                desk.say(f"  {error}")
                continue
            desk.say(f"  read as {asked.shown(value)}")
    return True


def _asked_for_help(line: str, way: Walk, desk: Desk) -> bool:
    match line.casefold():
        case "hint" | "?":
            desk.say(way.hint())
        case "solution":
            desk.say(way.solution())
        case _:
            return False
    return True


def _launched(way: Walk, desk: Desk) -> bool:
    """Trains the ladder, or takes a sweep that is there."""
    there = way.there()
    desk.section("Run it", f"This trains {way.trains}.")
    if there:
        desk.say(f"You have {', '.join(there[:3])}, which trained it: type a name to use that sweep.")
    answer = desk.ask("(enter launches, 'quit' leaves; your predictions are saved) > ").strip()
    if _leaves(answer):
        return False
    if not answer:
        way.launched(desk.launch(way.ladder))
        return True
    try:
        way.use(answer)
    except InputError as error:
        desk.say(f"  {error}")
    return True


def _compared(way: Walk, desk: Desk) -> bool:
    """Waits for the runs, and compares."""
    try:
        path = way.sweep()
    except InputError as error:
        desk.say(f"  {error}")
        return True
    view = desk.watch(path)
    if view is None:
        return False
    if unfinished := way.missing(view):
        desk.say(unfinished)
        return False
    _results(way, desk, view)
    way.guide.compared()
    _ask_solution(way, desk)
    return True


def _results(way: Walk, desk: Desk, view: SweepView) -> None:
    desk.show(live_figure(way.guide.part, view, Curves()))
    for heading, text in way.results(view, table_text if desk.plain else aligned):
        desk.section(heading, text)


def _recap(way: Walk, desk: Desk) -> None:
    """The results again, for somebody who comes back; they are read from the sweep anew."""
    try:
        _results(way, desk, SweepReader(way.sweep()).poll())
    except InputError as error:
        desk.say(f"  {error}")


def _ask_solution(way: Walk, desk: Desk) -> None:
    if way.guide.here.solution:
        return
    line = desk.ask("\n(enter continues, 'solution' shows the solution) > ").strip()
    if line.casefold() == "solution":
        desk.say(way.solution())


def watch_curves(path: Path, draw: "Callable[[Figure], RenderableType] | None", guide: Guide) -> SweepView | None:
    """Waits until a sweep is over, beside its live curves; None where the learner leaves by ctrl+c.

    `draw` makes what rich can show of a figure; without it sentences tell how far the sweep is.
    """
    reader = SweepReader(path)
    out = sys.stderr
    try:
        if draw is None:
            return _told(reader)
        if not out.isatty():
            return follow(reader)
        from rich.console import Console, Group
        from rich.live import Live
        from rich.text import Text

        curves = Curves()
        view = reader.poll()
        with Live(console=Console(file=terminal_of(out)), auto_refresh=False, transient=True) as live:
            while not is_over(view):
                drawn = draw(live_figure(guide.part, view, curves))
                live.update(Group(drawn, Text(visible(progress_text(view)))), refresh=True)
                time.sleep(2 * POLL_S)
                view = reader.poll()
    except KeyboardInterrupt:
        return None
    return view


def _told(reader: SweepReader) -> SweepView:
    """Waits until a sweep is over; a sentence on stderr whenever a run begins or ends, and no cursor moves."""
    view = decided(reader)
    states: Sequence[str] = ()
    while True:
        if (now := [run.state for run in view.runs]) != states:
            print(progress_text(view), file=sys.stderr, flush=True)
            states = now
        if is_over(view):
            return view
        time.sleep(POLL_S)
        view = reader.poll()
