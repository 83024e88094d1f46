"""The shapes of what `fit`, `compare`, `loss`, `plan`, `count`, `laws` and `why` print."""

from scaling_tui.report.documents.shapes import (
    Shape,
    anything,
    extended,
    flag,
    list_of,
    map_of,
    maybe,
    number,
    one_of,
    pair,
    table,
    text,
    whole,
    words,
)

LAW = text("name of a law, as the command `laws` lists it")
FORM = text("the formula, as one line")
COEFFICIENTS = map_of(maybe(number()), "coefficients by the names that the paper gives them")
INTERVALS = map_of(pair(), "the interval of each coefficient at `level`; empty without draws")
LEVEL = number("level of the intervals, from 0 to 1")
OBJECTIVE = number("the objective at its minimum")
WARNINGS = list_of(words(), "reasons to doubt it")
NOTES = list_of(words(), "what to know of how it was read")
INPUTS = map_of(number(), "the inputs by name: `params`, `tokens`, `flops`, `unique_tokens`, `total_params`")
COUNT_OF_N = text("which parameters N counts: `all` or `non-embedding`")
SOURCE = text("what was fitted, as it was called on the command line")

READ = {
    "left_out": list_of(
        table({"row": whole("number of the row, from 1"), "why": words("why it is not among the points")}),
        "rows of a table that are not points",
    ),
    "derived": list_of(words(), "columns that were computed from others"),
}
COLUMNS = map_of(text(), "the column of the table that each role was read from; empty for a sweep")

HOLDOUT = table(
    {
        "points": whole("number of runs held out, the largest"),
        "fitted": whole("number of runs fitted"),
        "by": text("the measure of size: `flops`, or `params` or `tokens` where C is unknown"),
        "threshold": number("the smallest held-out value of it"),
        "objective": number("the objective of the fit to the others"),
        "mape": number("mean of |predicted/measured - 1|"),
        "bias": number("mean of predicted/measured - 1"),
        "other_minimum": maybe(
            table({"objective": number(), "mape": number(), "bias": number()}),
            "the same at the minimum nearest the fit to all runs, if that is not the lowest; otherwise null",
        ),
    }
)
CONVENTION = table(
    {"params": COUNT_OF_N, "flops": text("what C is: `as given`, `6ND` or `unknown`")},
    means="what N and C count",
)


def _among(means: str) -> Shape:
    return maybe(
        table({
            "own": number("that of the fit"),
            "published": pair("lowest and highest of the published sets"),
            "sets": whole("number of published sets"),
        }),
        means,
    )  # fmt: skip


STANDING = maybe(
    table({
        "convention": COUNT_OF_N,
        "exponents": map_of(_among(""), "each exponent that the law shares with published ones"),
        "params_exponent": _among("the a of N ∝ C^a; null where the runs do not tell it"),
        "tokens_per_param": _among("D/N of the optimal run at `flops`; null where the runs do not tell it"),
        "flops": maybe(number("the largest budget of the runs, at which D/N is compared; null where C is unknown")),
        "measured_from": maybe(number("smallest budget of the published sets, if all runs are far smaller; else null")),
    }),
    "the fit beside published laws of the same count of N; null where there are none",
)  # fmt: skip

PREDICTION = maybe(
    table({
        "inputs": INPUTS,
        "loss": number("nats per token, by the law"),
        "law": pair("interval of the law there"),
        "run": pair("interval of the loss of one run, its own noise included"),
        "level": LEVEL,
    }),
    "the run of `--predict`; null without it",
)  # fmt: skip

