"""Synthetic sources keep their closed forms: what is best possible is what their ids really allow."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, encode, load_corpus, vocabulary
from scaling_tui.data.synthetic import Language, Markov, Parity


def test_a_parity_label_is_the_parity_and_nothing_less_tells_it() -> None:
    train, held_out = Parity(samples=4000).draw()
    rows = np.concatenate([train, held_out]).reshape(-1, 51).astype(np.int64)
    assert np.array_equal(rows[:, :50].sum(1) % 2, rows[:, 50])
    assert len(train) == 51 * 3200
    for part in (rows[:, 0] % 2, rows[:, :49].sum(1) % 2):
        assert abs((part == rows[:, 50]).mean() - 0.5) < 0.04


@given(classes=st.integers(1, 5), noise=st.sampled_from([0.0, 0.02, 0.3]), seed=st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_who_knows_the_facts_of_the_language_reaches_its_ceiling_and_its_entropy(
    classes: int, noise: float, seed: int
) -> None:
    source = Language(vocab=30, classes=classes, noise=noise, samples=2500, held_out_samples=2500, seed=seed)
    train, held_out = (part.reshape(-1, 51).astype(np.int64) for part in source.draw())
    # A reader with enough sentences learns every fact: what most often follows a pair of tokens.
    votes = np.zeros((30, 30, 30))
    np.add.at(votes, (train[:, :-2], train[:, 1:-1], train[:, 2:]), 1)
    best = votes.argmax(-1)
    right = (best[held_out[:, :-2], held_out[:, 1:-1]] == held_out[:, 2:]).mean()
    assert (49 * right + 1 / 30) / 50 == pytest.approx(source.ceiling, abs=0.01)
    p = 1 - noise + noise / 30
    wrong = -(1 - right) * math.log(noise / 30) if noise else 0.0
    assert (math.log(30) + 49 * (-right * math.log(p) + wrong)) / 50 == pytest.approx(source.entropy, abs=0.03)


def test_the_chains_entropy_rate_is_what_its_own_transitions_have() -> None:
    source = Markov(vocab=12, exponent=1.3, tokens=300_000, held_out_tokens=1000)
    ids, held_out = source.draw()
    assert (len(ids), len(held_out)) == (300_000, 1000)
    pairs = Counter(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    first = Counter(ids[:-1].tolist())
    measured = -sum(n / len(ids) * math.log(n / first[a]) for (a, _), n in pairs.items())
    assert measured == pytest.approx(source.entropy, abs=0.01)
    assert max(pairs[0, b] for b in range(12)) / first[0] == pytest.approx(source.ceiling, abs=0.01)


@pytest.mark.parametrize("name", ["parity", "language", "markov"])
def test_the_same_parameters_give_the_same_ids_and_others_do_not(name: str) -> None:
    small = {"samples": 30} if name != "markov" else {"tokens": 3000, "held_out_tokens": 300}
    choices = [CorpusChoice(name, "ids", parameters={**small, "seed": seed}) for seed in (1, 1, 2)]
    one, again, other = map(load_corpus, choices)
    assert one.sha256 == again.sha256
    assert one.sha256 != other.sha256
    encoded = encode(choices[0], one)
    assert encoded.bytes_per_token is None
    assert int(encoded.train.max()) < encoded.vocab == vocabulary(choices[0])


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("parity", {"lenght": 3}, "corpus.parameters.lenght: not a parameter of parity; known: vocab"),
        ("parity", {"length": 3.5}, "corpus.parameters.length: found 3.5, want a whole number"),
        ("language", {"noise": 1.0}, "found a share of 1, want 0 to 1"),
        ("markov", {"vocab": 1}, "corpus.parameters.vocab: found 1, want 2 to 65536"),
        ("stdlib", {"vocab": 9}, "'stdlib' takes no parameters"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, parameters: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        load_corpus(CorpusChoice(name, parameters=dict(parameters)))


def test_ids_and_text_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(InputError, match="want tokenizer 'ids'"):
        encode(CorpusChoice("parity"), load_corpus(CorpusChoice("parity")))
    with pytest.raises(InputError, match="is text, not token ids"):
        encode(CorpusChoice("stdlib", "ids"), load_corpus(CorpusChoice("stdlib")))
    with pytest.raises(InputError, match="want 'ids': parity draws token ids"):
        vocabulary(CorpusChoice("parity"))
