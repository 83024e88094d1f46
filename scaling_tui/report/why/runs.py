"""Why the figures of a run are what they are: its counts, its loss, its speed."""

import math
from collections.abc import Iterator

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.counting import Architecture, Count, count
from scaling_tui.report.why.explanation import Explanation, Step, step
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.config import known_keys
from scaling_tui.runs.curve import TAIL
from scaling_tui.runs.metrics import METRICS, described
from scaling_tui.runs.points import Trial
from scaling_tui.runs.views import STEADY_FROM
from scaling_tui.sweeps.sweep_fit import point_of
from scaling_tui.text import show

COUNTING, STUDY, PIPELINE, BALANCE = "counting", "honest-study", "pipeline", "size-data-compute"


def run_figures(sweep: SweepView, run: RunView) -> list[Explanation]:
    """Every figure that tables show of a run."""
    return [*_sizes(run), *_losses(sweep, run), *_speeds(run), *_others(run)]


def loss_convention(run: RunView) -> str:
    """Which loss a run's is."""
    if run.loss_is_held_out is False:
        return "training loss: no held-out loss was recorded"
    return "held-out loss: of text that the run never trains on"


def where(run: RunView, field: str) -> str:
    """The field of a run's last record of a metric, by file."""
    attempt = "attempt-1" if run.attempts == 1 else f"attempt-1 to {run.attempts}, joined"
    there = np.flatnonzero(~np.isnan(run.curve[field])) if field in METRICS else np.empty(0, np.intp)
    at = f", record of step {run.curve['step'][there[-1]]:,.0f}" if len(there) else ", its last record"
    return f"{run.name}/{attempt}/metrics.jsonl, field {field}{at}"


# --- counts


def architecture(run: RunView) -> Architecture | None:
    """What the run's parameters are counted from; None where another trainer gave the counts."""
    recorded = run.config.get("architecture")
    if not recorded or not run.config.get("family"):
        return None
    try:
        return Architecture(**known_keys(recorded, Architecture, "run.json: architecture"))
    except (InputError, TypeError):
        return None


def _sizes(run: RunView) -> Iterator[Explanation]:
    described_by = architecture(run)
    counted = count(described_by) if described_by else None
    file = f"{run.name}/run.json"
    if run.params is not None:
        ours = described_by and counted and counted.total == run.params
        yield Explanation(
            run.name, "N", show.count(run.params), run.params, "parameters", "its trainable parameters",
            f"counted from {file}, field architecture" if ours else f"{file}, field params",
            ("every parameter, embeddings and head included; laws may count N without them",), (run.name,),
            count_steps(described_by, counted)[:2] if described_by and counted and ours else (),
            "exact: it is the number of weights" if ours else "as given by whoever wrote run.json",
            COUNTING,
        )  # fmt: skip
    if run.non_embedding is not None:
        ours = described_by and counted and counted.non_embedding == run.non_embedding
        yield Explanation(
            run.name, "N non-emb", show.count(run.non_embedding), run.non_embedding, "parameters",
            "its parameters without embeddings and head",
            f"counted from {file}, field architecture" if ours else f"{file}, field non_embedding",
            ("without token and position embeddings and the head, as Kaplan et al. 2020",), (run.name,),
            body_steps(described_by, counted) if described_by and counted and ours else (),
            "exact: it is the number of weights" if ours else "as given by whoever wrote run.json",
            COUNTING,
        )  # fmt: skip
    if run.tokens is not None:
        yield Explanation(
            run.name, "D", show.count(run.tokens), run.tokens, "tokens", "the tokens that it trains on",
            f"{file}, field tokens" if run.config.get("tokens") is not None else where(run, "tokens"),
            ("tokens of the run's own tokenizer; repeated ones count each time",), (run.name,),
            _token_steps(run, described_by), "exact", BALANCE,
        )  # fmt: skip
    if run.flops is not None:
        yield _flops(run, described_by, counted)


