"""The shapes of what the commands that train, list and steer sweeps print."""

from scaling_tui.report.documents.files import of_dataclass
from scaling_tui.report.documents.laws import COEFFICIENTS, LAW, LEVEL, WARNINGS
from scaling_tui.report.documents.shapes import (
    Shape,
    anything,
    extended,
    flag,
    list_of,
    map_of,
    maybe,
    number,
    pair,
    table,
    text,
    whole,
    words,
)
from scaling_tui.sweeps.best_rates import BestRate, RateTrend
from scaling_tui.text import show

STATE = text(f"one of {', '.join(show.SIGNS)}")
REASON = words("why it is in this state; may be empty")
FAULTS = list_of(words(), "a line for each file or field that could not be read")
PARAMS = maybe(number("N, every trainable parameter; null if unknown"))
NON_EMBEDDING = maybe(number("N without embeddings and head; null if unknown"))
TOKENS = maybe(number("D, training tokens; null if unknown"))
FLOPS = maybe(number("C, training FLOPs; null if unknown"))
UNIX = "Unix time, in seconds"

_RUN = {
    "run": text("name of the run"),
    "rung": text("name of its rung"),
    "seed": whole("of weights, dropout and the order of the text"),
    "params": PARAMS,
    "non_embedding": NON_EMBEDDING,
    "tokens": TOKENS,
    "flops": FLOPS,
    "flops_basis": maybe(text(
        "`counted` if `flops` counts matmuls and attention; `given` if another trainer's run.json states it; "
        "null without `flops`"
    )),
    "loss": maybe(number("nats per token; null before there is one")),
    "lacks_final_evaluation": flag("whether the run finished but its last held-out loss is from before the end"),
    "loss_is_held_out": maybe(flag(
        "true if `loss` is the last held-out loss; false if it is the mean of the last tenth of the training losses; "
        "null without a loss"
    )),
    "bpb": maybe(number("last held-out loss in bits per byte")),
    "accuracy": maybe(number("last share of held-out tokens ranked first")),
    "state": STATE,
    "reason": REASON,
    "attempts": whole("how often it was begun"),
    "tokens_per_s": maybe(number("last speed")),
    "metrics": map_of(maybe(number()), "the last value of everything that it recorded"),
}  # fmt: skip
COPY = maybe(
    table({
        "host": text("where it trains"),
        "folder": text("its folder there"),
        "as_of": number(f"its last news: {UNIX}"),
        "stale": flag("whether that is old"),
        "here": flag("whether that host is this one"),
    }),
    "null unless the folder is a copy of one that trains elsewhere",
)  # fmt: skip
PREDICTION = maybe(
    table({
        "rung": text("the rung predicted"),
        "law": LAW,
        "predicted": number("loss, nats per token"),
        "low": maybe(number("lower end of the interval; null with too few points")),
        "high": maybe(number("upper end")),
        "level": LEVEL,
        "begun": flag("whether its training has begun"),
        "measured": maybe(number("mean over the seeds that finished at the best setting; null before that")),
        "sd": maybe(number("standard deviation over them; null for one")),
        "seeds": whole("how many finished"),
        "of_seeds": whole("of how many"),
        "setting": map_of(anything("a value"), "the best setting, where several were tried"),
        "error": maybe(number("measured/predicted - 1")),
        "below": maybe(number("the same of the guess that it ends with the loss of the rung below it")),
    }),
    "the latest prediction and what was measured since; null without one",
)  # fmt: skip
ESTIMATE = maybe(
    table({
        "seconds": number("as estimated at the launch"),
        "seconds_from": words("what that was measured on"),
        "took": maybe(number("seconds under way; null until the sweep is finished")),
        "error": maybe(number("took/seconds - 1")),
    }),
    "null if nothing was known of this machine",
)  # fmt: skip
OUTCOME = list_of(
    table({
        "case": text("rung, with its variant"),
        "rung": text("name of the rung"),
        "params": PARAMS,
        "non_embedding": NON_EMBEDDING,
        "tokens": TOKENS,
        "unique_tokens": maybe(number("U, distinct tokens")),
        "flops": FLOPS,
        "seeds": list_of(whole(), "those that finished"),
        "cpu_s": maybe(number("CPU seconds of a run, the mean")),
        "metrics": map_of(
            table({
                "mean": maybe(number("over seeds")),
                "sd": maybe(number("standard deviation; null for one seed")),
                "low": maybe(number("lower end of the mean's interval")),
                "high": maybe(number("upper end")),
                "values": list_of(maybe(number()), "of each seed"),
                "expected": maybe(pair(), "the range that the ladder expects"),
                "claimed": maybe(number("the value that the ladder's source reports")),
                "inside": maybe(flag("whether the mean is inside the expected range")),
            }),
            "results by metric",
        ),
    }),
    "each case over its seeds",
)  # fmt: skip
RATES = maybe(
    table({
        "rates": map_of(number(), "the rate of each rung that waited"),
        "probes": map_of(number(), "the best rate of each rung that probed"),
        "how": words("the rule that transfers them, with its source"),
        "time": number(UNIX),
        "text": words(),
    }),
    "the rates chosen by `tune`; otherwise null",
)  # fmt: skip
BEST_RATE = maybe(
    table({
        "rungs": list_of(
            of_dataclass(BestRate, tried=list_of(pair(), "each rate with its mean loss; null where it diverged")),
            "those that were tried at several",
        ),
        "trend": maybe(
            extended(of_dataclass(RateTrend), {"level": LEVEL}),
            "the best rate as a power of size; null with fewer than two rungs whose best lies between others",
        ),
        "text": words(),
    }),
    "null where no rung was tried at several rates",
)  # fmt: skip
POINT = table({
    "rung": text("name of the rung"),
    "params": PARAMS,
    "non_embedding": NON_EMBEDDING,
    "tokens": TOKENS,
    "unique_tokens": maybe(number("U, distinct tokens")),
    "loss": maybe(number("mean loss of the best setting; null before one finished")),
    "best": maybe(text("label of the best setting")),
    "edges": map_of(anything(""), "tuned keys whose best value is the lowest or highest tried"),
    "settings": list_of(
        table({
            "label": text("as shown"),
            "setting": map_of(anything("a value"), "the keys that vary"),
            "loss": maybe(number("mean over the seeds that finished")),
            "sd": maybe(number("standard deviation; null for one seed")),
            "se": maybe(number("standard error of the mean")),
            "seeds": list_of(whole(), "those that finished"),
            "runs": list_of(text(), "names of its runs"),
        }),
        "all settings that were tried",
    ),
})  # fmt: skip
CORPUS = maybe(
    map_of(anything("")), "the corpus as sweep.json records it, with `name`, `tokenizer`, `source`, `sha256`; or null"
)