INFLUENCE = {
    "influence": maybe(
        table({
            "leaves": text("what is left out: `run`, or a group of runs with a shared error"),
            "at": INPUTS | {"description": "the run whose predicted loss is watched"},
            "runs": list_of(
                table({
                    "runs": list_of(text(), "those left out together"),
                    "cook": number("Cook's distance"),
                    "prediction": number("change of the predicted loss without them, as a share"),
                    "coefficients": map_of(number(), "change of each coefficient without them"),
                }),
                "most influential first",
            ),
        }),
        "what leaving out each run changes; null where it was not computed",
    ),
    "correlations": list_of(
        table({
            "coefficients": list_of(text(), "two names"),
            "rank_correlation": maybe(number("Spearman's, over the draws; null if one does not vary")),
        }),
        "coefficients that move together",
    ),
    "residuals": maybe(
        list_of(
            table(
                {
                    "run": text("the run, or the row of the table"),
                    "loss": number("as measured"),
                    "residual": number("measured/predicted - 1"),
                },
                dict.fromkeys(("params", "tokens", "flops", "unique_tokens", "total_params"), number()),
            )
        ),
        "each point's distance from the law; null of more than 10,000",
    ),
    "residual_patterns": list_of(
        table({
            "over": text("an input of the law"),
            "trend": number("Student's t of the slope of the residuals over its logarithm"),
            "bend": number("the same of the curvature"),
            "limit": number("absolute value above which chance hardly explains one"),
        }),
        "whether the residuals still depend on an input",
    ),
}  # fmt: skip

COMPARED = {
    "compare": list_of(
        table({
            "law": LAW,
            "form": FORM,
            "coefficients": COEFFICIENTS,
            "parameters": whole("number of fitted parameters, the noise's included"),
            "objective": OBJECTIVE,
            "aicc": number("corrected Akaike information criterion; lower is better"),
            "loo": maybe(number("mean absolute error when each run or group is left out; null if not computed")),
            "holdout_mape": maybe(number("mean error beyond the runs fitted, over the `origins`; null without any")),
            "holdout_bias": maybe(number("the same with its sign")),
            "origins": list_of(
                table({"mape": maybe(number()), "bias": maybe(number())}), "the errors from each origin of `compared`"
            ),
        }),
        "with `--compare`: each law that the runs support",
    ),
    "compared": table(
        {
            "points": whole("number of points compared on"),
            "points_given": whole("number of points of the source"),
            "delta": maybe(number("of the Huber loss; null is least squares")),
            "likelihood": words("the density of residuals that AICc is computed on"),
            "leaves_out": text("what cross-validation leaves out at a time"),
            "folds": whole("how many of these there are"),
            "by": maybe(text("the measure of size that origins split the runs by")),
            "origins": list_of(
                table({
                    "fitted": whole("number of runs fitted"),
                    "predicted": whole("number of larger runs predicted"),
                    "largest_fitted": number("size of the largest run fitted"),
                    "reach": number("how many times larger the largest predicted one is"),
                }),
                "where the runs were split into fitted and predicted",
            ),
            "not_compared": map_of(words(), "laws that could not be compared, and why"),
            "best_within": text("law of the lowest AICc"),
            "best_beyond": maybe(text("law of the lowest error beyond the runs fitted; null without origins")),
            "summary": list_of(words()),
        },
        means="with `--compare`: how they were compared",
    ),
}  # fmt: skip

FIT = table(
    {
        "law": LAW,
        "form": FORM,
        "coefficients": COEFFICIENTS,
        "intervals": INTERVALS,
        "level": LEVEL,
        "interval_method": maybe(words("how the intervals were found; null without draws")),
        "noise": maybe(words("the noise that the refits had")),
        "bootstrap": maybe(
            table({"draws": whole("number of refits"), "unconverged": whole("number of those that did not converge")}),
            "null without draws",
        ),
        "objective": OBJECTIVE,
        "objective_kind": words("what was minimised"),
        "restrictions": maybe(words("what `--tie`, `--fix` and `--prior` said; null without them")),
        "delta": maybe(number("of the Huber loss on log loss; null is least squares")),
        "converged": flag("whether the minimum was reached"),
        "points": whole("number of points"),
        "convention": CONVENTION,
        "residual_sd": number("root mean square of the residuals of log loss"),
        "holdout": maybe(HOLDOUT, "a fit to the smaller runs, tested on the largest; null with too few"),
        "conventions": list_of(
            table({"convention": words("a count of N or C"), "coefficients": COEFFICIENTS, "objective": OBJECTIVE}),
            "the same law under other counts",
        ),
        "warnings": WARNINGS,
        "source": SOURCE,
        "loss": words("which loss was fitted"),
        "notes": NOTES,
        "published": STANDING,
        "prediction": PREDICTION,
        **READ,
        "columns": COLUMNS,
        **INFLUENCE,
    },
    COMPARED,
)

