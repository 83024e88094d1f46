"""The shapes of what `learn` and `quiz` print."""

from scaling_tui.report.documents.shapes import (
    anything,
    either,
    flag,
    list_of,
    map_of,
    maybe,
    number,
    one_of,
    share,
    table,
    text,
    whole,
    words,
)
from scaling_tui.report.documents.sweeps import OUTCOME

QUESTION = text("id of the question")
LESSON = text("id of the lesson")
SEED = whole("seed of its numbers")
SLIP = maybe(text("name of the mistake; null if it is right or not a known one"))
TIME = "ISO 8601"

_HEAD = {"id": LESSON, "title": words(), "summary": words(), "minutes": whole("to read it")}
LESSONS = table({
    "lessons": list_of(
        table({**_HEAD, "order": whole("place in the course"), "ladder": text("the ladder that goes with it")})
    ),
})  # fmt: skip
READ = table({
    **_HEAD,
    "ladder": maybe(text("the ladder that goes with it")),
    "parts": list_of(
        either(words("Markdown"), map_of(anything("")), means="text as Markdown, or a plot, a drawing or a training")
    ),
    "questions": list_of(QUESTION, "those about it"),
})  # fmt: skip
_TERM = {
    "name": words(),
    "also": list_of(words(), "other words for it"),
    "means": words(),
    "unit": text("empty where it has none"),
    "lesson": text("id of the lesson about it; may be empty"),
}
TERM = table(_TERM)
GLOSSARY = table({"terms": list_of(TERM)})

_EXPERIMENT = {
    "id": text("name of the experiment"),
    "title": words(),
    "summary": words(),
    "minutes": whole("how long it takes"),
    "lesson": LESSON,
    "ladders": list_of(text(), "the ladder of each part"),
}
EXPERIMENTS = table({"experiments": list_of(table(_EXPERIMENT))})
_UNIT = text("`share`, `nats`, `count` or `number`")
EXPERIMENT = table({
    **_EXPERIMENT,
    "stage": text("how far the learner is"),
    "parts": list_of(
        table(
            {
                "title": words(),
                "ladder": text(),
                "settings": list_of(text(), "as of `run --set`"),
                "asks": list_of(table({"id": text(), "asks": words(), "unit": _UNIT})),
                "predictions": map_of(number(), "the learner's, by id"),
                "hints": list_of(words(), "those shown so far"),
                "solution": maybe(words("null until it is asked for or the results are compared")),
                "sweep": maybe(text("name of the learner's sweep; null before it was launched")),
                "results": maybe(
                    table({
                        "trained_before": flag("whether the sweep was there before the prediction"),
                        "predictions": list_of(
                            table({
                                "id": text(),
                                "unit": _UNIT,
                                "predicted": maybe(number()),
                                "measured": maybe(number()),
                            })
                        ),
                        "outcome": OUTCOME,
                        "results": words(),
                        "interpretation": words(),
                        "contradicted": list_of(whole(), "numbers of the claims that the results contradict"),
                    }),
                    "null until they are compared, or if the sweep is gone",
                ),
            },
            {"problem": words(), "what_is_known": words(), "your_task": words()},
        )
    ),
})  # fmt: skip