RUN = table({
    "sweep": text("name of the sweep"),
    "state": STATE,
    "reason": REASON,
    "copy": COPY,
    "about": table(dict.fromkeys(("summary", "source", "expected"), words()), means="what the ladder says of itself"),
    "corpus": CORPUS,
    "runs": list_of(
        table({**_RUN, "best": maybe(flag("whether its setting is the best of its rung; null if it is the only one"))})
    ),
    "outcome": OUTCOME,
    "points": list_of(POINT, "each rung at each D"),
    "best_rate": BEST_RATE,
    "rates": RATES,
    "fit": maybe(
        table({
            "law": LAW,
            "coefficients": COEFFICIENTS,
            "convention": text("which parameters N counts"),
            "through": words("the points it goes through"),
            "conventions": map_of(COEFFICIENTS, "its coefficients under both counts of N"),
            "points": list_of(text(), "labels of the points"),
            "warnings": WARNINGS,
        }),
        "the law through the runs that were not predicted; null without a law or points",
    ),
    "prediction": PREDICTION,
    "unpredicted": map_of(words(), "each run that started without its prediction, with the reason"),
    "warnings": list_of(words(), "the runs left out of the law, and why"),
    "estimate": ESTIMATE,
    "faults": FAULTS,
})  # fmt: skip

