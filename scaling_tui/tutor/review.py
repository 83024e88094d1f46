"""What to ask next. Concepts are cards, spaced by FSRS; procedures are skills, practised with fresh numbers.

A choice question is a card: it is remembered or forgotten. A question with a skill is practised until the moving
average of its scores reaches mastery, and then comes back from time to time. Times are UTC; a day is the learner's own.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scaling_tui.tutor.content.questions import Kind, Question
from scaling_tui.tutor.progress import Answer

LONGEST_INTERVAL = 180  # days
NEW_A_DAY = 10
ANSWERS_A_DAY = 60
LAPSES = 8  # then the lesson has to be read again
WEIGHT = 0.3  # of the latest score in a skill's average
MASTERED = 0.85
SKILL_RETURNS = timedelta(days=14)
MINUTES: dict[Kind, float] = {
    "choice": 0.5, "numeric": 1.0, "expression": 1.0, "fix": 1.0, "code": 3.0, "figure": 1.0,
}  # fmt: skip
SESSION_QUESTIONS = 8
TEST = {"easy": 4, "medium": 3, "hard": 3}


@dataclass(frozen=True)
class Card:
    """A concept: when it is due, and how often it has been forgotten since its lesson was last read."""

    due: datetime
    lapses: int


@dataclass
class Skill:
    """A procedure. `average` is the moving average of its scores, 0 to 1."""

    average: float = 0.0
    last: datetime | None = None

    @property
    def mastered(self) -> bool:
        return self.average >= MASTERED


@dataclass(frozen=True)
class ReviewState:
    """What is due, new and mastered at `now`, computed from all answers so far.

    Args:
        asked: how often each question was answered.
        due: questions due, most overdue first; one for each skill.
        back_to: lessons to read again.
    """

    now: datetime
    cards: dict[str, Card]
    skills: dict[str, Skill]
    asked: Counter[str]
    today: int
    new_today: int
    due: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    back_to: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Questions left for today, due and new."""
        return min(len(self.due) + len(self.new), max(0, ANSWERS_A_DAY - self.today))


def review_state(questions: Sequence[Question], answers: Sequence[Answer], now: datetime) -> ReviewState:
    """Replays the answers, those of tests included."""
    known = {question.id: question for question in questions}
    skills: dict[str, Skill] = {}
    asked: Counter[str] = Counter()
    for answer in answers:
        if not answer.question:
            continue
        asked[answer.question] += 1
        if answer.skill:
            skill = skills.setdefault(answer.skill, Skill())
            score = (0.5 if answer.hinted else 1.0) if answer.correct else 0.0
            skill.average += WEIGHT * (score - skill.average)
            skill.last = answer.time
    cards = _cards(answers)
    since = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)  # the learner's own midnight
    today = [answer for answer in answers if answer.question and answer.time >= since]
    before = {answer.question for answer in answers if answer.time < since}
    new_today = len({answer.question for answer in today} - before)
    leeches = {name for name, card in cards.items() if card.lapses >= LAPSES}
    due = [name for name, card in sorted(cards.items(), key=lambda item: item[1].due) if card.due <= now]
    due = [name for name in due if name in known and name not in leeches]
    due += _due_skills(questions, skills, asked, now)
    unseen = [question.id for question in questions if not asked[question.id] and question.id not in due]
    return ReviewState(
        now, cards, skills, asked, len(today), new_today, tuple(due), tuple(unseen[: max(0, NEW_A_DAY - new_today)]),
        tuple(dict.fromkeys(known[name].lesson for name in leeches if name in known)),
    )  # fmt: skip


def _due_skills(
    questions: Sequence[Question], skills: dict[str, Skill], asked: Counter[str], now: datetime
) -> list[str]:
    """The least asked question of each skill that is not mastered yet, or was practised long ago.

    One that was never asked is new and not due, even if its skill is.
    """
    due = []
    for name, skill in skills.items():
        practice = [question for question in questions if question.skill == name and asked[question.id]]
        if practice and (not skill.mastered or (skill.last is not None and now - skill.last >= SKILL_RETURNS)):
            due.append(min(practice, key=lambda question: asked[question.id]).id)
    return due