_POWER = table({
    "scale": number("k of k·C^exponent"),
    "exponent": number(),
    "low": maybe(number("lower end of the exponent's interval; null for two points")),
    "high": maybe(number("upper end")),
})  # fmt: skip
_VALLEY = table({
    "flops": number("the budget C"),
    "points": whole("number of runs at it"),
    "params": number("N at the minimum"),
    "tokens": number("D at the minimum"),
    "loss": number("nats per token at the minimum"),
    "edge": flag("whether no minimum lies between the sizes tried"),
    "beyond": whole("sizes on the side of the minimum that has fewer"),
})  # fmt: skip
POWERS = {
    "params": maybe(_POWER, "N ∝ C^a; null with fewer than two minima"),
    "tokens": maybe(_POWER, "D ∝ C^b; null with fewer than two minima"),
}
ISOFLOP = table({
    "shape": text("how the minimum between the sizes was found"),
    "valleys": list_of(_VALLEY, "one for each budget"),
    **POWERS,
    "level": LEVEL,
    "disagreement": list_of(
        table({
            "shape": text("another shape"),
            "exponent": maybe(number("its a of N ∝ C^a; null with fewer than two minima")),
            "apart": list_of(_VALLEY, "its minima that differ from the chosen ones"),
        }),
        "what other shapes make of the same profiles",
    ),
    "warnings": WARNINGS,
    "source": SOURCE,
    **READ,
    "columns": COLUMNS,
    "notes": NOTES,
})  # fmt: skip
ENVELOPE = table({
    "source": SOURCE,
    "sizes": whole("number of sizes on the envelope"),
    "law": LAW,
    "coefficients": COEFFICIENTS | {"description": "of the law of the loss over C along the envelope"},
    **POWERS,
    "level": LEVEL,
    "warnings": WARNINGS,
    **READ,
    "columns": COLUMNS,
    "notes": NOTES,
})  # fmt: skip
TASK = table({
    "source": SOURCE,
    "task": text("the task"),
    "columns": map_of(text(), "the columns of `task_loss` (bits per byte) and `accuracy`"),
    "chance": maybe(number("accuracy of guessing; null if unknown")),
    "law": LAW,
    "coefficients": COEFFICIENTS | {"description": "of bits per byte over N and D"},
    "sigmoid": map_of(number(), "of accuracy over bits per byte: floor, ceiling, steepness, midpoint"),
    "intervals": INTERVALS,
    "level": LEVEL,
    "objective": OBJECTIVE,
    "points": whole("number of points"),
    "residual_sd": table({
        "bpb": maybe(number("residual standard deviation of log bits per byte")),
        "accuracy": maybe(number("that of the accuracy")),
    }),
    "holdout": maybe(
        table({
            "params": number("the largest size, which is held out"),
            "points": whole("number of runs held out"),
            "fitted": whole("number of runs fitted"),
            "bpb_error": number("mean absolute error relative to the bits measured"),
            "accuracy_error": number("mean absolute difference of accuracies"),
            "accuracy_bias": number("mean difference of accuracies"),
        }),
        "null with too few sizes",
    ),
    "predictions": list_of(
        table({
            "inputs": INPUTS,
            "bpb": number("bits per byte"),
            "bpb_low": maybe(number()),
            "bpb_high": maybe(number()),
            "accuracy": number(),
            "low": maybe(number("lower end of the accuracy's interval; null without draws")),
            "high": maybe(number("upper end")),
        }),
        "the run of `--predict`",
    ),
    "warnings": WARNINGS,
    **READ,
})  # fmt: skip

