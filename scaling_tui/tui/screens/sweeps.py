"""The Sweeps screen: every sweep in a table that sorts and filters; what is done to them can be undone."""

import os
import time
from asyncio import Lock, to_thread
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input

from scaling_tui import InputError
from scaling_tui.report.sweeps import SORTED_BY, SWEEP_COLUMNS, sweep_about
from scaling_tui.runs.delete import in_trash
from scaling_tui.runs.delete_run import empty_all_trash, runs_in_trash, sweep_of, trash_told
from scaling_tui.runs.format import safe_name
from scaling_tui.runs.labels import checked_note, read_tags
from scaling_tui.runs.writer import taken
from scaling_tui.sweeps.listing import PATIENCE_S
from scaling_tui.sweeps.query import SORTS, Query, read_query, select
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text import show
from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.page import Page
from scaling_tui.tui.report_dialog import REPORT, ask_for_report
from scaling_tui.tui.services import sweep_edits
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.sweep_edits import Edit
from scaling_tui.tui.sweep_dialog import sweep_line
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tui.widgets.choose import Choose, by_text, lines_of
from scaling_tui.tui.widgets.line_list import MOVES, Line, LineList
from scaling_tui.tui.widgets.panel import Group, Panel
from scaling_tui.tui.widgets.sweep_curves import SweepCurves
from scaling_tui.tui.widgets.text import PlainText

if TYPE_CHECKING:
    from scaling_tui.report.why import Explanation

LATEST = "latest"
PAIR = (ListColumn(""), ListColumn("", least=12))
BREAK = "↵"  # a new line of a note in the field that edits it
MOST_UNDONE = 100
MOST_TOLD = 3  # lines of why something was refused
HINT = "words, or ladder:… corpus:… state:failed,lost tag:… -tag:… note:… archived:any"
ORDERS = {
    "latest": "when launched, latest first",
    "active": "when last written, latest first",
    "name": "name",
    "ladder": "ladder",
    "state": "state",
    "params": "N of the largest run, largest first",
    "runs": "number of runs, most first",
    "loss": "lowest loss, best first",
    "size": "size on disk, largest first",
}


@dataclass(frozen=True)
class Found:
    """The sweeps of the folder as a look found them, each with its line.

    Args:
        unread: how many are still to be read.
        more: whether the next look will find more, of those or of what has changed.
        problem: why the folder cannot be listed.
    """

    rows: tuple[SweepRow, ...] = ()
    lines: tuple[Line, ...] = ()
    unread: int = 0
    more: bool = False
    problem: str = ""


