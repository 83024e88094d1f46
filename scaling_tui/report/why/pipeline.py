"""Why the counts of a run's data pipeline are what they are."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from scaling_tui.laws.counting import count
from scaling_tui.report.pipeline import stage_size
from scaling_tui.report.why.explanation import Explanation, Step, step
from scaling_tui.report.why.runs import architecture, count_steps, loss_convention, where
from scaling_tui.runs import RunView
from scaling_tui.sweeps.data_stages import DataStage
from scaling_tui.text import show

PIPELINE, COUNTING, STUDY = "pipeline", "counting", "honest-study"


def pipeline_figures(run: RunView, stages: Sequence[DataStage]) -> list[Explanation]:
    """Every figure of the six stages, and of the table of evaluations."""
    return [one for stage in stages for one in _stage(run, stage, {other.name: other for other in stages})]


def _stage(run: RunView, stage: DataStage, stages: dict[str, DataStage]) -> Iterator[Explanation]:
    if stage.count is not None:
        yield _size(run, stage, stages)
    if stage.name == "split":
        train, held_out = stage.detail["train"], stage.detail["held_out"]
        share = stage.detail["held_out_share"]
        yield Explanation(
            "split", "held out", f"{held_out:,}", held_out, "tokens", "the tokens that are never trained on",
            "counted in the corpus, at its end", ("tokens of the run's own tokenizer",), (run.name,), (), "exact",
            PIPELINE,
        )  # fmt: skip
        yield Explanation(
            "split", "share", show.percent(share, 1), share, "", "the share that is held out", "computed", (),
            (run.name,),
            (step("share", "held_out/(train + held_out)", {"train": train, "held_out": held_out}, share,
                  lambda v: show.percent(v, 1)),), "exact", PIPELINE,
        )  # fmt: skip
    elif stage.name == "training":
        yield from _epochs(run, stage, stages)
        for row in stage.detail.get("table") or ():
            yield from _evaluation(run, row)


def _size(run: RunView, stage: DataStage, stages: dict[str, DataStage]) -> Explanation:
    assert stage.count is not None
    arch = architecture(run)
    source, uncertainty, lesson = "counted in the corpus, read again", "exact", PIPELINE
    conventions: tuple[str, ...] = ()
    made: tuple[Step, ...] = ()
    if stage.name == "tokens":
        source = f"counted: the corpus through the tokenizer {stage.detail['tokenizer']}"
        split = stages["split"].detail
        made = (step("tokens", "train + held_out", {"train": split["train"], "held_out": split["held_out"]},
                     stage.count, _size_text(stage)),)  # fmt: skip
    elif stage.name == "initialised model" and arch is not None:
        source, lesson = f"counted from {run.name}/run.json, field architecture", COUNTING
        conventions = ("every trainable parameter, embeddings and head included",)
        counted = count_steps(arch, count(arch))
        last = counted[-1]
        names = {name.replace(" ", "_"): float(size) for name, size in stage.detail["parts"].items() if size}
        made = (*counted[:-1], step(last.symbol, " + ".join(names), names, stage.count, _size_text(stage)))
    elif stage.name == "training":
        source = where(run, "tokens")
        training, steps_done = run.config.get("training") or {}, run.curve.last("step")
        if arch is not None and steps_done and training.get("batch"):
            names = {"steps": steps_done, "batch": training["batch"], "context": max(1, arch.context)}
            product = math.prod(names.values())
            made = (step("tokens", "steps·batch·context", names, stage.count, _size_text(stage)),) if (
                product == stage.count) else ()  # fmt: skip
    elif stage.name == "evaluation":
        source, lesson = where(run, "val_loss"), STUDY
        conventions = (loss_convention(run), "nats: natural logarithms")
        uncertainty = "one run: seeds differ, see the loss of the run"
    return Explanation(
        stage.name, "size", _size_text(stage)(stage.count), float(stage.count), stage.unit,
        "what comes out of this stage", source,
        conventions, (run.name,), made, uncertainty, lesson,
    )  # fmt: skip


def _size_text(stage: DataStage) -> Callable[[float], str]:
    """Writes a count as the stage does, without its unit."""

    def text(value: float) -> str:
        return stage_size(replace(stage, count=value)).removesuffix(f" {stage.unit}") if math.isfinite(value) else "–"

    return text


def _epochs(run: RunView, stage: DataStage, stages: dict[str, DataStage]) -> Iterator[Explanation]:
    steps, epochs = stage.detail["steps"], stage.detail["epochs"]
    if steps is not None:
        yield Explanation("training", "steps", f"{int(steps):,}", steps, "", "the steps of the optimiser",
                          where(run, "step"), (), (run.name,), (), "exact", PIPELINE)  # fmt: skip
    if epochs is not None:
        yield Explanation(
            "training", "epochs", f"{epochs:.2f}", epochs, "", "how often it has seen its training tokens",
            f"{where(run, 'epoch')}: windows seen by windows of an epoch, a few tokens at the end left out",
            ("each unique token counts once",), (run.name,), (), "exact", PIPELINE,
        )  # fmt: skip


def _evaluation(run: RunView, row: dict[str, float]) -> Iterator[Explanation]:
    of = f"step {row['step']:.0f}"
    file = f"{run.name}/attempt-*/metrics.jsonl, record of {of}, field "
    for key, field, text, unit, said in (
        ("held out", "val_loss", show.loss, "nats per token", "held-out loss: of text that it never trains on"),
        ("training", "loss", show.loss, "nats per token", "training loss of that step's batch"),
        ("accuracy", "val_accuracy", lambda v: show.percent(v, 1), "", "share of held-out tokens predicted first"),
        ("epoch", "epoch", lambda v: f"{v:.2f}", "", "times that it had seen its training tokens"),
    ):
        value = row.get(field)
        if value is not None:
            yield Explanation(of, key, text(value), value, unit, said, file + field, (), (run.name,), (), "", PIPELINE)
