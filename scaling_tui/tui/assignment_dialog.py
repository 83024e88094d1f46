"""The dialogs that open an assignment of a class: its file, then the student's id."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.app import App

from scaling_tui import InputError
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tutor.classroom.assignment import Assignment, load_assignment
from scaling_tui.tutor.classroom.opening import open_sitting
from scaling_tui.tutor.classroom.sitting import Sitting


def ask_for_assignment(app: App[None], opened: Callable[[Sitting | None], None]) -> None:
    """Asks for an assignment and an id, and tells `opened` the sitting; None if the learner went back."""

    def chosen(assignment: Assignment | None) -> None:
        if assignment is not None:
            name, hint = assignment.title, "the id in your instructor's list · enter continue · esc back"
            app.push_screen(Ask(f"{name}: your id in the class", hint, partial(open_sitting, assignment.path)), opened)

    hint = "the file that your instructor gave you, such as homework-1.toml · enter open · esc back"
    app.push_screen(Ask("Path of the assignment", hint, _assignment), chosen)


def _assignment(path: str) -> Assignment:
    try:
        return load_assignment(Path(path).expanduser())
    except (RuntimeError, ValueError) as error:  # ~nobody, or no path at all
        raise InputError(str(error)) from None
