"""Counts against torch's numel and against models whose size is published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import Architecture, count
from scaling_tui.laws.counting import left_out, other_size, training_flops


@pytest.mark.parametrize(
    ("layers", "hidden", "vocab", "per_layer", "total"),
    [(12, 768, 30522, 7_077_888, 108_375_552), (24, 1280, 30522, 19_660_800, 510_927_360)],
)
def test_matrices_and_embedding_alone(layers: int, hidden: int, vocab: int, per_layer: int, total: int) -> None:
    made = count(Architecture(layers, hidden, vocab=vocab))
    assert (made.per_layer, made.total) == (per_layer, total)
    assert made.non_embedding == layers * per_layer


@pytest.mark.parametrize(
    ("layers", "ffn", "hidden", "total"), [(2, 128, 64, 131_074), (4, 256, 128, 658_178), (6, 512, 256, 3_419_138)]
)
def test_classifier_of_post_norm_encoder_layers(layers: int, ffn: int, hidden: int, total: int) -> None:
    torch = pytest.importorskip("torch")
    made = count(
        Architecture(
            layers, hidden, ffn, heads=4, vocab=1000, context=50, norm="layer", bias=True,
            head="untied", head_bias=True, classes=2,
        )
    )  # fmt: skip
    layer = torch.nn.TransformerEncoderLayer(hidden, 4, ffn)
    assert made.total == total
    assert made.per_layer == sum(p.numel() for p in layer.parameters())
    assert made.non_embedding == layers * made.per_layer


@pytest.mark.parametrize(("layers", "hidden", "total"), [(2, 32, 3_296_273), (4, 64, 6_691_409), (6, 128, 14_122_321)])
def test_model_that_is_mostly_vocabulary(layers: int, hidden: int, total: int) -> None:
    made = count(
        Architecture(
            layers, hidden, heads=8, vocab=50257, context=128, positions="learned", norm="layer", final_norm=True,
            bias=True, head="untied", head_bias=True,
        )
    )  # fmt: skip
    assert made.total == total
    assert 0.90 < (made.embedding + made.head) / made.total < 0.99


def test_published_sizes() -> None:
    gpt2 = Architecture(
        12, 768, heads=12, vocab=50257, context=1024, positions="learned", norm="layer", final_norm=True, bias=True,
        head="tied",
    )  # fmt: skip
    llama3 = Architecture(
        32, 4096, 14336, heads=32, kv_heads=8, gated=True, vocab=128256, context=8192, positions="rotary", norm="rms",
        final_norm=True, head="untied",
    )  # fmt: skip
    assert count(gpt2).total == 124_439_808
    assert count(llama3).total == 8_030_261_248


@given(
    layers=st.integers(0, 8),
    heads=st.integers(1, 8),
    width=st.integers(1, 16),
    ffn=st.integers(1, 64),
    vocab=st.integers(0, 99),
    context=st.integers(1, 64),
    positions=st.sampled_from(["none", "rotary", "learned"]),
    norm=st.sampled_from(["rms", "layer"]),
    bias=st.booleans(),
    head=st.sampled_from(["none", "tied", "untied"]),
    head_bias=st.booleans(),
)
def test_parts_add_up(layers: int, heads: int, width: int, ffn: int, vocab: int, context: int, **rest: object) -> None:
    described = Architecture(
        layers, heads * width, ffn, heads, vocab=vocab, context=context, final_norm=True, **rest  # type: ignore[arg-type]
    )  # fmt: skip
    made = count(described)
    parts = layers * made.per_layer + made.embedding + made.positions + made.final_norm + made.head + made.head_bias
    assert made.total == parts
    assert made.non_embedding == layers * made.per_layer + made.final_norm
    flops = made.flops_per_token
    assert flops["6N"] == 6 * made.total
    assert flops["matmul+attention"] == 6 * made.matmul + 12 * layers * heads * width * context


def test_what_is_left_out_is_said() -> None:
    assert "head" in left_out(Architecture(1, 8))
    everything = Architecture(
        1, 8, vocab=9, context=4, positions="learned", norm="layer", bias=True, head="tied", final_norm=True
    )
    assert left_out(everything) == []


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"layers": -1, "hidden": 8}, "layers"),
        ({"layers": 1, "hidden": 9, "heads": 2}, "heads"),
        ({"layers": 1, "hidden": 8, "heads": 4, "kv_heads": 3}, "kv_heads"),
        ({"layers": 1, "hidden": 8, "norm": "batch"}, "norm"),
        ({"layers": 1, "hidden": 8, "positions": "learned"}, "context"),
        ({"layers": True, "hidden": 8}, "layers"),
    ],
)
def test_impossible_shapes_are_named(wrong: dict[str, object], names: str) -> None:
    with pytest.raises(InputError, match=names):
        Architecture(**wrong)  # type: ignore[arg-type]


def test_gopher_was_trained_on_the_budget_that_its_size_and_tokens_come_to() -> None:
    """Hoffmann et al. 2022, table 1 and section 3.4: 280B parameters, 300B tokens."""
    flops = training_flops(280e9, 300e9)
    assert flops == pytest.approx(5.04e23)
    assert (other_size(flops, 280e9), other_size(flops, 300e9)) == pytest.approx((300e9, 280e9))