class SweepsScreen(Page):
    """A table of sweeps. What the keys do is done by the functions of the commands with the same names."""

    ABOUT = (
        "Every sweep in the folder. Mark some with space, or act on the one under the "
        "cursor: rename, note, tag, archive, delete; u undoes it. / filters by words, ladder, corpus, state or tag. "
        "Before a name: ▶ training, ✓ finished, ■ stopped, ✗ failed, ? lost; * marked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(keys, f"move('{how}')", how, show=False, tooltip=tip)
            for keys, how, tip in zip(
                ("up,k", "down,j", "pageup", "pagedown", "home", "end"),
                MOVES,
                ("Move to the sweep above", "Move to the sweep below", "Move a page up", "Move a page down",
                 "Move to the first sweep", "Move to the last sweep"),
                strict=True,
            )
        ),
        Binding("enter", "show", "show", show=False, tooltip="Show the sweep, on every screen, and go to Live"),
        Binding("slash", "filter", "filter", key_display="/", tooltip="Filter as you type: words, or state:failed"),
        Binding("escape", "all", "all", show=False, tooltip="Remove the filter"),
        Binding("s", "sort", "sort", tooltip="Choose the order; a click on a column header does the same"),
        Binding("S", "reverse", "reverse", show=False, tooltip="Reverse the order"),
        Binding("space", "mark", "mark", tooltip="Mark the sweep, and go to the next; what follows acts on all marked"),
        Binding("a", "mark_all", "mark all", show=False, tooltip="Mark all that are listed, or none"),
        Binding("r", "rename", "rename", tooltip="Rename the sweep under the cursor"),
        Binding("n", "note", "note", show=False, tooltip="Write a note on the sweep"),
        Binding("t", "tag", "tag", tooltip="Add and remove tags"),
        Binding("h", "archive", "archive", show=False, tooltip="Archive: hide from the lists, or list again"),
        Binding("d,delete", "rm", "delete", key_display="d", tooltip="Delete: move to the trash"),
        Binding("c", "compare", "compare", tooltip="Compare the marked sweeps, side by side"),
        Binding("p", "pause", "pause", show=False, tooltip="Pause: stop its runs, each with a checkpoint; or resume"),
        REPORT,
        Binding("u", "undo", "undo", tooltip="Undo the last change that was made here"),
        Binding("R", "restore", "restore", show=False, tooltip="Bring back a sweep or a run from the trash"),
        Binding("X", "empty_trash", "empty trash", show=False, tooltip="Delete for good what is in the trash"),
    ]  # fmt: skip
    AUTO_FOCUS = ""  # the keys act on the list; the field is entered by its own
    CSS = """
    SweepsScreen {
        #where { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #filter { height: 1; border: none; padding: 0 1; background: $boost; display: none; }
        #problem { height: 1; padding: 0 1; color: $text-error; display: none; }
        #problem { text-wrap: nowrap; text-overflow: ellipsis; }
        #sweeps { margin: 0 1; }
        #empty { height: 1fr; padding: 1 2; display: none; }
        #below { height: auto; }
        #about-panel { height: auto; }
        #curves-panel { display: none; }
        #about { height: 3; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-filter #filter { display: block; }
        &.-problem #problem { display: block; }
        &.-empty #sweeps, &.-empty #below { display: none; }
        &.-roomy {
            #sweeps { margin: 0; }
            #below { layout: horizontal; height: 40%; }
            #about-panel { width: 2fr; height: 1fr; }
            #about { height: 1fr; padding: 0; text-wrap: wrap; }
            #curves-panel { display: block; width: 3fr; }
            &.-broad {
                #body { layout: horizontal; }
                #list-panel { width: 3fr; }
                #below { layout: vertical; width: 2fr; height: 1fr; }
                #about-panel { width: 1fr; height: 12; }
                #curves-panel { width: 1fr; }
            }
        }
        &.-empty #empty { display: block; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._found: Found | None = None
        self._lines: dict[str, Line] = {}
        self._shown: dict[str, SweepRow] = {}
        self._query = Query()
        self._sort = LATEST
        self._marked: frozenset[str] = frozenset()
        self._undo: list[Edit] = []
        self._timer: Timer | None = None
        self._reading = OneAtATime(self, self._read)
        self._closely = False  # whether the next look is at every file
        self._editing = Lock()

    def body(self) -> ComposeResult:
        yield PlainText(id="where")
        yield Input(id="filter", placeholder=HINT, compact=True, select_on_focus=False)
        yield PlainText(id="problem")
        with Group(id="body"):
            yield Panel("Sweeps", LineList(id="sweeps"), PlainText(id="empty"), id="list-panel")
            with Group(id="below"):
                yield Panel("Sweep", PlainText(id="about"), id="about-panel")
                yield Panel("Curves", SweepCurves(self.runs, id="curves"), id="curves-panel")

    # --- reading

    def on_mount(self) -> None:
        self._timer = self.set_interval(max(1.0, self.scaling_app.refresh_s), self._poll)

    def on_screen_resume(self) -> None:
        if self._timer:
            self._timer.resume()
        self._closely = self._found is not None  # the first rows do not wait for a look at every file
        self._reading.ask(None)

    def on_screen_suspend(self) -> None:
        # Under a dialog it is still in view.
        if self._timer and self not in self.app.screen_stack:
            self._timer.pause()

    def _poll(self) -> None:
        if not self._reading.busy:
            self._reading.ask(None)

    def _read(self, _: None) -> None:
        """In a thread."""
        if closely := self._closely:  # what asks for it from now on is seen by this look, or asks for the next
            self._closely = False
        try:
            listed = self.scaling_app.listing.poll(PATIENCE_S, closely)
        except InputError as error:
            found = Found(problem=str(error))
        else:
            now = time.time()
            lines = tuple(sweep_line(row, now) for row in listed.rows)
            found = Found(listed.rows, lines, len(listed.unknown), bool(listed.unread))
        self.app.call_from_thread(self._take, found)

    def _take(self, found: Found) -> None:
        if found != self._found:
            self._found = found
            self._lines = {line.key: line for line in found.lines}
            self.query_one(LineList).set_columns(SWEEP_COLUMNS, found.lines)
            self._show()
        if found.more and self in self.app.screen_stack:
            self._reading.ask(None)

    # --- the widgets

    def _show(self, under: str | None = None) -> None:
        """Lists what fits the filter, in order; the cursor stays on its sweep."""
        if self._found is None:
            return
        table, found = self.query_one(LineList), self._found
        before = table.key
        at = list(self._shown).index(before) if before in self._shown else 0
        rows = select(found.rows, self._query, self._sort)
        self._shown = {row.name: row for row in rows}
        self._marked &= self._shown.keys()
        under = under or before
        if under not in self._shown and rows:
            under = rows[min(at, len(rows) - 1)].name  # where the one was that is gone
        table.show([self._lines[row.name] for row in rows], under, self._marked)
        self.set_class(not rows, "-empty")
        if not rows:
            self.query_one("#empty", PlainText).set_text(self._why_empty(found))
        self._show_where()
        self._show_about()

    def _why_empty(self, found: Found) -> str:
        if found.problem:
            return found.problem
        if found.unread:
            return "Reading the sweeps …"
        if not found.rows:
            trash = " R brings one back from the trash." if in_trash(self.runs) else ""
            return f"No sweep in {self.runs} yet. Press 2 for the Lab to launch one.{trash}"
        archived = sum(row.archived for row in found.rows)
        if self._query.terms:
            hidden = f" {show.counted(archived, 'archived sweep')} not listed: add archived:any." if archived else ""
            listed = show.counted(len(found.rows), "sweep")
            return f"None of {listed} fits {str(self._query)!r}. Press esc to remove the filter.{hidden}"
        return f"{show.counted(archived, 'sweep')}, all archived. Press / and type archived:any to see all."

    def _show_where(self) -> None:
        assert self._found is not None
        total, shown = len(self._found.rows), len(self._shown)
        training = sum(row.trains and not row.copied for row in self._shown.values())
        order = self._sort.removeprefix("-") + (" reversed" if self._sort.startswith("-") else "")
        parts = [
            "Sweeps",
            f"{shown:,} of {total:,}" if shown < total else f"{total:,}",
            f"{training} training" if training else "",
            f"by {order}",
            f"{len(self._marked):,} marked" if self._marked else "",
            f"reading {self._found.unread:,} more" if self._found.unread else "",
        ]
        self.query_one("#where", PlainText).set_text(" · ".join(filter(None, parts)))

    def _show_about(self) -> None:
        row = self._row()
        lines = sweep_about(row, time.time()) if row is not None else []
        if row is not None and self.has_class("-roomy"):
            self.query_one("#about-panel", Panel).retitle(row.name)
            lines = [part for line in lines for part in line.split(" · ")]
        self.query_one("#about", PlainText).set_text(Text("\n".join(lines)))
        self.query_one(SweepCurves).show(row)

    def on_resize(self) -> None:
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._show()

    def why(self) -> "Callable[[], Sequence[Explanation]] | None":
        row = self._row()
        return None if row is None or row.broken else lambda: listed_figures(row)

    def _row(self) -> SweepRow | None:
        """The sweep under the cursor."""
        key = self.query_one(LineList).key
        return self._shown.get(key) if key is not None else None

    def _chosen(self) -> list[Path]:
        """The sweeps to act on: those marked, in their order, else the one under the cursor."""
        names = [name for name in self._shown if name in self._marked]
        row = self._row()
        names = names or ([row.name] if row is not None else [])
        return [self.runs / name for name in names]

    def on_line_list_moved(self) -> None:
        self._show_about()

    def on_line_list_clicked(self, event: LineList.Clicked) -> None:
        if event.again:
            self.run_worker(self.action_show())

    def on_line_list_head_clicked(self, event: LineList.HeadClicked) -> None:
        order = next((order for order, column in SORTED_BY.items() if column == event.column), None)
        if order is not None:
            self._sort_by(order)

    # --- keys: what is listed

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        if action == "all":
            return self.is_mounted and (bool(self._query.terms) or self.query_one("#filter", Input).has_focus)
        if action == "undo":
            return bool(self._undo)
        return True

    def action_move(self, how: str) -> None:
        self.query_one(LineList).move(how)

    async def action_show(self) -> None:
        row = self._row()
        if row is not None:
            self.scaling_app.table = None
            self.scaling_app.sweep = row.name
            await self.scaling_app.visit("live")

    def action_filter(self) -> None:
        self.add_class("-filter")
        self.query_one("#filter", Input).focus()

    def action_all(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        self._leave_field()

    def _leave_field(self) -> None:
        self.set_focus(None)
        self.set_class(bool(self.query_one("#filter", Input).value.strip()), "-filter")
        self.refresh_bindings()

    def on_input_submitted(self) -> None:
        self._leave_field()

    def on_input_changed(self, event: Input.Changed) -> None:
        problem = ""
        try:
            self._query = read_query(event.value, typing=True)
        except InputError as error:
            problem = str(error).removeprefix("filter: ")
        else:
            self._show()
        self.query_one("#problem", PlainText).set_text(problem)
        self.set_class(bool(problem), "-problem")

    def action_sort(self) -> None:
        lines = [Line(order, (order, ORDERS[order])) for order in SORTS]
        now = self._sort.removeprefix("-")
        dialog = Choose(
            "Sort by what? Choose the same again to reverse the order.",
            lines,
            columns=PAIR,
            find=by_text(lines),
            now=now,
        )
        self.app.push_screen(dialog, self._sort_by)

    def _sort_by(self, order: str | None) -> None:
        if order is not None:
            self._sort = f"-{order}" if order == self._sort else order
            self._show()

    def action_reverse(self) -> None:
        self._sort = self._sort.removeprefix("-") if self._sort.startswith("-") else f"-{self._sort}"
        self._show()

    def action_mark(self) -> None:
        row = self._row()
        if row is not None:
            self._marked ^= {row.name}
            self._show()
            self.query_one(LineList).move("down")

    def action_mark_all(self) -> None:
        self._marked = frozenset() if self._marked else frozenset(self._shown)
        self._show()

    # --- keys: what is done to them

    def action_rename(self) -> None:
        row = self._row()
        if row is None:
            return
        path = self.runs / row.name

        def read(typed: str) -> str:
            if typed != path.name and os.path.lexists(self.runs / safe_name(typed)):
                raise taken(typed)
            return typed

        def rename(name: str | None) -> None:
            if name is not None and name != path.name:
                self._do(lambda: sweep_edits.rename(path, name))

        ask = Ask(f"Rename {path.name} to what?", "Nothing in its folder changes.", read, path.name)
        self.app.push_screen(ask, rename)

    def action_note(self) -> None:
        paths = self._chosen()
        if not paths:
            return
        only = self._shown[paths[0].name].note if len(paths) == 1 else ""

        def read(typed: str) -> str:
            return checked_note("\n".join(part.strip() for part in typed.split(BREAK)))

        def note(text: str | None) -> None:
            if text is not None:
                self._do(lambda: sweep_edits.note(paths, text))

        hint = f"This replaces the note; leave it empty to remove the note. {BREAK} is a new line."
        self.app.push_screen(Ask(f"Note on {_named(paths)}:", hint, read, f" {BREAK} ".join(only.splitlines())), note)

    def action_tag(self) -> None:
        paths = self._chosen()
        if not paths:
            return
        has = list(dict.fromkeys(tag for path in paths for tag in self._shown[path.name].tags))
        rows = self._found.rows if self._found else ()
        used = dict.fromkeys(tag for row in rows for tag in row.tags)

        def read(typed: str) -> tuple[list[str], list[str]]:
            add, remove = read_tags(typed.replace(",", " ").split())
            if not add and not remove:
                raise InputError("tags: found none, want some, such as +base -old")
            return add, remove

        def tag(words: tuple[list[str], list[str]] | None) -> None:
            if words is not None:
                self._do(lambda: sweep_edits.tag(paths, *words))

        hint = f"+base adds, -old removes. It has: {show.listed(has, 8) or 'none'}. "
        hint += f"In use: {show.listed(list(used), 12) or 'none'}."
        self.app.push_screen(Ask(f"Tag {_named(paths)}:", hint, read), tag)

    def action_archive(self) -> None:
        paths = self._chosen()
        archived = not all(self._shown[path.name].archived for path in paths)
        if paths:
            self._do(lambda: sweep_edits.archive(paths, archived))

    def action_rm(self) -> None:
        if paths := self._chosen():
            self._do(lambda: sweep_edits.remove(paths))

    def sources(self) -> Sequence[str]:
        return [path.name for path in self._chosen()]

    def action_compare(self) -> None:
        self.scaling_app.compare(self.sources())

    def action_pause(self) -> None:
        paths = self._chosen()
        training = [path for path in paths if self._shown[path.name].trains]
        if training:
            self._do(lambda: sweep_edits.pause(training))
        elif paths:
            self._do(lambda: sweep_edits.go_on(paths))

    def action_report(self) -> None:
        row = self._row()
        if row is not None:
            ask_for_report(self, self.runs / row.name)

    def action_undo(self) -> None:
        if self._undo:
            edit = self._undo.pop()
            self._do(lambda: sweep_edits.undo(edit))

    @work
    async def action_restore(self) -> None:
        sweeps = await to_thread(in_trash, self.runs)
        single = await to_thread(runs_in_trash, self.runs)
        there = {str(one.path): one for one in sorted([*sweeps, *single], key=lambda one: one.when, reverse=True)}
        if not there:
            self.notify(f"The trash of {self.runs} is empty.", markup=False)
            return
        now = time.time()
        of = {str(one.path): f"{sweep_of(one).name}/" for one in single}
        lines = [
            Line(key, (f"{of.get(key, '')}{one.name}", f"deleted {show.ago(one.when, now)}"))
            for key, one in there.items()
        ]

        def restore(key: str | None) -> None:
            if key in of:
                self._do(lambda: sweep_edits.restore_run(there[key]))
            elif key is not None:
                self._do(lambda: sweep_edits.restore(there[key], self.runs))

        question = "Bring back which sweep or run?"
        self.app.push_screen(Choose(question, lines, columns=PAIR, find=by_text(lines)), restore)

    @work
    async def action_empty_trash(self) -> None:
        what = await to_thread(trash_told, self.runs)
        if not what:
            self.notify(f"The trash of {self.runs} is empty.", markup=False)
            return
        question = f"Delete for good? This frees {what}, and cannot be undone."

        def empty(answer: str | None) -> None:
            if answer:
                self._do(lambda: _emptied(self.runs, f"freed {what}"))

        answers = [("", "Keep them"), ("empty", "Delete them for good")]
        self.app.push_screen(Choose(question, lines_of(answers)), empty)

    @work
    async def _do(self, edit: Callable[[], Edit]) -> None:
        """Does it in a thread, one after the other: whether a sweep trains may take seconds to see."""
        async with self._editing:
            done = await to_thread(edit)
        for line in done.refused[:MOST_TOLD]:
            self.notify(line, severity="warning", markup=False, timeout=8)
        if (more := len(done.refused) - MOST_TOLD) > 0:
            self.notify(f"{more} more were refused.", severity="warning")
        if done.undo:
            self._undo = [*self._undo, done][-MOST_UNDONE:]
        if done.said:
            undoes = "; u undoes it" if done.undo else ""
            self.notify(f"{done.said[:1].upper()}{done.said[1:]}{undoes}.", markup=False)
        self._follow_names(dict(done.names))
        self.refresh_bindings()
        self._closely = True
        self._reading.ask(None)

    def _follow_names(self, names: Mapping[str, str | None]) -> None:
        """The sweep that every screen shows stays in view under its new name; of one that is gone, the latest is."""
        now = self.scaling_app.sweep
        if now is not None and now in names:
            self.scaling_app.sweep = names[now]


def listed_figures(row: SweepRow) -> "Sequence[Explanation]":
    """The numbers of a sweep in the list: its own first. Its files are read for them."""
    from scaling_tui.report.why.sweeps import sweep_figures
    from scaling_tui.runs.glance import glance

    found = sweep_figures(glance(Path(row.path)))
    return sorted(found, key=lambda one: one.of != "sweep")


def _named(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else f"{len(paths)} sweeps"


def _emptied(runs: Path, said: str) -> Edit:
    try:
        empty_all_trash(runs)
    except InputError as error:
        return Edit("", (str(error),))
    return Edit(said)
