"""Synthetic sources: token ids drawn from a process whose entropy and best possible accuracy are known.

Both have a closed form, so a fitted irreducible loss, or an accuracy that stops rising, can be checked against the
truth. A source has:

    draw()       the training and the held-out part; the same parameters draw the same ids on every machine
    sample       tokens in a sample where samples are independent; None for one stream
    entropy      the least possible held-out loss, in nats per predicted token; None where it is not defined
    ceiling      the best possible accuracy over the predicted tokens
    description  what it is, in words
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.text import show

MOST_TOKENS = 65_536  # vocabulary that 16-bit ids can hold
Parts = tuple[NDArray[np.uint16], NDArray[np.uint16]]


@dataclass(frozen=True)
class Parity:
    """Samples of `length` uniform tokens and a label: 1 where the sum of their ids is odd.

    The best accuracy is 1, but every token can flip the label, so nothing short of the whole rule beats chance: a
    parity is uncorrelated with any proper part of its input (Shalev-Shwartz et al. 2017, section 2).

    Args:
        vocab: number of tokens, 2 to 65,536.
        length: tokens in a sample.
        samples: of both parts together.
        held_out: share of them held out, 0 to less than 1.
        seed: of the source; the seeds of the runs do not change it.
    """

    vocab: int = 1000
    length: int = 50
    samples: int = 1000
    held_out: float = 0.2
    seed: int = 0

    @property
    def sample(self) -> int:
        return self.length + 1

    @property
    def entropy(self) -> None:
        return None

    @property
    def ceiling(self) -> float:
        return 1.0

    @property
    def description(self) -> str:
        return f"{self.samples} samples of {self.length} random tokens of {self.vocab}, labelled by sum parity"

    def draw(self) -> Parts:
        tokens = np.random.default_rng(self.seed).integers(self.vocab, size=(self.samples, self.length))
        rows = np.column_stack([tokens, tokens.sum(1) % 2]).astype(np.uint16)
        cut = round(self.samples * (1 - self.held_out))
        return rows[:cut].ravel(), rows[cut:].ravel()


@dataclass(frozen=True)
class Language:
    """Sentences in which the next token is a function of the last one and the class of the one before it.

    There are `vocab` x `classes` facts to learn: a random permutation of the tokens for each class. With probability
    `noise` the next token is uniform instead. The first two tokens of a sentence are uniform.

    Args:
        vocab: number of tokens, 2 to 65,536.
        classes: of tokens.
        noise: probability that the next token is drawn uniformly instead, 0 to less than 1.
        length: tokens in a sentence.
        samples: sentences to train on.
        held_out_samples: sentences to hold out.
        seed: of the source; the seeds of the runs do not change it.
    """

    vocab: int = 1000
    classes: int = 8
    noise: float = 0.02
    length: int = 50
    samples: int = 1500
    held_out_samples: int = 500
    seed: int = 0

    @property
    def sample(self) -> int:
        return self.length + 1

    @property
    def _right(self) -> float:
        """Probability of the likeliest next token once two are given."""
        return 1 - self.noise + self.noise / self.vocab

    @property
    def entropy(self) -> float:
        known = -self._right * math.log(self._right)
        if self.noise:
            other = self.noise / self.vocab
            known -= (self.vocab - 1) * other * math.log(other)
        return (math.log(self.vocab) + (self.length - 1) * known) / self.length

    @property
    def ceiling(self) -> float:
        return (1 / self.vocab + (self.length - 1) * self._right) / self.length

    @property
    def description(self) -> str:
        return (
            f"{self.samples} sentences of {self.length + 1} tokens of {self.vocab}; each depends on the last one"
            f" and on the class (of {self.classes}) of the one before it, with {show.percent(self.noise)} noise"
        )

    def draw(self) -> Parts:
        rng = np.random.default_rng(self.seed)
        follows = np.stack([rng.permutation(self.vocab) for _ in range(self.classes)])
        kind = rng.integers(self.classes, size=self.vocab)
        rows = np.empty((self.samples + self.held_out_samples, self.length + 1), np.uint16)
        rows[:, :2] = rng.integers(self.vocab, size=(len(rows), 2))
        for at in range(2, self.length + 1):
            noisy = rng.random(len(rows)) < self.noise
            uniform = rng.integers(self.vocab, size=len(rows))
            rows[:, at] = np.where(noisy, uniform, follows[kind[rows[:, at - 2]], rows[:, at - 1]])
        return rows[: self.samples].ravel(), rows[self.samples :].ravel()


@dataclass(frozen=True)
class Markov:
    """A Markov chain with the same Zipf distribution over successors in every state, each state in its own order.

    The successor of rank r has probability proportional to r^-exponent in every state, so the entropy rate is exactly
    the entropy of that distribution, whatever the stationary distribution of the states.

    Args:
        vocab: number of tokens, 2 to 65,536.
        exponent: the successor of rank r has probability proportional to r^-exponent.
        tokens: to train on.
        held_out_tokens: to hold out.
        seed: of the source; the seeds of the runs do not change it.
    """

    vocab: int = 64
    exponent: float = 1.0
    tokens: int = 2_000_000
    held_out_tokens: int = 200_000
    seed: int = 0

    @property
    def _zipf(self) -> NDArray[np.float64]:
        weight = np.arange(1, self.vocab + 1, dtype=np.float64) ** -self.exponent
        return np.asarray(weight / weight.sum())

    @property
    def sample(self) -> None:
        return None

    @property
    def entropy(self) -> float:
        p = self._zipf
        return float(-(p * np.log(p)).sum())

    @property
    def ceiling(self) -> float:
        return float(self._zipf[0])

    @property
    def description(self) -> str:
        return f"Markov chain of {self.vocab} tokens, successors Zipf with exponent {self.exponent:g}"

    def draw(self) -> Parts:
        rng = np.random.default_rng(self.seed)
        successors = np.stack([rng.permutation(self.vocab) for _ in range(self.vocab)]).astype(np.uint16)
        # Many chains drawn in parallel and then concatenated, so that Python loops over time alone.
        chains = 1000
        steps = -(-(self.tokens + self.held_out_tokens) // chains)
        ids = np.empty((chains, steps), np.uint16)
        # A random chain mixes within a few steps; the first 50 are discarded.
        now = rng.integers(self.vocab, size=chains).astype(np.uint16)
        cumulative = np.cumsum(self._zipf)
        for at in range(-50, steps):
            rank = np.minimum(np.searchsorted(cumulative, rng.random(chains)), self.vocab - 1)
            now = successors[now, rank]
            if at >= 0:
                ids[:, at] = now
        stream = ids.ravel()
        return stream[: self.tokens], stream[self.tokens : self.tokens + self.held_out_tokens]


Source = Parity | Language | Markov
SOURCES: dict[str, type[Source]] = {"parity": Parity, "language": Language, "markov": Markov}


def source_named(name: str, parameters: Mapping[str, Any]) -> Source:
    """The source called `name` with these parameters.

    Raises:
        InputError: an unknown parameter, or one of the wrong type or size.
    """
    kind = SOURCES[name]
    known = {item.name: item.type for item in fields(kind)}
    # Whoever writes 1e6 means a whole number.
    whole = {key: int(value) for key, value in parameters.items() if isinstance(value, float) and value.is_integer()}
    parameters = {**parameters, **{key: value for key, value in whole.items() if known.get(key) is int}}
    for key, value in parameters.items():
        if key not in known:
            raise InputError(f"corpus.parameters.{key}: not a parameter of {name}; known: {', '.join(known)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (known[key] is int and not isinstance(value, int)) or value < 0:
            noun = "a whole number" if known[key] is int else "a number"
            raise InputError(f"corpus.parameters.{key}: found {value!r}, want {noun} of at least 0")
    source = kind(**parameters)
    if not 2 <= source.vocab <= MOST_TOKENS:
        raise InputError(f"corpus.parameters.vocab: found {source.vocab}, want 2 to {MOST_TOKENS}")
    share = parameters.get("noise", 0) if name == "language" else parameters.get("held_out", 0)
    if not 0 <= share < 1:
        raise InputError(f"corpus.parameters: found a share of {share:g}, want 0 to 1")
    return source
