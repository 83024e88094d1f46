"""The figures of a source that somebody asks for by words, as the command `why` and `plan --why` take them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.laws import find_law
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.fit import FitSource, fit_loaded, load
from scaling_tui.report.why.explanation import Explanation, matching
from scaling_tui.report.why.laws import point_figures, study_figures
from scaling_tui.report.why.pipeline import pipeline_figures
from scaling_tui.report.why.plans import plan_figures
from scaling_tui.report.why.sweeps import sweep_figures
from scaling_tui.tables.read import is_table
from scaling_tui.text.suggest import did_you_mean

if TYPE_CHECKING:
    from scaling_tui.laws.planning.plan import Goal
    from scaling_tui.runs import RunView

FIT, PLAN = "fit", "plan"


def figures_asked(source: str, words: Sequence[str], runs: Path | None, table: TableOptions) -> list[Explanation]:
    """The figures of a sweep or table that `words` name, all of them without words.

    A fit takes seconds, and a corpus may have to be read: they are asked only where no figure of the sweep answers, or
    where the words name `fit`, or the stages of a run's data.

    Raises:
        InputError: no such source, or no figure of these names; says which there are.
    """
    if is_table(source):
        return _found(_fit_figures(load(source, runs, table)), words)
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    if table.given:
        raise InputError(f"{table.given}: found with the sweep {source!r}, want it with a table")
    sweep = read_sweep(find_sweep(runs_folder(runs), source))
    if words and words[0].casefold() == FIT:
        figures = _fit_figures(load(source, runs))
        return _found(figures, words if matching(figures, words) else words[1:])
    found = sweep_figures(sweep)
    named = next((run for run in sweep.runs if words and words[0] in (run.name, run.rung)), None)
    if named is not None and len(words) > 1 and not matching(found, words):
        return matching(_stage_figures(named), words[1:]) or _found(found, words)
    return _found(found, words)


def _stage_figures(run: "RunView") -> list[Explanation]:
    """The figures of the stages of a run's data; none of a run whose corpus is not here."""
    from scaling_tui.sweeps.data_stages import stages

    try:
        return pipeline_figures(run, stages(run))
    except (InputError, ValueError):
        return []


def _fit_figures(loaded: FitSource) -> list[Explanation]:
    with loaded.explained():
        fitted = fit_loaded(loaded)
    study = fitted.study
    return [*study_figures(FIT, study, loaded.behind, influence=fitted.moved), *point_figures(study, loaded.behind)]


def plan_asked(
    goal: "Goal", words: Sequence[str], *, law: str | None, source: str | None, coef: Sequence[str], draws: int,
    runs: Path | None, table: TableOptions, restrictions: Restrictions,
) -> list[Explanation]:  # fmt: skip
    """The figures of a plan that `words` name.

    Raises:
        InputError: as `plan`, or no figure of these names.
    """
    from scaling_tui.report.plan import plan_curve_for

    curve, loaded = plan_curve_for(goal, law, source, coef, draws, runs, table, restrictions)
    behind = [name for label in loaded.points.labels for name in loaded.behind.get(label, (label,))] if loaded else []
    return _found(plan_figures(PLAN, find_law(curve.law), curve.coefficients, curve.plan, goal, tuple(behind)), words)


def _found(figures: Sequence[Explanation], words: Sequence[str]) -> list[Explanation]:
    found = matching(figures, words)
    if found:
        return found
    named = list(dict.fromkeys(name for one in figures for name in (one.of, one.key)))
    wrong = next((word for word in words if not matching(figures, [word])), " ".join(words))
    raise InputError(f"why: no number {wrong!r}; {did_you_mean(wrong, named, 'without words it lists all')}")
