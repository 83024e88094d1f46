"""Every JSON document that a command prints and every JSON file of a run folder: its name, version and schema.

A document begins with its name (`document`) and `version`. Within a version keys are only added: none is removed or
means something else, so a reader has to ignore keys that it does not know. Texts for people may change at any time;
their schema says so in `$comment`. Files have the version of the run folder, `format` in sweep.json and run.json.

`scaling-tui schema NAME` prints a schema. Tests check what commands print and write against them, closed to keys
that they do not name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from scaling_tui import InputError
from scaling_tui.report.documents.shapes import Shape
from scaling_tui.text.suggest import did_you_mean

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Described:
    """What has a schema.

    Args:
        name: as `schema` takes it; of a document that a command prints also as `document` says in it.
        means: what it holds, in a few words.
        found_in: the commands that print it, with what makes them, or the files that hold it.
        home: module and name of its shape in this package; modules are imported only when a schema is asked for.
        version: raised when a key is removed or means something else.
    """

    name: str
    means: str
    found_in: tuple[str, ...]
    home: str
    version: int = 1

    @property
    def shape(self) -> Shape:
        module, _, name = self.home.partition(".")
        found: Shape = getattr(import_module(f"{__name__}.{module}"), name)
        return found

    def schema(self) -> Shape:
        """Its JSON Schema, draft 2020-12, in one piece; of a line where it is a file of lines."""
        shape = self.shape
        says = f"{self.means[0].upper()}{self.means[1:]}. {shape.get('description', '')}".strip()
        return {"$schema": DRAFT, "title": self.name, **shape, "description": says}


@dataclass(frozen=True)
class Document(Described):
    """A document that a command prints: it begins with its name and version."""

    def schema(self) -> Shape:
        schema = super().schema()
        head = {
            "document": {"const": self.name, "description": "name of this document"},
            "version": {"const": self.version, "description": "changes if a key is removed or means something else"},
        }
        properties, required = {**head, **schema["properties"]}, [*head, *schema["required"]]
        return {**schema, "properties": properties, "required": required}


_D = Document
DOCUMENTS = {
    one.name: one
    for one in (
        _D("run", "a sweep with its results", ("run", "resume", "attach"), "sweeps.RUN"),
        _D("launch", "the sweep that was launched", ("run --detach",), "sweeps.LAUNCH"),
        _D("dry-run", "what a ladder would train, and how long", ("run --dry-run",), "sweeps.DRY_RUN"),
        _D(
            "timetable",
            "the same on a cluster",
            ("run --dry-run --on ray", "run --dry-run --on slurm"),
            "sweeps.TIMETABLE",
        ),
        _D("ladders", "the ladders that can be launched by name", ("ladders",), "sweeps.LADDERS"),
        _D("runs", "the sweeps with their runs", ("runs",), "sweeps.RUNS"),
        _D("tag", "the tags of a sweep", ("tag",), "sweeps.TAGS"),
        _D("note", "the note of a sweep", ("note",), "sweeps.NOTE"),
        _D("import", "a sweep made of logs", ("import",), "sweeps.IMPORT"),
        _D("export", "a sweep with its curves", ("export --format json",), "machine.EXPORT"),
        _D("report", "all that the page of a sweep or table tells", ("report",), "machine.REPORT"),
        _D("pipeline", "the six stages of a run's data", ("pipeline",), "sweeps.PIPELINE"),
        _D("trace", "what a checkpoint predicts after each layer", ("trace",), "machine.TRACE"),
        _D("trace-across", "what several checkpoints predict", ("trace --across",), "machine.ACROSS"),
        _D("fit", "a law fitted to runs", ("fit",), "laws.FIT"),
        _D("fit-isoflop", "minima of isoFLOP profiles, and their trend", ("fit --method isoflop",), "laws.ISOFLOP"),
        _D("fit-envelope", "the envelope of curves, and its law", ("fit --method envelope",), "laws.ENVELOPE"),
        _D("fit-task", "a task's accuracy in two steps", ("fit --task",), "laws.TASK"),
        _D("fit-schedule", "a law of learning-rate schedules fitted to curves", ("fit --law NAME",), "laws.SCHEDULE"),
        _D("compare", "sources side by side", ("compare",), "laws.COMPARISON"),
        _D("loss", "the loss by a law", ("loss",), "laws.LOSS"),
        _D("plan", "the compute-optimal run", ("plan",), "laws.PLAN"),
        _D("plan-allocation", "a run by a published allocation", ("plan --allocation",), "laws.ALLOCATION"),
        _D("count", "parameters and FLOPs of a transformer", ("count",), "laws.COUNT"),
        _D("count-ladder", "parameters and FLOPs of a ladder's rungs", ("count LADDER",), "laws.COUNT_LADDER"),
        _D("laws", "laws with their published coefficients", ("laws",), "laws.LAWS"),
        _D(
            "hyperparameters",
            "learning rates and batch sizes by published laws",
            ("laws --params",),
            "laws.HYPERPARAMETERS",
        ),
        _D("why", "how numbers are computed", ("why", "plan --why"), "laws.WHY"),
        _D("lessons", "the lessons", ("learn",), "tutor.LESSONS"),
        _D("lesson", "a lesson", ("learn LESSON",), "tutor.READ"),
        _D("glossary", "the terms", ("learn glossary",), "tutor.GLOSSARY"),
        _D("term", "a term", ("learn glossary TERM",), "tutor.TERM"),
        _D("experiments", "the guided experiments", ("learn experiment",), "tutor.EXPERIMENTS"),
        _D("experiment", "how far a guided experiment is", ("learn experiment NAME",), "tutor.EXPERIMENT"),
        _D("questions", "the questions", ("quiz list",), "tutor.QUESTIONS"),
        _D("question", "a question with its numbers", ("quiz show",), "tutor.SHOW"),
        _D("grade", "an answer graded", ("quiz grade",), "tutor.GRADE"),
        _D("quiz", "how a quiz went", ("quiz take",), "tutor.TAKE"),
        _D("sitting", "where an assignment stands", ("quiz take --assignment",), "tutor.SITTING"),
        _D("guess", "a loss guessed before it is measured", ("quiz predict",), "tutor.PREDICT"),
        _D("bank-check", "what is wrong with banks and lessons", ("quiz check",), "tutor.CHECK"),
        _D("progress", "every answer of a learner", ("quiz progress",), "tutor.PROGRESS"),
        _D("history", "quizzes taken, and days with an answer", ("quiz history",), "tutor.HISTORY"),
        _D("mistakes", "questions whose latest answer was wrong", ("quiz mistakes",), "tutor.MISTAKES"),
        _D("exam", "the papers of an assignment", ("quiz exam",), "tutor.EXAM"),
        _D("entered", "answers on paper as submissions", ("quiz enter",), "tutor.ENTER"),
        _D("marks", "the marks of a class", ("quiz mark",), "tutor.MARK"),
        _D("class", "a class at a glance", ("quiz report",), "tutor.REPORT"),
        _D("doctor", "what this machine and terminal can do", ("doctor",), "machine.DOCTOR"),
        _D("schemas", "the documents that have a schema", ("schema",), "machine.SCHEMAS"),
    )
}
FILES = {
    one.name: one
    for one in (
        Described("sweep.json", "what a sweep is, written once", ("SWEEP/sweep.json",), "files.SWEEP_FILE"),
        Described(
            "predictions.jsonl",
            "a prediction made before its run began",
            ("a line of SWEEP/predictions.jsonl",),
            "files.PREDICTION_LINE",
        ),
        Described(
            "rates.jsonl", "learning rates chosen by `tune`", ("a line of SWEEP/rates.jsonl",), "files.RATES_LINE"
        ),
        Described("labels.json", "what people noted on a sweep", ("SWEEP/labels/NUMBER.json",), "files.LABELS_FILE"),
        Described("request.json", "a request to the supervisor", ("SWEEP/requests/NAME.json",), "files.REQUEST_FILE"),
        Described(
            "run.json", "the whole configuration of a run, written once", ("SWEEP/RUN/run.json",), "files.RUN_FILE"
        ),
        Described(
            "metrics.jsonl",
            "what a run recorded",
            ("a line of SWEEP/RUN/attempt-K/metrics.jsonl",),
            "files.METRICS_LINE",
        ),
        Described(
            "status.json",
            "a process and its state, replaced atomically",
            ("SWEEP/RUN/attempt-K/status.json", "SWEEP/supervisor-K/status.json"),
            "files.STATUS_FILE",
        ),
        Described(
            "fence.json",
            "how much of the earlier attempts counts",
            ("SWEEP/RUN/attempt-K/fence.json",),
            "files.FENCE_FILE",
        ),
        Described(
            "engine.json",
            "how the steps of an attempt are computed",
            ("SWEEP/RUN/attempt-K/engine.json",),
            "files.ENGINE_FILE",
        ),
    )
}


def described(name: str) -> Described:
    """The document or file called `name`.

    Raises:
        InputError: there is none.
    """
    known: dict[str, Described] = {**DOCUMENTS, **FILES}
    if name not in known:
        raise InputError(f"schema {name!r}: not found; {did_you_mean(name, known, 'scaling-tui schema lists them')}")
    return known[name]


def stamped(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its name and version in front."""
    return {"document": name, "version": DOCUMENTS[name].version, **document}


def schemas_document() -> dict[str, Any]:
    """What has a schema, for JSON."""
    return {
        "documents": [
            {"name": one.name, "version": one.version, "from": list(one.found_in), "means": one.means}
            for one in (*DOCUMENTS.values(), *FILES.values())
        ]
    }


def schemas_text() -> str:
    """The same as a table."""
    from scaling_tui.text.columns import columns

    rows = [("name", "version", "holds", "from")]
    rows += [
        (one.name, str(one.version), one.means, ", ".join(one.found_in))
        for one in (*DOCUMENTS.values(), *FILES.values())
    ]
    return columns(rows, numeric=(1,))