LAUNCH = table({"sweep": text("name of the sweep"), "path": text("its folder")})

_RUNG = {
    "rung": text("name of the rung"),
    "case": text("rung, with its variant"),
    "expected": map_of(pair(), "range expected of each metric"),
    "claimed": map_of(number(), "value that the source reports of each metric"),
    "params": whole("N, every trainable parameter"),
    "non_embedding": whole("N without embeddings and head"),
    "tokens": whole("D, in whole steps"),
    "flops": number("C, counting matmuls and attention; a branch includes the share of its trunk"),
    "cost": number("FLOPs that a run spends itself, without the share of its trunk"),
    "trunk": maybe(text("case that it branches off; null if none")),
    "steps": whole("optimiser steps"),
    "lr": maybe(number("peak learning rate; null until `tune` has chosen it")),
}  # fmt: skip
_LADDER = {
    "ladder": text("its name"),
    "path": text("its file"),
    "summary": words(),
    "corpus": text("the corpus's name"),
    "tokenizer": text("the tokenizer's name"),
    "seeds": list_of(whole()),
    "runs": whole("number of runs at one seed"),
    "source": words("what the ladder follows"),
    "expected": words("the expected result"),
    "probes": list_of(text(), "rungs that probe learning rates"),
}


def _ladder(rung: Shape) -> Shape:
    return table({**_LADDER, "rungs": list_of(rung)})


BROKEN = list_of(table({"path": text(), "reason": words()}), "files that could not be read")
LADDERS = table({"ladders": list_of(_ladder(table(_RUNG))), "broken": BROKEN})
DATA = maybe(
    table({
        "train": whole("training tokens"),
        "held_out": whole("tokens held out"),
        "evaluated": whole("of these, tokens read per evaluation"),
        "documents": whole("number of documents"),
        "unread": whole("other files in the folder"),
        "separator": text("what stands between documents, as shown"),
        "epochs": map_of(number(), "passes over the data by each rung"),
        "standard_error": maybe(number("estimated of the held-out loss, nats per token")),
        "warnings": WARNINGS,
    }),
    "null where the corpus could not be read yet",
)  # fmt: skip
SECONDS_FROM = words("what the times were measured on")
DRY_RUN = extended(
    _ladder(table({
        **_RUNG,
        "seconds": maybe(number("time of a run")),
        "memory": maybe(number("bytes of a run")),
    })),
    {
        "data": DATA,
        "at_a_time": whole("runs trained at a time"),
        "seconds": maybe(number("time of the whole sweep")),
        "seconds_from": SECONDS_FROM,
    },
)  # fmt: skip
TIMETABLE = extended(
    _ladder(table({
        **_RUNG,
        "runs": whole("number of runs of the rung, over all seeds"),
        "asks": map_of(number(), "what a run asks for: `num_cpus`, `num_gpus`, `gpus`"),
        "memory": maybe(number("bytes of a run")),
        "seconds": list_of(maybe(number()), "time of a run on each kind of node"),
        "began": maybe(number("when its first run begins")),
        "ended": maybe(number("when its last run ends")),
    })),
    {
        "data": DATA,
        "on": text("the engine"),
        "cluster": table({
            "source": text("what describes it"),
            "nodes": list_of(table({
                "count": whole("nodes that are alike"),
                "gpus": whole("of each"),
                "cpus": maybe(number("of each; null is as many as its runs ask for")),
                "gpu_memory": maybe(number("bytes of each GPU")),
                "memory": maybe(number("bytes of main memory of each")),
                "throughput": maybe(number("FLOP/s that a run reaches on a GPU, or on a CPU without GPUs")),
                "price": maybe(number("of an hour of a GPU, or of a CPU without GPUs")),
            })),
        }),
        "at_a_time": whole("runs trained at a time"),
        "seconds": maybe(number("from the launch to the end")),
        "seconds_from": SECONDS_FROM,
        "device": text("`GPU` or `CPU`"),
        "devices": number("how many there are"),
        "most_in_use": number("most in use at a time"),
        "busy": number("device-seconds of training"),
        "held": number("device-seconds held by workers"),
        "utilisation": number("share of all devices' time in use"),
        "bound": table({
            "by": text("what keeps it from being done sooner: `devices`, `runs`, `jobs` or `both`"),
            "told": words(),
            "path": number("seconds with as many devices as it can use"),
            "work": number("seconds if no device idled"),
        }),
        "with_devices": list_of(table({"devices": number(), "seconds": number()}), "how long it takes with others"),
        "cost": maybe(
            table({"held": number("of the devices held"), "whole": number("of all devices")}),
            "null without prices",
        ),
        "schedule": list_of(
            table({
                "run": text(),
                "case": text(),
                "worker": whole("number of its worker"),
                "node": whole("number of its node"),
                "began": number(),
                "ended": number(),
            }),
            "each run, in seconds from the launch",
        ),
        "warnings": WARNINGS,
    },
)  # fmt: skip

