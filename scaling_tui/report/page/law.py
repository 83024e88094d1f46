"""The law of a page: coefficients with intervals, what it was fitted to, reasons to doubt it; and isoFLOP valleys."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.isoflop import Profiles, profiles
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.valleys import HOW
from scaling_tui.plots.law_plots import valley_view
from scaling_tui.report.fit import (
    FitSource,
    LoadedFit,
    coefficient_rows,
    conventions_rows,
    fit_loaded,
    fitted_lines,
    held_out_lines,
    interval_lines,
    leaning_lines,
    option_names,
    profile_lines,
    profile_rows,
)
from scaling_tui.report.page.blocks import Block, Bullets, Code, Plot, Section, Table
from scaling_tui.report.page.seen import seen
from scaling_tui.report.standing import standing_text
from scaling_tui.text import show
from scaling_tui.text.show import span

_BUDGETS_APART = 1 / 3  # of the range of log C, the most that budgets take up which somebody chose


@dataclass(frozen=True)
class PageLaw:
    """The law as a sentence, a section, and JSON."""

    sentence: str
    section: Section
    document: dict[str, Any]


def page_law(loaded: FitSource, name: str, law: str | None = None, told_elsewhere: Collection[str] = ()) -> PageLaw:
    """The law as `fit` fits and words it, through points that were read from what is called `name`.

    Warnings that are told elsewhere in the page are left out of the section.

    Raises:
        InputError: as `fit`.
    """
    with option_names(), loaded.explained():
        made = fit_loaded(loaded, law)
    document = made.document(name)
    study, figure = made.study, made.figure()
    blocks: list[Block] = [
        Code(f"{study.fit.law.name}   {study.fit.law.text}"),
        Table.of("Coefficients", coefficient_rows(study), (1,)),
        Plot(figure, f"Points and law: {figure.heading}.", seen(figure)),
        Bullets([
            *fitted_lines(study, loaded.loss, loaded.notes),
            *interval_lines(study),
            *held_out_lines(study),
            *leaning_lines(study, made.moved),
            *standing_text(study.fit),
        ]),
    ]  # fmt: skip
    if study.conventions:
        rows = conventions_rows(study)
        blocks.append(Table.of("The exponents under each convention", rows, range(1, len(rows[0]))))
    if warnings := [text for text in dict.fromkeys(document["warnings"]) if text not in told_elsewhere]:
        blocks.append(Bullets(warnings, warns=True))
    return PageLaw(_sentence(made), Section("Law", blocks), document)


def _sentence(made: LoadedFit) -> str:
    study = made.study
    fit = study.fit
    values = ", ".join(
        f"{name} {show.coefficient(value)} {ends}" if (ends := span(*study.intervals[name])) != "–" else
        f"{name} {show.coefficient(value)}"
        for name, value in fit.coefficients.items()
    )  # fmt: skip
    level = f" ({show.percent(study.level)} intervals)" if study.draws else ""
    spread = float(np.sqrt(np.mean(fit.residuals**2)))
    counted = {"all": "all parameters", "non-embedding": "the parameters without embeddings"}.get(fit.convention, "")
    size = f", where N counts {counted}," if "params" in fit.law.inputs and counted else ""
    return (
        f"The law {fit.law.text}{size} was fitted to {show.counted(len(fit.points), 'point')}: {values}{level}. "
        f"The points scatter around it by {show.percent(spread, 2)} of the loss."
    )


def valleys(points: Points) -> "tuple[Section, dict[str, Any]] | None":
    """The isoFLOP valleys and the power laws through them, where the points are such profiles; else None."""
    found = _designed(points)
    if found is None:
        return None
    figure = valley_view(points, found)
    blocks: list[Block] = [
        Table.of(f"The size of least loss at each budget, by {HOW[found.shape]}", profile_rows(found), range(6)),
        Plot(figure, f"{figure.heading}.", seen(figure)),
        Bullets(profile_lines(found)),
    ]
    if found.warnings:
        blocks.append(Bullets(found.warnings, warns=True))
    return Section("isoFLOP profiles", blocks), asdict(found)


def _designed(points: Points) -> Profiles | None:
    """The profiles, if most points lie at two or more budgets that were chosen: far apart, with runs close together."""
    try:
        found = profiles(points)
        flops = np.log(points.column("flops"))
    except InputError:
        return None
    budgets = np.log([valley.flops for valley in found.valleys])
    nearest = np.abs(flops[:, None] - budgets[None]).argmin(axis=1)
    spread = sum(float(np.ptp(flops[nearest == number])) for number in range(len(budgets)))
    whole = float(np.ptp(flops))
    most = 2 * sum(valley.points for valley in found.valleys) >= len(points)
    return found if len(budgets) > 1 and most and spread < _BUDGETS_APART * whole else None
