"""Whether a corpus is enough for a ladder: epochs, the vocabulary, and how precisely a loss can be measured."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scaling_tui.data import Corpus, Encoded, Windows, held_out
from scaling_tui.data.precision import distinct, standard_error
from scaling_tui.laws.published import get
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.rung import Rung
from scaling_tui.text import show

REPEATS = 1.05  # epochs from which data counts as repeated: the last batch may need a window of the next epoch
OFTEN = 20  # times that a token of the vocabulary should occur in the training part, on average
SMALL_VOCABULARY = 256  # that of bytes, which no text is too short for
OF_THE_SPAN = 0.05  # the share of the span of the rungs' losses that the standard error of a loss may have


@dataclass(frozen=True)
class DataCheck:
    """The data of a ladder in figures.

    Args:
        train: training tokens.
        held_out: held-out tokens, of which an evaluation reads `evaluated`.
        evaluated: held-out tokens of one evaluation, the least of all rungs.
        documents: of both parts; 0 where ids have no documents that are known.
        unread: files of the folder that are not read, because they are of another kind.
        separator: what stands between documents; empty with fewer than two.
        epochs: over the training tokens, or over a rung's `unique_tokens`, by case.
        standard_error: of the held-out loss, as a share of it, estimated as `scaling_tui.data.precision` says.
        warnings: what is wrong, each in one line.
    """

    train: int
    held_out: int
    evaluated: int
    documents: int
    unread: int
    separator: str
    epochs: dict[str, float]
    standard_error: float | None
    warnings: tuple[str, ...]


def check_data(ladder: Ladder, corpus: Corpus, tokens: Encoded) -> DataCheck:
    """Compares the rungs of `ladder` with the tokens that there are.

    Raises:
        InputError: a part is shorter than the context of a rung.
    """
    epochs, evaluated, errors = {}, [], {}
    for rung in ladder.rungs:
        context, training = rung.architecture.context, rung.training
        unique = max(1, training.unique_tokens // context) if training.unique_tokens else None
        windows = Windows(tokens.train, context, 0, tokens.sample, unique)
        epochs[rung.case] = training.steps(context) * training.batch / windows.per_epoch
        reads = (context, training.held_out_tokens)
        if reads not in errors:
            evaluation = held_out(tokens.held_out, *reads, tokens.sample)
            evaluated.append(evaluation.shape[0] * context)
            errors[reads] = standard_error(tokens.train, evaluation, tokens.vocab)
    error = max(errors.values(), key=lambda error: math.inf if math.isnan(error) else error)
    warnings: list[str] = []
    if corpus.drawn_from is None:
        warnings += _repeats(ladder.rungs, epochs, len(tokens.train))
        warnings += _vocabulary(tokens, min(rung.architecture.vocab for rung in ladder.rungs))
    if ladder.fit is not None:
        warnings += _precision(ladder, error, min(evaluated), len(tokens.held_out))
    return DataCheck(
        train=len(tokens.train),
        held_out=len(tokens.held_out),
        evaluated=min(evaluated),
        documents=corpus.documents if corpus.size else 0,
        unread=corpus.unread,
        separator=tokens.separator,
        epochs=epochs,
        standard_error=None if math.isnan(error) else error,
        warnings=tuple(warnings),
    )


def _repeats(rungs: Sequence[Rung], epochs: dict[str, float], unique: int) -> Iterator[str]:
    """Of the rung that repeats the most, if it was not asked for by `unique_tokens`."""
    free = [rung for rung in rungs if not rung.training.unique_tokens]
    most = max(free, key=lambda rung: epochs[rung.case], default=None)
    if most is None or (passes := epochs[most.case]) < REPEATS:
        return
    # The equation of D' in section 5 of Muennighoff et al. 2023.
    constant = get("muennighoff").coefficients["R_D_star"]
    fresh = unique * (1 + constant * (1 - math.exp(-(passes - 1) / constant)))
    yield (
        f"data repeats: {most.case} reads {show.count(most.tokens)} tokens, {passes:.1f} times the "
        f"{show.count(unique)} that there are, worth about {show.count(fresh)} fresh ones "
        "(Muennighoff et al. 2023); want more text or fewer tokens"
    )


def _vocabulary(tokens: Encoded, vocab: int) -> Iterator[str]:
    """Of the tokens that the models have a row for, which a text may be too short to train all of."""
    if vocab > SMALL_VOCABULARY and len(tokens.train) < OFTEN * vocab:
        unseen = 1 - distinct(tokens.train) / vocab
        yield (
            f"vocabulary too large: {vocab:,} tokens for a text of {show.count(len(tokens.train))}, in which "
            f"{show.percent(unseen)} of them never occur; want more text or a smaller vocabulary"
        )


def _precision(ladder: Ladder, error: float, evaluated: int, there_are: int) -> Iterator[str]:
    """Where the standard error of the held-out loss is more than a twentieth of what the rungs' losses span.

    A law is fitted to the differences between them. How far they are apart is taken from Kaplan et al. 2020: L falls as
    N^-alpha_N and as D^-alpha_D. All rungs read the same tokens, so much of the error is common to them; a twentieth
    leaves room for that.
    """
    by_size = get("kaplan-n").coefficients["alpha_N"]
    by_data = get("kaplan-d").coefficients["alpha_D"]
    places = {
        round(by_size * math.log(max(1, rung.count.non_embedding)) + by_data * math.log(rung.tokens), 9)
        for rung in ladder.rungs
    }
    span = max(places) - min(places)
    wanted = OF_THE_SPAN * span
    if not span:
        return
    if error <= wanted:
        return
    if math.isnan(error):
        yield f"held-out part too small: {evaluated:,} tokens are one window, so nothing tells how precise a loss is"
        return
    tokens = evaluated * (error / wanted) ** 2
    remedy = "a larger text" if tokens > there_are else f"training.held_out_tokens = {math.ceil(tokens):_}"
    yield (
        f"held-out part too small: over {evaluated:,} tokens the loss has a standard error of "
        f"{show.percent(error, 1)} (from its spread over windows under token frequencies alone), and the rungs' losses "
        f"span about {show.percent(span)}; want about {show.count(tokens)} tokens: {remedy}"
    )