_QUESTION = {
    "id": QUESTION,
    "kind": one_of(("choice", "numeric", "expression", "fix", "code", "figure")),
    "lesson": LESSON,
    "difficulty": one_of(("easy", "medium", "hard")),
}
QUESTIONS = table({"questions": list_of(table(_QUESTION))})
SHOW = table(
    {
        **_QUESTION,
        "seed": SEED,
        "text": words(),
        "options": maybe(map_of(words()), "of a choice, by letter; else null"),
        "code": maybe(text("of a fix or a function to complete; else null")),
        "example": maybe(text("a call with its result; else null")),
        "points": maybe(
            table({"x": map_of(list_of(maybe(number()))), "y": map_of(list_of(maybe(number())))}),
            "of a plot to read: x and each curve by name; else null",
        ),
        "asks": words("what an answer looks like"),
        "hint": words(),
        "plan": maybe(text("arguments of `plan` that show it; else null")),
    },
    {
        "solution": list_of(words(), "with `--solution`"),
        "check": words("with `--solution`: a quick check"),
        "expected": text("with `--solution`: the right answer"),
    },
)
GRADE = table({
    "id": QUESTION,
    "seed": SEED,
    "read_as": text("the answer as it was understood"),
    "correct": flag("whether it is right"),
    "slip": SLIP,
    "diagnosis": maybe(words("what went wrong; null if it is right or unknown")),
    "step": maybe(words("one step that corrects it")),
    "expected": text("the right answer"),
    "hint": words(),
    "solution": list_of(words(), "the worked steps"),
})  # fmt: skip
TAKE = table({
    "asked": whole("questions in all"),
    "answered": whole("of them answered"),
    "skipped": whole("of them not answered"),
    "right": whole("on the first try"),
    "test": flag("whether it was a test"),
    "topics": list_of(table({"lesson": LESSON, "title": maybe(words()), "right": whole(), "asked": whole()})),
    "read_next": list_of(LESSON, "lessons to read next"),
    "results": list_of(
        table({"id": QUESTION, "seed": SEED, "correct": flag(), "slip": SLIP, "tries": whole()}),
    ),
})  # fmt: skip
DEADLINE = maybe(text(f"{TIME}; null without one"))
SITTING = table({
    "assignment": text("its id"),
    "student": text("id of the student"),
    "file": text("the submission"),
    "receipt": text("sixteen digits that identify the file in its state"),
    "deadline": DEADLINE,
    "answered": whole("questions answered"),
    "questions": list_of(
        table({
            "id": QUESTION,
            "points": number("what it is worth"),
            "answers": whole("how often it was answered"),
            "tries_left": whole(),
            "correct": maybe(flag("whether the last answer is right; null while the student may not know")),
        })
    ),
})  # fmt: skip
_ASKED = "null until there is an answer"
PREDICT = table({
    "sweep": text("name of the sweep"),
    "run": text("the run to predict"),
    "rung": text("name of its rung"),
    "params": maybe(number("N, counted as `convention` says")),
    "tokens": maybe(number("D")),
    "convention": text("which parameters N counts"),
    "known": list_of(
        table({
            "run": text(), "params": maybe(number()), "tokens": maybe(number()), "loss": maybe(number())
        }),
        "the smaller runs",
    ),
    "answer": maybe(number("the learner's guess, nats per token")),
    "law": maybe(text(f"name of the law; {_ASKED}")),
    "predicted": maybe(number(f"by the law; {_ASKED}")),
    "low": maybe(number(f"lower end of its interval; {_ASKED}")),
    "high": maybe(number("upper end")),
    "level": maybe(number("level of that interval")),
    "warnings": maybe(list_of(words()), _ASKED),
    "measured": maybe(number("null until it is known")),
    "errors": maybe(
        table({"yours": maybe(number()), "law": maybe(number()), "below": maybe(number())}),
        "measured over predicted minus 1: of the guess, of the law, of the loss of the rung below",
    ),
    "nearer": maybe(text("who was nearer: `you`, `law` or `equal`")),
    "inside": maybe(flag("whether the guess is inside the law's interval")),
})  # fmt: skip
CHECK = table({
    "banks": list_of(text(), "files"),
    "questions": whole("how many there are"),
    "seeds": whole("tried of each"),
    "experiments": list_of(text(), "ids"),
    "terms": whole("terms of the glossary"),
    "problems": list_of(words(), "empty if all is well"),
    "slips": maybe(list_of(map_of(anything(""))), "with `--slips`: which mistakes each question diagnoses; else null"),
})  # fmt: skip
PROGRESS = table({
    "path": text("the file of the progress"),
    "answers": list_of(
        table({
            "time": text(TIME),
            "lesson": LESSON,
            "question": QUESTION,
            "skill": text("what it practises"),
            "difficulty": text(),
            "seed": SEED,
            "correct": flag(),
            "hinted": flag("whether a hint was shown"),
            "slip": text("name of the mistake; empty if none"),
            "test": flag("whether it was in a test"),
            "text": text("as typed"),
            "seconds": number("since the question was shown"),
            "sitting": text("the session or test that it belongs to"),
        })
    ),
    "lessons_read": list_of(table({"time": text(TIME), "lesson": LESSON})),
    "records": list_of(map_of(anything("")), "everything as it is stored: `quiz progress --import` reads it"),
})  # fmt: skip
HISTORY = table({
    "sittings": list_of(
        table({
            "id": text(),
            "test": flag(),
            "begun": text(TIME),
            "questions": list_of(QUESTION),
            "answered": whole(),
            "right": whole(),
            "seconds": number(),
            "ended": flag("whether it came to its end"),
        })
    ),
    "days": list_of(
        table({"date": text(TIME), "answers": whole(), "right": whole(), "seconds": number()}), "with an answer"
    ),
    "days_in_a_row": whole("up to today"),
})  # fmt: skip
MISTAKES = table({
    "mistakes": list_of(
        table({
            "id": QUESTION,
            "lesson": LESSON,
            "seed": SEED,
            "time": text(f"of the latest: {TIME}"),
            "times": whole("how often it was answered wrongly"),
            "answer": maybe(text("the latest as typed")),
            "slip": SLIP,
            "diagnosis": maybe(words()),
            "expected": text("the right answer"),
        })
    ),
})  # fmt: skip
EXAM = table({
    "assignment": text("its id"),
    "folder": text("that was made"),
    "key": list_of(text(), "files with the right answers"),
    "papers": map_of(list_of(text()), "files of each student, by id"),
})  # fmt: skip
ENTER = table({
    "assignment": text("its id"),
    "at": text(f"when the papers were written: {TIME}"),
    "submissions": list_of(
        table({
            "student": text("the id"),
            "answers": whole(),
            "right": whole(),
            "file": text("the submission"),
            "notes": list_of(words(), "what to check"),
        })
    ),
})  # fmt: skip
MARK = table({
    "assignment": text("its id"),
    "title": words(),
    "deadline": DEADLINE,
    "points": number("what all questions are worth"),
    "marks": list_of(
        table({
            "id": maybe(text("of the student; null if the file does not tell")),
            "name": maybe(text("by the roster")),
            "state": one_of(("marked", "missing", "tampered", "unreadable", "other-assignment")),
            "points": maybe(number("for the last answers before the deadline; null unless `marked`")),
            "points_late": maybe(number("for the last answers, late ones included")),
            "of": number("what could be had"),
            "late_seconds": maybe(number("after the deadline; null if in time")),
            "seconds": maybe(number("spent on the questions, by the student's clock")),
            "file": maybe(text("the submission")),
            "notes": list_of(words(), "what to check"),
            "questions": list_of(
                table({
                    "id": QUESTION,
                    "points": number(),
                    "points_late": number(),
                    "of": number(),
                    "right": maybe(flag("whether the last answer is right; null if there is none")),
                    "late": flag(),
                    "answers": list_of(
                        table({
                            "answer": text("as typed"),
                            "read_as": text("as understood"),
                            "correct": flag(),
                            "slip": SLIP,
                            "seconds": maybe(number()),
                        })
                    ),
                })
            ),
        })
    ),
})  # fmt: skip
REPORT = table({
    "assignment": text("its id"),
    "title": words(),
    "states": map_of(whole(), "how many submissions are in each state"),
    "late": whole("how many marked ones are late"),
    "of": number("what all questions are worth"),
    "mean": maybe(number("points")),
    "median": maybe(number("points")),
    "lowest": maybe(number("points")),
    "highest": maybe(number("points")),
    "seconds": maybe(number("median over students")),
    "questions": list_of(
        table({
            "question": QUESTION,
            "most": number("points it is worth"),
            "answered": whole("students who answered"),
            "first_right": maybe(share("of them right on the first try")),
            "right": maybe(share("of them right in the end")),
            "mean_points": maybe(number()),
            "mean_tries": maybe(number()),
            "seconds": maybe(number("median over students")),
            "discrimination": maybe(number("correlation of its points with those of the other questions")),
            "wrong": list_of(
                table({
                    "slip": text("name of the mistake; empty for no known one"),
                    "students": whole(),
                    "example": text(),
                }),
                "the commonest first",
            ),
        })
    ),
})  # fmt: skip
