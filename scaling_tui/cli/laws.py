"""Commands for laws: fit, evaluate, plan, count, list."""

from typing import TYPE_CHECKING, Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import (
    AsJson,
    BestOf,
    Cluster,
    Columns,
    Fix,
    Plot,
    Prior,
    Runs,
    Tie,
    Where,
    Which,
    XLim,
    YLim,
    limits_of,
    not_nan,
    number,
    plots_wanted,
    print_json,
    print_plots,
    say,
)

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure

app = typer.Typer()
LawName = Annotated[
    str,
    typer.Option(
        "--law", help="A law, or law:set; 'scaling-tui laws' lists them.", autocompletion=completion.published
    ),
]
Coefs = Annotated[
    list[str] | None, typer.Option("--coef", metavar="KEY=VALUE", help="A coefficient, in place of the published one.")
]
Draws = Annotated[int, typer.Option("--bootstrap", min=0, help="Number of bootstrap refits for the intervals.")]
Number = float | None


@app.command()
def fit(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="A sweep, a table (CSV, TSV, JSONL, Parquet), or - for stdin.", autocompletion=completion.sources
        ),
    ],
    law: Annotated[
        str | None,
        typer.Option(help="The law to fit; default: the sweep's own, then chinchilla.", autocompletion=completion.laws),
    ] = None,
    draws: Draws = 200,
    holdout_flops: Annotated[
        Number,
        number("Hold out the runs with C at or above this and report the error on them.", "flops"),
    ] = None,
    drop_highest: Annotated[int, typer.Option(min=0, help="Leave out this many runs with the highest loss.")] = 0,
    delta: Annotated[
        Number,
        typer.Option(help="Delta of the Huber loss, inf for least squares; default: 0.001, or inf for few points."),
    ] = None,
    params_as: Annotated[str | None, typer.Option(help="Parameters that N counts: all or non-embedding.")] = None,
    method: Annotated[str, typer.Option(help="Method: parametric, isoflop or envelope.")] = "parametric",
    valley: Annotated[str, typer.Option(help="Curve of an isoFLOP profile: near, parabola or akima.")] = "near",
    level: Annotated[float, typer.Option(min=0.5, max=0.999, callback=not_nan, help="Level of the intervals.")] = 0.9,
    tie: Tie = None,
    fix: Fix = None,
    prior: Prior = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare every law that the runs support, in the sample and beyond it.")
    ] = False,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="Fit a task of a table in two steps: bits per byte, then accuracy."),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(
            metavar="RUN,…",
            help="Predict a run, such as params=7B,tokens=4T. With a schedule law: curves to hold out, tables with "
            "step and lr, or schedules such as cosine:72000.",
        ),
    ] = None,
    columns: Columns = None,
    points: Which = None,
    best_of: BestOf = None,
    where: Where = None,
    cluster: Cluster = None,
    runs: Runs = None,
    as_json: AsJson = False,
    plot: Plot = None,
    xlim: XLim = None,
    ylim: YLim = None,
) -> None:
    """Fit a law to a sweep or a table. Gives intervals, held-out error and warnings."""
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.laws.schedules.forms import SCHEDULE_LAWS
    from scaling_tui.report.fit import fit_source, slow_note
    from scaling_tui.report.restrictions import read_restrictions
    from scaling_tui.report.schedules import fit_schedules
    from scaling_tui.report.tasks import fit_task_source
    from scaling_tui.text.columns import bullet

    limits = limits_of(xlim, ylim)
    with_plot = plots_wanted(plot, as_json, limits)
    if note := slow_note(source):
        say(note)
    options = TableOptions.of(columns, points, best_of, where or (), cluster)
    restrictions = read_restrictions(tie or (), fix or (), prior or ())
    others = {
        "--holdout-flops": holdout_flops,
        "--drop-highest": drop_highest,
        "--params-as": params_as,
        "--method": method != "parametric",
        "--compare": compare,
        "--tie": tie,
        "--prior": prior,
    }
    kind = "fit" if method == "parametric" else f"fit-{method}"
    if law in SCHEDULE_LAWS:
        kind = "fit-schedule"
        others |= {"--points": points, "--best-of": best_of, "--cluster": cluster, "--task": task}
        document, text, figures = fit_schedules(
            source,
            law,
            predict=predict,
            runs=runs,
            delta=delta,
            fixed=restrictions.fixed,
            table=options,
            others=others,
        )
    else:
        if task is not None:
            kind = "fit-task"
            document, text, figure = fit_task_source(
                source,
                task,
                law=law,
                draws=draws,
                level=level,
                delta=delta,
                predict=predict,
                table=options,
                others=others | {"--fix": fix},
            )
        else:
            document, text, figure = fit_source(
                source,
                runs=runs,
                law=law,
                draws=draws,
                holdout_flops=holdout_flops,
                drop_highest=drop_highest,
                delta=delta,
                params_as=params_as,
                method=method,
                valley=valley,
                level=level,
                compare=compare,
                predict=predict,
                table=options,
                restrictions=restrictions,
            )

        def figures() -> "list[Figure]":
            return [figure()]

    print_json(kind, document) if as_json else print(text)
    if with_plot:
        print_plots(context, figures(), limits)
    if not as_json and document["warnings"]:
        say(bullet(document["warnings"]))