_CURVE = table({
    "name": text("the curve's run, file or schedule"),
    "records": whole("number of records; 0 if it was not measured"),
    "steps": whole("length of its schedule"),
    "warmup": whole("steps of warm-up"),
    "warmup_assumed": flag("whether the warm-up was assumed rather than recorded"),
    "peak_lr": number("highest learning rate"),
    "final_lr": number("learning rate at the end"),
    "final": table({
        "step": whole("the last step"),
        "predicted": number("loss by the law, nats per token"),
        "measured": maybe(number("loss measured; null if it was not")),
        "error": maybe(number("predicted/measured - 1")),
    }),
    "mape": maybe(number("mean of |predicted/measured - 1| over the records")),
    "bias": maybe(number("mean of predicted/measured - 1")),
    "worst": maybe(number("the largest error")),
})  # fmt: skip
SCHEDULE = table({
    "source": SOURCE,
    "law": LAW,
    "form": FORM,
    "paper": text("where the law is published"),
    "coefficients": map_of(maybe(number()), "coefficients; null where the curves do not determine one"),
    "intervals": maybe(INTERVALS, "always null: none are computed"),
    "fixed": map_of(number(), "coefficients that `--fix` held"),
    "undetermined": list_of(text(), "coefficients that the curves do not determine"),
    "objective": OBJECTIVE,
    "objective_kind": words("what was minimised"),
    "points": whole("number of records fitted"),
    "loss": words("which loss was fitted"),
    "curves": list_of(
        extended(_CURVE, {
            "left_out": maybe(
                anything("how far the law without this curve is from it"),
                "errors of the law fitted to the other curves; null if there are none",
            ),
        }),
        "the curves fitted",
    ),
    "predictions": list_of(
        extended(_CURVE, {
            "curve": table({
                "step": list_of(number()),
                "predicted": list_of(number()),
                "measured": maybe(list_of(number())),
            }, means="points of the curve to draw"),
        }),
        "the curves of `--predict`",
    ),
    "notes": NOTES,
    "warnings": WARNINGS,
})  # fmt: skip

LOSS = table({
    "law": LAW,
    "form": FORM,
    "coefficients": COEFFICIENTS,
    "inputs": INPUTS,
    "loss": number("in `unit`"),
    "unit": text("`nats per token`, or what the source measures"),
})  # fmt: skip