def count_steps(arch: Architecture, counted: Count) -> tuple[Step, ...]:
    """How N is counted: a layer, then all parts."""
    names: dict[str, float] = {"layers": counted.layers, "layer": counted.per_layer}
    formula = "layers·layer" if counted.layers else ""
    parts = ("embedding", "positions", "final_norm", "head", "head_bias")
    for name in parts:
        if getattr(counted, name):
            names[name] = getattr(counted, name)
            formula += f" + {name}" if formula else name
    return (layer_step(arch, counted), step("N", formula or "0", names, counted.total, show.count))


def body_steps(arch: Architecture, counted: Count) -> tuple[Step, ...]:
    """How N is counted without embeddings and head."""
    names: dict[str, float] = {"layers": counted.layers, "layer": counted.per_layer}
    formula = "layers·layer"
    if counted.final_norm:
        names["final_norm"] = counted.final_norm
        formula += " + final_norm"
    return (layer_step(arch, counted), step("N", formula, names, counted.non_embedding, show.count))


def layer_step(arch: Architecture, counted: Count) -> Step:
    """The parameters of a layer: attention, MLP, and what its norms and biases add."""
    matrices = 3 if arch.gated else 2
    names: dict[str, float] = {"hidden": arch.hidden, "kv": arch.kv_width, "ffn": arch.inner}
    formula = f"2·hidden·hidden + 2·hidden·kv + {matrices}·hidden·ffn"
    norms = (counted.norms - counted.final_norm) / max(1, counted.layers)
    for name, size in (("norms", norms), ("biases", (counted.biases - counted.head_bias) / max(1, counted.layers))):
        if size and counted.layers:
            names[name] = size
            formula += f" + {name}"
    return step("layer", formula, names, counted.per_layer, _whole)