@app.command()
def loss(
    law: LawName = "chinchilla",
    params: Annotated[Number, number("Parameters N.", "params")] = None,
    tokens: Annotated[Number, number("Training tokens D.", "tokens")] = None,
    flops: Annotated[Number, number("Training compute C in FLOPs.", "flops")] = None,
    unique_tokens: Annotated[Number, number("Unique tokens U (law muennighoff).", "tokens")] = None,
    total_params: Annotated[Number, number("All parameters; N counts the active ones (law moe).", "params")] = None,
    coef: Coefs = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a law: the loss in nats per token."""
    from scaling_tui.laws import find_law
    from scaling_tui.report.plan import coefficients_for, unit_of

    form, chosen, unit = find_law(law), coefficients_for(law, coef or []), unit_of(law)
    given = {
        "params": params,
        "tokens": tokens,
        "flops": flops,
        "unique_tokens": unique_tokens,
        "total_params": total_params,
    }
    value = float(form.loss(chosen, **given))
    if as_json:
        inputs = {key: item for key, item in given.items() if item is not None}
        print_json(
            "loss",
            {"law": law, "form": form.text, "coefficients": chosen, "inputs": inputs, "loss": value, "unit": unit},
        )
        return
    print(f"{value:.6g}")
    if unit != "nats per token":
        say(f"the loss of {law} is {unit}")


@app.command()
def plan(
    context: typer.Context,
    flops: Annotated[Number, number("Training budget C in FLOPs.", "flops")] = None,
    loss: Annotated[Number, number("Target loss in nats per token.", "nats")] = None,
    params: Annotated[
        Number,
        number("Parameters N; with --flops or --tokens, a run off the optimum.", "params"),
    ] = None,
    tokens: Annotated[Number, number("Training tokens D.", "tokens")] = None,
    tokens_per_param: Annotated[Number, number("Train at this D/N and show what it costs.")] = None,
    unique_tokens: Annotated[Number, number("Unique tokens available (law muennighoff).", "tokens")] = None,
    served_tokens: Annotated[
        Number,
        number("Tokens to serve after training, at 2N FLOPs each.", "tokens"),
    ] = None,
    total_params: Annotated[Number, number("All parameters; N counts the active ones (law moe).", "params")] = None,
    active_share: Annotated[Number, number("Share of the parameters that are active (law moe).")] = None,
    law: Annotated[
        str | None,
        typer.Option(help="A published law, or, with --fit, the law to fit.", autocompletion=completion.published),
    ] = None,
    allocation: Annotated[
        str | None,
        typer.Option(help="A published allocation of N and D, instead of a law; the command laws lists them."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--fit", metavar="SOURCE", help="Plan with a fit to this sweep or table.", autocompletion=completion.sources
        ),
    ] = None,
    columns: Columns = None,
    points: Which = None,
    best_of: BestOf = None,
    where: Where = None,
    cluster: Cluster = None,
    tie: Tie = None,
    fix: Fix = None,
    prior: Prior = None,
    coef: Coefs = None,
    draws: Draws = 200,
    device: Annotated[str | None, typer.Option(help="Device, such as h100, or its peak FLOP/s.")] = None,
    devices: Annotated[int, typer.Option(min=1, help="Number of devices.")] = 1,
    mfu: Annotated[float, typer.Option(help="Share of peak FLOP/s that training reaches.")] = 0.4,
    price: Annotated[Number, number("Price of a device-hour.")] = None,
    explain: Annotated[
        str | None,
        typer.Option("--why", metavar="NUMBER", help="Explain one number of the plan: N, D, D/N, C, L or off."),
    ] = None,
    runs: Runs = None,
    as_json: AsJson = False,
    plot: Plot = None,
    xlim: XLim = None,
    ylim: YLim = None,
) -> None:
    """Plan the compute-optimal run for a budget, a loss, an N or a D."""
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.laws.planning.plan import Goal
    from scaling_tui.report.plan import device_for, plan_source
    from scaling_tui.report.restrictions import read_restrictions
    from scaling_tui.text.columns import bullet

    goal = Goal(flops, loss, params, tokens, tokens_per_param, unique_tokens, served_tokens, total_params, active_share)
    machine = device_for(device, devices, mfu, price)
    limits = limits_of(xlim, ylim)
    with_plot = plots_wanted(plot, as_json, limits)
    table = TableOptions.of(columns, points, best_of, where or (), cluster)
    restrictions = read_restrictions(tie or (), fix or (), prior or ())
    if explain is not None:
        from scaling_tui.cli.why import tell
        from scaling_tui.report.why.asked import plan_asked

        if allocation is not None:
            raise InputError("--why: found with --allocation, which 'scaling-tui laws' explains; want it with a law")
        asked = plan_asked(goal, explain.split(), law=law, source=source, coef=coef or [], draws=draws, runs=runs,
                           table=table, restrictions=restrictions)  # fmt: skip
        return tell(asked, as_json)
    if allocation is not None:
        from scaling_tui.report.allocations import allocation_source

        others = {"--law": law, "--fit": source, "--coef": coef, table.given: table.given}
        others |= {"--tie": tie, "--fix": fix, "--prior": prior}
        if found := [option for option, value in others.items() if value]:
            raise InputError(f"--allocation: found with {found[0]}, want one of them")
        document, text, figures = allocation_source(allocation, goal, machine)
    else:
        document, text, figures = plan_source(
            goal,
            law=law,
            source=source,
            coef=coef or [],
            draws=draws,
            runs=runs,
            machine=machine,
            table=table,
            restrictions=restrictions,
        )
    print_json("plan" if allocation is None else "plan-allocation", document) if as_json else print(text)
    if with_plot:
        print_plots(context, figures(), limits)
    if not as_json and document["notes"]:
        say(bullet(document["notes"]))
    return None


@app.command()
def count(
    ladder: Annotated[
        str | None,
        typer.Argument(
            help="A ladder; without one, the options describe a transformer.", autocompletion=completion.ladders
        ),
    ] = None,
    layers: Annotated[int | None, number("Number of layers.", whole=True)] = None,
    hidden: Annotated[int | None, number("Hidden size.", whole=True)] = None,
    ffn: Annotated[
        int | None,
        number("Inner size of the MLP; default: 4 × hidden.", whole=True),
    ] = None,
    heads: Annotated[int, number("Number of attention heads.", whole=True)] = 1,
    kv_heads: Annotated[
        int | None,
        number("Number of key and value heads; default: as many as --heads.", whole=True),
    ] = None,
    gated: Annotated[bool, typer.Option("--gated", help="Count three MLP matrices, as in SwiGLU.")] = False,
    vocab: Annotated[int, number("Vocabulary size.", whole=True)] = 0,
    context: Annotated[int, number("Tokens in a training sequence.", whole=True)] = 0,
    positions: Annotated[str, typer.Option(help="Positions: none, rotary or learned.")] = "none",
    norm: Annotated[str, typer.Option(help="Norm: none, rms or layer.")] = "none",
    final_norm: Annotated[bool, typer.Option("--final-norm", help="Count a norm after the last layer.")] = False,
    bias: Annotated[bool, typer.Option("--bias", help="Count biases in the layers and their norms.")] = False,
    head: Annotated[str, typer.Option(help="Output head: none, tied or untied.")] = "none",
    head_bias: Annotated[bool, typer.Option("--head-bias", help="Count a bias in the head.")] = False,
    classes: Annotated[
        int | None,
        number("Classes that the head predicts, in place of tokens.", whole=True),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count parameters and FLOPs under every convention. For a transformer, or for each rung of a ladder."""
    from scaling_tui.laws.counting import Architecture, left_out
    from scaling_tui.laws.counting import count as count_parameters
    from scaling_tui.report.counts import count_text, rungs_text

    if ladder is not None:
        from scaling_tui.sweeps.ladder import load_ladder

        if layers is not None or hidden is not None:
            raise InputError("count: found a ladder and --layers or --hidden, want one of them")
        rungs = [(rung.name, rung.count) for rung in load_ladder(ladder).rungs]
        if as_json:
            return print_json(
                "count-ladder", {"ladder": ladder, "rungs": [{"rung": name} | made.as_dict() for name, made in rungs]}
            )
        return print(rungs_text(rungs))
    if layers is None or hidden is None:
        raise InputError("count: found neither a ladder nor both --layers and --hidden, want one of them")
    described = Architecture(
        layers, hidden, ffn, heads, kv_heads, gated, vocab, context,
        positions, norm, final_norm, bias, head, head_bias, classes,  # type: ignore[arg-type]
    )  # fmt: skip
    made = count_parameters(described)
    if as_json:
        return print_json("count", made.as_dict() | {"left_out": left_out(described)})
    return print(count_text(made, left_out(described)))


@app.command()
def laws(
    name: Annotated[
        str | None, typer.Argument(help="A law or a published set, to show in full.", autocompletion=completion.entries)
    ] = None,
    params: Annotated[Number, number("Parameters N, to evaluate the hyperparameter laws.", "params")] = None,
    tokens: Annotated[Number, number("Training tokens D, for the same.", "tokens")] = None,
    flops: Annotated[Number, number("Training compute C, for the same; default: 6ND.", "flops")] = None,
    as_json: AsJson = False,
) -> None:
    """List the laws and the published coefficients, allocations and hyperparameter laws; or show one in full."""
    from scaling_tui.report import laws as report

    given = {"params": params, "tokens": tokens, "flops": flops}
    if any(value is not None for value in given.values()):
        kind, document = "hyperparameters", report.hyperparameters_document(name, given)
        text = report.hyperparameters_text
    else:
        kind, document = "laws", report.laws_document(name)
        text = report.laws_text if name is None else report.entries_text
    print_json(kind, document) if as_json else print(text(document))