_LISTED = {
    "name": text("of its folder"),
    "path": text("its folder"),
    "ladder": maybe(text("null for other trainers")),
    "corpus": maybe(text("null if unknown")),
    "state": STATE,
    "reason": REASON,
    "created": maybe(number(f"when it was launched: {UNIX}")),
    "active": maybe(number(f"when a record or status was last written: {UNIX}")),
    "progress": number("share of the training done, from 0 to 1"),
    "states": map_of(whole(), "how many runs are in each state"),
    "lacking": whole("runs that finished without a final evaluation"),
    "params": maybe(number("N of the largest run")),
    "best": maybe(
        table({"run": text(), "loss": maybe(number()), "loss_is_held_out": maybe(flag())}),
        "the run of the lowest loss; null before any",
    ),
    "largest": maybe(
        table({
            "run": text(), "loss": maybe(number()), "loss_is_held_out": maybe(flag()), "params": PARAMS
        }),
        "the largest run",
    ),
    "law": maybe(text("the law that its ladder fits; null without one")),
    "prediction": PREDICTION,
    "estimate": ESTIMATE,
    "size": maybe(whole("bytes on disk")),
    "left": maybe(
        table({"seconds": number(), "low": number(), "high": number()}),
        "the time left; null if it is not training or too little is known",
    ),
    "faults": FAULTS,
    "tags": list_of(text()),
    "note": text("of the user; may be empty"),
    "archived": flag(),
    "copy": COPY,
    "runs": list_of(table(_RUN)),
}  # fmt: skip
RUNS = table({"sweeps": list_of(table(_LISTED), "in the order of `--sort`"), "broken": BROKEN})
TAGS = table({"sweep": text("name of the sweep"), "tags": list_of(text(), "after the change")})
NOTE = table({"sweep": text("name of the sweep"), "note": text("after the change")})

IMPORT = table({
    "sweep": text("name of the sweep"),
    "path": text("its folder"),
    "formats": list_of(text(), "formats of the logs"),
    "is_update": flag("whether the sweep was there before"),
    "added": whole("records that this import wrote"),
    "runs": list_of(
        table({**_RUN, "records": whole("number of its records"), "from": maybe(text("path of its log"))})
    ),
    "notes": list_of(words(), "what to know of them"),
    "faults": FAULTS,
})  # fmt: skip

PIPELINE = table({
    "run": text("path of the run"),
    "stages": list_of(
        table({
            "name": text(),
            "count": maybe(number("of `unit` that come out of the stage; null if unknown")),
            "unit": text(),
            "says": words(),
            "detail": map_of(anything(""), "figures of the stage"),
        }),
        "the six stages of its data",
    ),
})  # fmt: skip