def _cards(answers: Sequence[Answer]) -> dict[str, Card]:
    import fsrs

    scheduler = fsrs.Scheduler(maximum_interval=LONGEST_INTERVAL, enable_fuzzing=False)
    cards: dict[str, fsrs.Card] = {}
    lapses: Counter[str] = Counter()
    lesson_of: dict[str, str] = {}
    for answer in answers:
        if not answer.question:
            for name, lesson in lesson_of.items():
                if lesson == answer.lesson:
                    lapses[name] = 0
        elif not answer.skill:
            # Given no id, fsrs sleeps a millisecond to make a unique one.
            card = cards.get(answer.question) or fsrs.Card(card_id=len(cards), due=answer.time)
            if not answer.correct and answer.question in cards:
                lapses[answer.question] += 1
            rating = fsrs.Rating.Again
            if answer.correct:
                rating = fsrs.Rating.Hard if answer.hinted else fsrs.Rating.Good
            cards[answer.question], _ = scheduler.review_card(card, rating, answer.time)
            lesson_of[answer.question] = answer.lesson
    return {name: Card(card.due, lapses[name]) for name, card in cards.items()}


def minutes(questions: Sequence[Question], names: Sequence[str]) -> float:
    """Estimated minutes for the questions called `names`."""
    kinds = {question.id: question.kind for question in questions}
    return sum(MINUTES[kinds[name]] for name in names)


def pick_session(
    questions: Sequence[Question], state: ReviewState, length: int = SESSION_QUESTIONS, whole: bool = False
) -> list[Question]:
    """The questions of a session: due, then new, then the least asked and weakest; no skill twice in a row.

    Args:
        questions: the questions to pick from.
        state: what is due and new.
        length: the most questions to pick.
        whole: whether the learner chose these questions, such as a lesson's; else no more than the day's new ones are
            asked for the first time, and the session may be shorter.
    """
    known = {question.id: question for question in questions}
    names = list(state.due) + list(state.new)
    chosen = [known[name] for name in dict.fromkeys(names)][:length]
    rest = sorted(
        (question for question in questions if question not in chosen and (whole or state.asked[question.id])),
        key=lambda question: (state.asked[question.id], _average(state, question)),
    )
    chosen += rest[: length - len(chosen)]
    return interleaved(chosen)


def pick_seeded(questions: Sequence[Question], seed: int, length: int) -> list[Question]:
    """The questions that a seed picks, the same for everyone whatever they have answered."""
    rng = random.Random(f"session:{seed}")
    by_id = sorted(questions, key=lambda question: question.id)
    return interleaved(rng.sample(by_id, min(length, len(by_id))))


def _average(state: ReviewState, question: Question) -> float:
    skill = state.skills.get(question.skill)
    return skill.average if skill else 0.0


def interleaved(questions: Sequence[Question]) -> list[Question]:
    """The questions reordered so that no skill (for cards, no lesson) comes twice in a row, where possible."""
    left, order = list(questions), []
    last = ""
    while left:
        pick = next((question for question in left if (question.skill or question.lesson) != last), left[0])
        left.remove(pick)
        order.append(pick)
        last = pick.skill or pick.lesson
    return order


def pick_test(questions: Sequence[Question], seed: int) -> list[Question]:
    """Ten questions of three difficulties, easy ones first, from as many lessons as possible."""
    rng = random.Random(f"test:{seed}")
    chosen: list[Question] = []
    for difficulty, number in TEST.items():
        pool = [question for question in questions if question.difficulty == difficulty]
        rng.shuffle(pool)
        for _ in range(min(number, len(pool))):
            seen = Counter(question.lesson for question in chosen)
            pick = min(pool, key=lambda question: seen[question.lesson])
            pool.remove(pick)
            chosen.append(pick)
    return chosen