_PLAN = {
    "law": maybe(LAW, "name of the law; null for an allocation"),
    "convention": table({"flops": text("what C is"), "params": maybe(text("which parameters N counts"))}),
    "params": number("N"),
    "tokens": number("D"),
    "flops": number("C"),
    "loss": maybe(number("nats per token; null for an allocation without a law of the loss")),
    "tokens_per_param": number("D/N"),
    "intervals": map_of(pair(), "of params, tokens, flops, loss and tokens_per_param; empty for a published law"),
    "notes": NOTES,
    "device": maybe(
        table({
            "device": text("as given by `--device`"),
            "devices": whole("how many"),
            "flops_per_second": number("peak of one"),
            "utilisation": number("share of the peak that training reaches"),
            "hours": number("how long training takes"),
            "cost": maybe(number("price of that; null without `--price`")),
        }),
        "time and price; null without `--device`",
    ),
}  # fmt: skip
PLAN = table(
    {
        **_PLAN,
        "optimal_loss": maybe(number("of the compute-optimal run with the same training FLOPs; null if unknown")),
        "excess": maybe(number("loss/optimal_loss - 1")),
        "optimal_flops": maybe(number("FLOPs with which the compute-optimal run reaches `loss`")),
        "overhead": maybe(number("flops/optimal_flops - 1")),
        "epochs": maybe(number("how often each unique token is seen; null without `unique_tokens`")),
        "serving_flops": number("2N for each served token"),
        "level": LEVEL,
        "total_params": maybe(number("all parameters, of which `params` are active; null but for mixtures of experts")),
        "run_interval": maybe(pair(), "interval of the loss of one run, its own noise included"),
        "ray": maybe(
            table({"slope": number(), "offset": number()}),
            "the line log D = offset + slope·log N that all fitted runs lie on; null if they do not",
        ),
        "along": maybe(COEFFICIENTS, "coefficients of the law along that line; otherwise null"),
        "published": table({
            "params": pair("lowest and highest N of the published plans"),
            "tokens": pair("of D"),
            "tokens_per_param": pair("of D/N"),
            "median_tokens_per_param": number(),
            "sets": list_of(
                table({
                    "name": text("the published set"),
                    "convention": text("which parameters N counts"),
                    "params": number(),
                    "tokens": number(),
                    "flops": number(),
                    "params_exponent": number("the a of N ∝ C^a"),
                    "measured": maybe(flag("whether its source measured such budgets; null if it does not tell")),
                })
            ),
        }, means="the same goal by published laws"),
        "left_out": maybe(READ["left_out"]),
        "derived": maybe(READ["derived"]),
        "columns": maybe(COLUMNS),
    }
)  # fmt: skip
_RANGES = {
    "data": maybe(text("the text")),
    "tokenizer": maybe(text("its name, its size, or both")),
    "params": maybe(pair(), "smallest and largest N"),
    "tokens": maybe(pair(), "smallest and largest D"),
    "flops": maybe(pair(), "smallest and largest C"),
}
SCOPE = table(_RANGES, means="what it was measured on; null or empty where the source does not tell")
ALLOCATION = table({
    **_PLAN,
    "allocation": text("its name"),
    "training_flops": number("6ND of the run"),
    "source": text("paper, and table or equation"),
    "scope": SCOPE,
})  # fmt: skip

_COUNT = {
    "layers": whole("number of layers"),
    "per_layer": whole("matrices of one layer"),
    "embedding": whole("token embedding"),
    "positions": whole("learned positions"),
    "final_norm": whole("norm after the last layer"),
    "head": whole("matrix of the head; 0 if it is tied"),
    "head_bias": whole("bias of the head"),
    "norms": whole("norms of the layers"),
    "biases": whole("biases of the layers"),
    "total": whole("every trainable parameter"),
    "non_embedding": whole("without embeddings and head"),
    "matmul": whole("parameters that multiply activations"),
    "flops_per_token": map_of(number(), "training FLOPs per token, by convention: `6N`, `6N-non-embedding`, …"),
}
COUNT = table({**_COUNT, "left_out": list_of(text(), "what is not counted unless an option asks for it")})
COUNT_LADDER = table({
    "ladder": text("as given"),
    "rungs": list_of(table({"rung": text("name of the rung"), **_COUNT})),
})  # fmt: skip

_ENTRY = {
    "name": text("as on the command line: `law:set`, or the law alone without a published set"),
    "kind": one_of(("loss", "allocation", "hyperparameter")),
    "form": FORM,
    "latex": maybe(text("the formula for LaTeX; null for allocations and hyperparameter laws")),
    "coefficients": maybe(COEFFICIENTS, "as published; null without a published set"),
    "params": maybe(text("which parameters N counts; null where the law has no N")),
    "unit": maybe(text("of the value; null where it has none")),
    "note": maybe(words("what a reader must know of the figures")),
    "arxiv": maybe(text("number of the paper")),
    "params_exponent": maybe(number("the a of N ∝ C^a; null where there is no optimum")),
    "tokens_per_param": maybe(number("D/N of the optimal run at 1e21 FLOPs")),
    "source": text("paper, and table or equation"),
    "scope": maybe(SCOPE),
    "stated": maybe(
        table({
            "says": words("a figure that the source states, and where"),
            "value": number("the figure"),
            "reproduced": number("the same from the coefficients"),
            "below": flag("whether the source gives a direction alone: the figure lies below `value`"),
        }),
        "null without a published set",
    ),
}  # fmt: skip
LAWS = table({"laws": list_of(table(_ENTRY)), "pf_day": number("FLOPs of a petaFLOP/s-day")})
HYPERPARAMETERS = table({
    "inputs": INPUTS,
    "laws": list_of(table({**_ENTRY, "value": number("the value at the inputs, in `unit`")})),
})  # fmt: skip