def _whole(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "–"


def _token_steps(run: RunView, arch: Architecture | None) -> tuple[Step, ...]:
    """D as steps of batches; empty where run.json does not tell them."""
    batch = (run.config.get("training") or {}).get("batch")
    if arch is None or not isinstance(batch, int) or not run.tokens or run.tokens % (batch * max(1, arch.context)):
        return ()
    names: dict[str, float] = {
        "steps": run.tokens // (batch * max(1, arch.context)), "batch": batch, "context": max(1, arch.context),
    }  # fmt: skip
    return (step("D", "steps·batch·context", names, run.tokens, show.count),)


def _flops(run: RunView, arch: Architecture | None, counted: Count | None) -> Explanation:
    assert run.flops is not None
    steps: tuple[Step, ...] = ()
    if arch is not None and counted is not None and run.tokens and run.flops_basis == "counted":
        names: dict[str, float] = {
            "multiplied": counted.matmul, "layers": arch.layers, "hidden": arch.hidden, "context": arch.context,
        }  # fmt: skip
        formula = "6·multiplied + 12·layers·hidden·context"
        if arch.classes is not None and arch.head != "none":
            # The head of a classifier runs once for a sequence.
            head = arch.hidden * arch.outputs
            names |= {"multiplied": counted.matmul - head, "head": head}
            formula = "6·(multiplied + head/context) + 12·layers·hidden·context"
        a_token = counted.flops_per_token["matmul+attention"]
        steps = (
            step("c", formula, names, a_token, _whole),
            step("C", "c·D", {"c": a_token, "D": run.tokens}, run.flops, show.scientific),
        )
    ours = bool(steps)
    return Explanation(
        run.name, "C", show.scientific(run.flops), run.flops, "FLOPs", "what its training computes",
        f"counted from {run.name}/run.json, field architecture: c FLOPs a token, forward and backward" if ours
        else f"{run.name}/run.json, field flops",
        ("matmuls and attention are counted, not C = 6ND" if ours else "as given, by whatever convention",),
        (run.name,), steps, "exact by the formula; a device may compute more or less" if ours else "as given", COUNTING,
    )  # fmt: skip


# --- losses


def _losses(sweep: SweepView, run: RunView) -> Iterator[Explanation]:
    if run.loss is not None:
        yield _loss(sweep, run)
    bpb = run.curve.last("bpb")
    if bpb is not None:
        # Of other tokenizers nothing on disk tells the bytes of a held-out token.
        by_byte = (run.config.get("corpus") or {}).get("tokenizer") == "byte" and run.loss is not None
        steps = (
            (step("bpb", "L/ln(2)", {"L": run.loss or 0.0}, bpb, _three_digits),)
            if by_byte and _three_digits((run.loss or 0.0) / math.log(2)) == _three_digits(bpb)
            else ()
        )
        yield Explanation(
            run.name, "bits/byte", _three_digits(bpb), bpb, "bits per byte",
            "its held-out loss in bits for each byte of the text, which no tokenizer changes",
            where(run, "bpb"),
            ("held-out loss", "L/ln(2)/(bytes per token); a token is a byte here" if steps
             else "L/ln(2)/(bytes per token of the held-out text), as the trainer computed it"),
            (run.name,), steps, "as for the loss", PIPELINE,
        )  # fmt: skip
    found = trial_of(sweep, run)
    if found is not None:
        yield from seed_figures(found)


def _three_digits(value: float | None) -> str:
    return show.loss(value, 3)


def _loss(sweep: SweepView, run: RunView) -> Explanation:
    loss = run.loss or 0.0
    steps: tuple[Step, ...] = ()
    if run.loss_is_held_out:
        recorded = run.curve.last("val_loss") is not None
        source = where(run, "val_loss") if recorded else f"{run.name}/run.json, field val_loss"
        evaluated = (run.config.get("training") or {}).get("held_out_tokens")
        if evaluated and run.config.get("family"):
            source += f": the mean cross-entropy over {evaluated:,} held-out tokens"
    elif run.curve.tail_mean is None:
        source = f"{run.name}/run.json, field loss"
    else:
        source = f"{run.name}, metrics.jsonl of its attempts, field loss: the mean over the last tenth of its records"
        total, number = tail_sum(run)
        steps = (step("L", "sum/records", {"sum": total, "records": number}, loss, show.loss),)
    conventions = [loss_convention(run), "nats per token: cross-entropy by natural logarithms"]
    if run.lacks_final_evaluation:
        conventions.append("from before the end: there was no final evaluation")
    return Explanation(
        run.name, "loss", show.loss(loss), loss, "nats per token", "the loss that it has reached", source,
        tuple(conventions), (run.name,),
        steps, _loss_uncertainty(sweep, run), STUDY,
    )  # fmt: skip


def tail_sum(run: RunView) -> tuple[float, int]:
    """The sum of the training losses of a run's last tenth, and of how many records."""
    losses = run.curve["mean_loss"]
    there = np.flatnonzero(~np.isnan(losses))
    weights = run.curve["stands_for"][there]
    behind = weights[::-1].cumsum()
    kept = max(1, int(np.searchsorted(behind, max(1.0, behind[-1] * TAIL), side="right")))
    return float((losses[there][-kept:] * weights[-kept:]).sum()), round(float(weights[-kept:].sum()))


def _loss_uncertainty(sweep: SweepView, run: RunView) -> str:
    found = trial_of(sweep, run)
    told = []
    error = (sweep.document.get("data") or {}).get("standard_error")
    if isinstance(error, float) and run.loss_is_held_out:
        told.append(
            f"which text is held out moves it by about {show.loss(error)} (standard error, the same for all rungs)"
        )
    if found is not None and found.sd is not None:
        told.append(f"seeds differ by {show.loss(found.sd)} (s.d. over {len(found.losses)})")
    else:
        told.append("one seed does not show how much seeds differ; with the key 'runs' a ladder trains several")
    return "; ".join(told)


def trial_of(sweep: SweepView, run: RunView) -> Trial | None:
    """The runs that differ from `run` in their seed alone."""
    point = point_of(sweep, run.name)
    if point is None:
        return None
    return next((one for one in point.trials if run.name in {other.name for other in one.runs}), None)


def seed_figures(trial: Trial) -> Iterator[Explanation]:
    """Mean and spread over the seeds of one setting; nothing where one alone has finished."""
    losses = trial.losses
    if len(losses) < 2 or trial.loss is None or trial.sd is None:
        return
    runs = tuple(run.name for run in trial.measured)
    of, number = trial.label, len(losses)
    names = {f"L{k + 1}": value for k, value in enumerate(losses)}
    conventions = (loss_convention(trial.measured[0]), "nats per token")
    squares = sum((value - trial.loss) ** 2 for value in losses)
    mean_steps: tuple[Step, ...] = (
        step("L", f"({' + '.join(names)})/n", {**names, "n": number}, trial.loss, show.loss)
        if number <= 12
        else step("L", "sum/n", {"sum": sum(losses), "n": number}, trial.loss, show.loss),
    )
    terms = " + ".join(f"({name} - L)·({name} - L)" for name in names)
    sd_steps: tuple[Step, ...] = (
        step("sd", f"sqrt(({terms})/(n - 1))", {**names, "L": trial.loss, "n": number}, trial.sd, show.loss)
        if number <= 6
        else step("sd", "sqrt(squares/(n - 1))", {"squares": squares, "n": number}, trial.sd, show.loss),
    )
    error = trial.sd / math.sqrt(number)
    yield Explanation(
        of, "mean loss", show.loss(trial.loss), trial.loss, "nats per token", "the mean loss of its seeds",
        "computed from the losses of the runs", conventions, runs, mean_steps,
        f"standard error {show.loss(error)}: the s.d. divided by the root of {number}", STUDY,
    )  # fmt: skip
    yield Explanation(
        of, "s.d.", show.loss(trial.sd), trial.sd, "nats per token", "the standard deviation over its seeds",
        "computed from the losses of the runs", conventions, runs, sd_steps,
        f"a spread from {number} values is itself uncertain by about {show.percent(1 / math.sqrt(2 * (number - 1)))}",
        STUDY,
    )  # fmt: skip
    yield Explanation(
        of, "s.e.", show.loss(error), error, "nats per token", "the standard error of the mean over its seeds",
        "computed from the losses of the runs", conventions, runs,
        (step("se", "sd/sqrt(n)", {"sd": trial.sd, "n": number}, error, show.loss),), "", STUDY,
    )  # fmt: skip


# --- speed and the rest


def _speeds(run: RunView) -> Iterator[Explanation]:
    speed = run.curve.last("tokens_per_s")
    if speed is not None:
        yield Explanation(
            run.name, "tok/s", show.count(speed), speed, "tokens per second", "its speed in its last record",
            where(run, "tokens_per_s"), ("all processes of the run together",), (run.name,), (),
            "of the records just before; a busy machine is slower", PIPELINE,
        )  # fmt: skip
    left, done, steady = run.seconds_left, run.curve.last("tokens"), run.steady_speed
    if left is not None and done is not None and steady and run.tokens is not None and left > 0:
        yield Explanation(
            run.name, "left", show.duration(left), left, "", "the time until it has trained on all its tokens",
            f"computed: the tokens left, at v, the median speed of its last {STEADY_FROM} records",
            ("without evaluations, checkpoints and waiting",), (run.name,),
            (step("t", "(D - done)/v", {"D": run.tokens, "done": done, "v": steady}, left, show.duration),),
            "as steady as its speed; Live shows the interval for the whole sweep", PIPELINE,
        )  # fmt: skip


def _others(run: RunView) -> Iterator[Explanation]:
    """The last value of every other metric, as Live and attach list them."""
    told = {"loss", "val_loss", "bpb", "tokens_per_s", "tokens", "flops"}
    for metric in run.curve.metrics:
        value = run.curve.last(metric)
        if value is None or metric in told:
            continue
        about = described(metric)
        yield Explanation(
            run.name, about.key, show.value(value), value, about.unit,
            f"its last {about.name}" if metric in METRICS else "a metric that its trainer recorded under this name",
            where(run, metric), ("as recorded",), (run.name,), (), "", PIPELINE,
        )  # fmt: skip
