"""What keys do to the run under the cursor: train it again from the start, delete it, bring it back."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import Binding

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.delete_run import DeletedRun, bring_run_back, trash_run
from scaling_tui.sweeps.rerun import rerun, why_not_again
from scaling_tui.text import show
from scaling_tui.tui.widgets.choose import Choose, lines_of

if TYPE_CHECKING:
    from scaling_tui.tui.page import Page as Base
else:
    Base = object

RUN_KEYS = (
    Binding("R", "rerun", "rerun", show=False, tooltip="Train the run again from the start, with the same seed"),
    Binding("d,delete", "rm_run", "delete run", show=False, tooltip="Delete the run: move it to the trash"),
    Binding("ctrl+z", "undo_rm", "undo", show=False, tooltip="Bring back the last deleted run"),
)


class RunKeys(Base):
    """For a page that lists the keys among its own, and tells of a sweep and the run under the cursor."""

    _deleted: tuple[DeletedRun, ...] = ()

    def sweep_in_view(self) -> SweepView | None:
        raise NotImplementedError

    def run_in_view(self) -> RunView | None:
        raise NotImplementedError

    def can_undo(self) -> bool:
        """Whether a run that was deleted here can be brought back."""
        return bool(self._deleted)

    def action_rerun(self) -> None:
        sweep, run = self.sweep_in_view(), self.run_in_view()
        if sweep is None or run is None:
            return
        if why := why_not_again(sweep, run):
            self.notify(f"{run.name}: {why}.", severity="warning", markup=False)
            return
        out = " The law leaves it out until it ends." if run.state == "finished" else ""
        question = f"Train {run.name} again from the start?{out} The earlier attempt stays on disk."
        choices = [("", "Leave it as it is"), (run.name, f"Train {run.name} again, with the same settings and seed")]
        self.app.push_screen(Choose(question, lines_of(choices)), partial(self._rerun, sweep))

    def _rerun(self, sweep: SweepView, name: str | None) -> None:
        if name:
            self._in_thread(lambda: rerun(sweep.path, name), lambda _: f"{name} trains again from the start.")

    def action_rm_run(self) -> None:
        sweep, run = self.sweep_in_view(), self.run_in_view()
        if sweep is not None and run is not None:
            name = run.name

            def told(deleted: DeletedRun) -> str:
                self._deleted = (*self._deleted, deleted)
                return f"Deleted {name} of {sweep.name}; ctrl+z brings it back."

            self._in_thread(lambda: trash_run(sweep.path, name), told)

    def action_undo_rm(self) -> None:
        if self._deleted:
            *before, last = self._deleted
            self._deleted = tuple(before)
            self._in_thread(lambda: bring_run_back(last), lambda _: f"Brought back {last.name} of {last.sweep.name}.")

    def _in_thread(self, act: "Callable[[], object]", told: "Callable[..., str]") -> None:
        """Does it and tells so: whether a run trains may take seconds to see, and a supervisor to start."""

        def work() -> None:
            try:
                done = act()
            except (InputError, OSError) as error:
                self.app.call_from_thread(self.notify, show.fault(error), severity="error", markup=False)
            else:
                self.app.call_from_thread(lambda: self.notify(told(done), markup=False))
                self.app.call_from_thread(self.refresh_bindings)

        self.run_worker(work, thread=True)
