"""The learner's course: questions, lessons and progress together, for the commands and the screens."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui.tutor.content.lesson import lesson_files
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.progress import progress_file, read
from scaling_tui.tutor.review import MASTERED, Standing, examination, minutes, sitting, standing
from scaling_tui.tutor.session import Sitting


@dataclass(frozen=True)
class Course:
    """A state of learning, as it was when loaded."""

    questions: tuple[Question, ...]
    titles: dict[str, str]
    progress: Path
    standing: Standing

    @classmethod
    def load(cls, questions: Sequence[Question], progress: Path | None = None, now: datetime | None = None) -> "Course":
        """Reads lessons and progress; questions are put in the order of their lessons."""
        files = lesson_files()
        place = {file.id: number for number, file in enumerate(files)}
        ordered = tuple(sorted(questions, key=lambda one: (place.get(one.lesson, len(place)), one.lesson)))
        path = progress or progress_file()
        state = standing(ordered, read(path), now or datetime.now(UTC))
        return cls(ordered, {file.id: file.title for file in files}, path, state)

    @property
    def minutes(self) -> float:
        """About how long what is due today takes."""
        return minutes(self.questions, [*self.standing.due, *self.standing.new][: self.standing.count])

    def sitting(self, length: int, seed: int | None = None) -> Sitting:
        """What is due, then what is new. Without a seed the numbers are ones not seen before."""
        chosen = sitting(self.questions, self.standing, length)
        return Sitting(chosen, self.progress, self._seeds(seed))

    def examination(self, seed: int | None = None) -> Sitting:
        """A test of ten questions."""
        first = random.randrange(10**6) if seed is None else seed
        return Sitting(examination(self.questions, first), self.progress, lambda one: first, test=True)

    def _seeds(self, seed: int | None) -> Callable[[Question], int]:
        if seed is not None:
            return lambda one: seed
        base = random.randrange(1000) * 1000
        return lambda one: base + self.standing.asked[one.id]

    def overview(self) -> str:
        """Where the learner stands, in a few lines."""
        state = self.standing
        lines = [f"due {len(state.due)} · new {len(state.new)} · about {max(1, round(self.minutes))} min today"]
        answered = sum(1 for one in self.questions if state.asked[one.id])
        answers = "1 answer" if state.today == 1 else f"{state.today} answers"
        lines.append(f"{answered} of {len(self.questions)} questions met, {answers} today")
        if state.skills:
            lines.append(f"Skills, by a moving average of the marks; mastered from {100 * MASTERED:.0f} % on:")
        for name, skill in sorted(state.skills.items(), key=lambda item: item[1].average):
            bar, mastered = "#" * round(10 * skill.average), " · mastered" if skill.mastered else ""
            lines.append(f"  {bar:<10} {100 * skill.average:3.0f} %  {name.replace('-', ' ')}{mastered}")
        lines += [f"back to the lesson: scaling-tui learn {lesson}" for lesson in state.back_to]
        return "\n".join(lines)
