"""Lessons, questions and their marking; every number in them is computed by `scaling_tui.laws`."""

from scaling_tui.tutor.bank import Bank, load_bank, load_banks
from scaling_tui.tutor.lessons import lesson_files, load_lesson
from scaling_tui.tutor.marking import Mark, mark
from scaling_tui.tutor.questions import Question
from scaling_tui.tutor.variants import Variant, variant

__all__ = [
    "Bank",
    "Mark",
    "Question",
    "Variant",
    "lesson_files",
    "load_bank",
    "load_banks",
    "load_lesson",
    "mark",
    "variant",
]
