"""From the path of an assignment to a sitting: what the command and the app both do."""

from pathlib import Path

from scaling_tui import InputError
from scaling_tui.tutor.classroom.assignment import load_assignment, load_exercise
from scaling_tui.tutor.classroom.roster import student_id
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.classroom.submission import submission_path


def open_sitting(file: Path, student: str, submission: Path | None = None, banks: tuple[Path, ...] = ()) -> Sitting:
    """The assignment in `file` as far as `student` has come with it; begun if it was not.

    Args:
        file: the assignment.
        student: the id as typed.
        submission: the file of the answers; None for one beside the assignment.
        banks: besides the shipped ones and those that the assignment names.

    Raises:
        InputError: a file that cannot be used, or no id.
    """
    assignment = load_assignment(file)
    try:
        who = student_id(student)
    except InputError as error:
        raise InputError(f"student {error}") from None
    exercise = load_exercise(assignment, banks)
    return Sitting(exercise, who, submission or submission_path(assignment, who))
