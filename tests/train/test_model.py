"""The model is the one that was counted, and sees no token that comes after."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui.laws.counting import Architecture, count
from scaling_tui.train.model import GPT


def described(**changes: object) -> Architecture:
    fields = {"layers": 2, "hidden": 32, "heads": 4, "vocab": 50, "context": 16}
    made = {"norm": "rms", "final_norm": True, "positions": "rotary", "head": "tied"}
    return Architecture(**{**fields, **made, **changes})  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    layers=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    width=st.integers(1, 6),
    ffn=st.sampled_from([None, 7, 64]),
    vocab=st.integers(2, 300),
    positions=st.sampled_from(["rotary", "learned", "none"]),
    head=st.sampled_from(["tied", "untied"]),
)
def test_every_trainable_parameter_is_counted(
    layers: int, heads: int, width: int, ffn: int | None, vocab: int, positions: str, head: str
) -> None:
    arch = described(
        layers=layers, heads=heads, hidden=8 * heads * width, ffn=ffn, vocab=vocab, positions=positions, head=head
    )
    assert sum(p.numel() for p in GPT(arch).parameters()) == count(arch).total


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_a_later_token_changes_no_earlier_prediction(positions: str) -> None:
    torch.manual_seed(0)
    model = GPT(described(positions=positions)).eval()
    ids = torch.randint(0, 50, (1, 16))
    changed = ids.clone()
    changed[0, 9:] = (changed[0, 9:] + 1) % 50
    before, after = model(ids), model(changed)
    assert torch.allclose(before[0, :9], after[0, :9], atol=1e-6)
    assert not torch.allclose(before[0, 9:], after[0, 9:], atol=1e-3)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_the_order_of_the_tokens_matters(positions: str) -> None:
    torch.manual_seed(0)
    model = GPT(described(positions=positions)).eval()
    one, other = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 1, 3, 4]])
    assert not torch.allclose(model(one)[0, -1], model(other)[0, -1], atol=1e-4)


def test_the_embeddings_begin_as_wide_as_the_recipe_says() -> None:
    torch.manual_seed(0)
    wide, usual = GPT(described(vocab=256), embedding_std=0.1), GPT(described(vocab=256))
    assert wide.embedding.weight.std().item() == pytest.approx(0.1, rel=0.1)
    assert usual.embedding.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_an_untrained_model_knows_nothing() -> None:
    torch.manual_seed(0)
    model = GPT(described(vocab=256)).eval()
    ids = torch.randint(0, 256, (32, 17))
    loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(torch.log(torch.tensor(256.0)).item(), abs=0.1)