_DIFFERENCE = table({
    "difference": number("second minus first"),
    "interval": pair("of the difference"),
    "real": flag("whether the interval leaves out 0"),
})  # fmt: skip
COMPARISON = table({
    "sources": list_of(
        table({
            "name": text("as shown"),
            "source": text("as given"),
            "kind": one_of(("sweep", "table", "logs")),
            "problem": maybe(words("why it could not be fitted; otherwise null")),
            "notes": NOTES,
            "law": maybe(LAW),
            "form": maybe(FORM),
            "coefficients": maybe(COEFFICIENTS),
            "intervals": maybe(INTERVALS),
            "level": maybe(LEVEL),
            "convention": maybe(CONVENTION),
            "points": maybe(whole("number of points")),
            "holdout": maybe(HOLDOUT),
            "loss": maybe(words("which loss was fitted")),
            "flops": maybe(pair(), "smallest and largest C of its runs"),
            "flops_count": maybe(text("what C is there")),
            "prediction": maybe(
                table({
                    "loss": number("nats per token at `flops` of the whole document"),
                    "interval": pair(),
                    "at": text("how N and D follow from C: `runs`, as its own runs; `split`, the best split"),
                    "inputs": INPUTS,
                    "warnings": WARNINGS,
                }),
                "null where it cannot be predicted",
            ),
            "unpredicted": maybe(words("why not; otherwise null")),
            "warnings": WARNINGS,
        }),
    ),
    "flops": maybe(number("the budget C at which losses are compared; null if there is none")),
    "level": LEVEL,
    "differences": list_of(
        table({
            "first": text("name of a source"),
            "second": text("name of another"),
            "draws": text("`paired` if they share points, else `independent`"),
            "shared_points": whole(),
            "not_compared": maybe(words("why the coefficients are not compared; otherwise null")),
            "coefficients": map_of(_DIFFERENCE, "of each coefficient"),
            "loss": maybe(_DIFFERENCE, "of the loss at `flops`; null where one is not predicted"),
        }),
        "every two sources",
    ),
    "settings": list_of(
        table({
            "name": words("a setting, corpus or version that differs"),
            "values": list_of(anything("of each source; null where it is unknown")),
        }),
        "what differs between the sources",
    ),
    "notes": NOTES,
})  # fmt: skip

WHY = table({
    "figures": list_of(
        table({
            "of": text("what it is a figure of: a run, `law`, `fit`, `prediction`, …"),
            "key": text("its name there"),
            "shown": text("as tables and screens show it"),
            "value": maybe(number()),
            "unit": text("empty where it has none"),
            "what": words("what it is"),
            "source": words("the file and field that it is read from, or the computation"),
            "conventions": list_of(words(), "which N, which C, which loss, which units"),
            "runs": list_of(text(), "those that went into it"),
            "steps": list_of(
                table({
                    "symbol": text(),
                    "formula": text("in symbols"),
                    "filled": text("the same with numbers"),
                    "shown": text("the value as shown"),
                    "value": maybe(number()),
                }),
                "how it is computed; the last one gives the figure",
            ),
            "uncertainty": words("how sure it is"),
            "lesson": text("id of the lesson that explains it; may be empty"),
        })
    ),
})  # fmt: skip
