"""The shapes of what `doctor`, `trace`, `report`, `export` and `schema` print."""

from scaling_tui.report.documents.laws import FIT, ISOFLOP, TASK
from scaling_tui.report.documents.shapes import (
    Shape,
    anything,
    either,
    extended,
    flag,
    list_of,
    map_of,
    maybe,
    number,
    one_of,
    table,
    text,
    whole,
    words,
)
from scaling_tui.report.documents.sweeps import RUN

LOOKS = (
    "sweep", "cpu", "memory", "devices", "driver", "torch", "bf16", "compile", "gloo", "nccl", "storage",
    "storage_speed", "ray", "slurm", "terminal", "colours", "utf8", "clipboard", "versions",
)  # fmt: skip
_LOOK = table(
    {
        "status": one_of(("found", "not_found", "unknown")),
        "says": words("what was found"),
        "advice": list_of(words(), "what to do about it; empty if all is well"),
    }
) | {"additionalProperties": True}
DOCTOR = table(
    dict.fromkeys(LOOKS, _LOOK),
    means="Every look by name. Beside `status`, `says` and `advice` a look has values of its own, which may change.",
)

TOKEN = table({"id": whole(), "token": text("its text; bytes that are no character are written \\xNN")})
GUESS = table({"id": whole(), "token": text(), "p": number("its probability")})
_ROW = table({
    "name": text("the layer, or the rung or checkpoint"),
    "top": list_of(GUESS, "the likeliest first"),
    "entropy": number("of the prediction, in nats"),
    "kl": number("KL(last row || this row), in nats"),
    "p_true": maybe(number("probability of the true next token; null where it is unknown")),
    "rank_true": maybe(whole("its rank, 1 being the likeliest")),
    "watched": GUESS,
})  # fmt: skip


def _matrix(item: Shape, means: str = "") -> Shape:
    return list_of(list_of(item), means)


_READING = {
    "prompt": text(),
    "origin": words("`typed`, or which held-out text"),
    "tokens": list_of(TOKEN, "of the prompt"),
    "truth": list_of(maybe(TOKEN), "the true next token at each; null where it is unknown"),
    "classifies": flag("whether the model predicts classes"),
    "at": whole("the column of `grid` that the rows describe, from 0"),
    "outputs": whole("tokens or classes that a prediction chooses from"),
    "grid": table(
        {
            "names": list_of(text(), "of its rows"),
            "top": _matrix(text(), "the likeliest token"),
            "p": _matrix(number(), "its probability"),
            "p_true": _matrix(maybe(number())),
            "rank_true": _matrix(maybe(whole())),
            "entropy": _matrix(number()),
            "kl": _matrix(number()),
        },
        means="rows by tokens of the prompt",
    ),
    "notes": list_of(words(), "caveats"),
}
TRACE = table({
    **_READING,
    "run": text("SWEEP/RUN, or the folder of a model from elsewhere"),
    "rung": maybe(text("null for a model from elsewhere")),
    "params": whole("N"),
    "step": maybe(whole("of the checkpoint; null if unknown")),
    "shape": table(
        {
            "family": text(),
            **dict.fromkeys(
                ("layers", "hidden", "heads", "inner", "vocab", "outputs", "context", "kv_heads", "head_dim"), whole()
            ),
            "positions": text(),
            "tied": flag("whether head and embedding are one"),
            "parallel": flag("whether attention and MLP of a layer read the same stream"),
        },
        means="the sizes of the model",
    ),
    "lengths": list_of(number(), "mean norm of the residual stream at each row but the last"),
    "attribution": table(
        {
            "token": TOKEN,
            "logit": number("of the watched token"),
            "mean_logit": number("over the vocabulary"),
            "parts": list_of(
                table({"name": text(), "value": number(), "heads": list_of(number(), "the same by head")}),
                "they sum to the logit",
            ),
        },
        means="direct logit attribution",
    ),
    "attention": list_of(_matrix(number()), "weights over the prompt, by layer and head"),
    "stages": list_of(
        table({
            "name": text(), "shape": list_of(whole()), "says": words(), "detail": map_of(anything(""), "its figures")
        })
    ),
    "layers": list_of(_ROW, "the prediction after each"),
    "prediction": GUESS,
    "continuation": maybe(
        table({"text": text(), "tokens": list_of(TOKEN), "temperature": number(), "seed": whole()}),
        "null without one",
    ),
})  # fmt: skip
ACROSS = table({
    **_READING,
    "rows": list_of(_ROW, "the prediction of each member"),
    "members": list_of(
        table({
            "name": text(), "run": text(), "params": whole("N"), "step": maybe(whole("of the checkpoint"))
        })
    ),
    "prompt_loss": list_of(maybe(number("nats per token")), "of each member on the prompt"),
    "right_from": maybe(text("the member from which on the prediction is right; null if the last one is wrong")),
})  # fmt: skip

_UNREAD = map_of(anything(""))
_VALLEYS = {key: shape for key, shape in ISOFLOP["properties"].items() if key not in
            ("source", "left_out", "derived", "columns", "notes")}  # fmt: skip
REPORT = table({
    "source": text("as given"),
    "kind": one_of(("sweep", "table")),
    "as_of": maybe(number("Unix time at which an unfinished sweep was read; else null")),
    "says": list_of(words(), "the summary"),
    "sweep": maybe(RUN, "as `run` prints it; null for a table"),
    "law": maybe(FIT, "as `fit` prints it; null without a law or points"),
    "isoflop": maybe(table(_VALLEYS), "null unless the runs are isoFLOP profiles"),
    "tasks": list_of(TASK, "as `fit --task` prints it, for each task of a table"),
    "settings": maybe(either(_UNREAD, list_of(anything(""))), "what was trained; null for a table"),
    "provenance": _UNREAD | {"description": "files, versions, machine, corpus, launch; null where unknown"},
    "repeat": table({"command": maybe(text("that makes it again; null if there is none")), "note": words()}),
    "missing": list_of(words(), "what the page cannot tell"),
})  # fmt: skip

EXPORT = extended(
    RUN,
    {
        "runs": list_of(
            extended(
                RUN["properties"]["runs"]["items"],
                {"curve": map_of(list_of(maybe(number())), "every record: a list for each metric, of the same length")},
            )
        )
    },
)
EXPORT["required"] = list(dict.fromkeys(EXPORT["required"]))

SCHEMAS = table({
    "documents": list_of(
        table({
            "name": text("as `schema NAME` takes it and as `document` says"),
            "version": whole("changes only if a key is removed or means something else"),
            "from": list_of(text(), "commands that print it, or the files it is found in"),
            "means": words(),
        })
    )
})  # fmt: skip
