"""Logs as other trainers print them, line by line in their formats, with made-up losses."""

import math
from collections.abc import Iterator


def loss_at(step: int, floor: float = 2.0) -> float:
    """A falling curve, in nats per token."""
    return floor + 2.3 * math.exp(-step / 60)


def nanogpt(steps: int = 200, begin: int = 0, head: bool = True) -> Iterator[str]:
    """karpathy/nanoGPT, train.py with config/train_shakespeare_char.py."""
    if head:
        yield "Overriding config with config/train_shakespeare_char.py:"
        yield "# train a miniature character-level shakespeare model"
        yield f"max_iters = {steps}"
        yield "lr_decay_iters = 5000 # make equal to max_iters usually"
        yield ""
        yield f"Overriding: max_iters = {steps}"
        yield "tokens per iteration will be: 16,384"
        yield "found vocab_size = 65 (inside data/shakespeare_char/meta.pkl)"
        yield "Initializing a new model from scratch"
        yield "number of parameters: 10.65M"
        yield "num decayed parameter tensors: 26, with 10,740,096 parameters"
        yield "num non-decayed parameter tensors: 13, with 4,992 parameters"
        yield "using fused AdamW: True"
        yield "compiling the model... (takes a ~minute)"
    for step in range(begin, steps + 1):
        if step % 100 == 0:
            yield f"step {step}: train loss {loss_at(step):.4f}, val loss {loss_at(step) + 0.05:.4f}"
            yield "saving checkpoint to out-shakespeare-char"
        if step % 10 == 0:
            mfu = -100.0 if step < 5 else 17.29
            yield f"iter {step}: loss {loss_at(step):.4f}, time {24.37:.2f}ms, mfu {mfu:.2f}%"


def llmc_main(steps: int = 200) -> Iterator[str]:
    """karpathy/llm.c, main.log as llmc/logger.h writes it."""
    for step in range(steps + 1):
        if step % 50 == 0:
            yield f"s:{step} tel:{loss_at(step) + 0.05:.4f}"
        if step % 100 == 0 and step:
            yield f"s:{step} eval:{0.25 + step / 4000:.4f}"
        if step < steps:
            yield f"s:{step} trl:{loss_at(step):.4f} lr:{6e-4:.6f} norm:{1.2345:.2f}"


def llmc_cuda(steps: int = 200) -> Iterator[str]:
    """karpathy/llm.c, what train_gpt2.cu prints."""
    yield "+-----------------------+----------------------------------------------------+"
    yield "| Parameter             | Value                                              |"
    yield "+-----------------------+----------------------------------------------------+"
    yield f"| total batch size      | {524288:<50d} |"
    yield f"| learning rate (LR)    | {6e-4:<50e} |"
    yield f"| max_steps             | {steps:<50d} |"
    yield f"| channels C            | {768:<50d} |"
    yield f"| num_parameters        | {124475904:<50d} |"
    yield f"| train_num_batches     | {steps:<50d} |"
    yield "allocating 237 MiB for parameter gradients"
    for step in range(steps + 1):
        if step % 50 == 0:
            yield f"val loss {loss_at(step) + 0.05:f}"
        if step < steps:
            yield (
                f"step {step + 1:4d}/{steps:d} | loss {loss_at(step):7.6f} ({0.31:+.2f}z)| norm {1.2345:6.4f} "
                f"({-0.12:+.2f}z)| lr {6e-4:.2e} | {302.61:.2f} ms | {48.3:.1f}% bf16 MFU | {1732541:.0f} tok/s"
            )
    yield f"total average iteration time: {302.513412:f} ms"


def nanochat(steps: int = 200) -> Iterator[str]:
    """karpathy/nanochat, what scripts/base_train.py prints."""
    yield "Vocab size: 32,768"
    yield "Parameter counts:"
    counts = {
        "wte": 25_165_824, "value_embeds": 150_994_944, "lm_head": 25_165_824, "transformer_matrices": 84_935_808,
        "scalars": 24, "total": 286_262_424,
    }  # fmt: skip
    for key, value in counts.items():
        yield f"{key:24s}: {value:,}"
    yield f"Estimated FLOPs per token: {7.5e8:e}"
    yield f"Calculated number of iterations from target data:param ratio: {steps:,}"
    yield f"Total number of training tokens: {steps * 524_288:,}"
    yield f"Total training FLOPs estimate: {7.5e8 * steps * 524_288:e}"
    yield "Tokens / micro-batch: 524,288"
    yield "Total batch size 524,288 => gradient accumulation steps: 1"
    for step in range(steps + 1):
        if step % 50 == 0:
            yield f"Step {step:05d} | Validation bpb: {0.8 + math.exp(-step / 60):.6f}"
        if step < steps:
            yield (
                f"step {step:05d}/{steps:05d} ({100 * step / steps:.2f}%) | loss: {loss_at(step):.6f} | lrm: 1.00 | "
                f"dt: {481.55:.2f}ms | tok/sec: {1_088_746:,} | bf16_mfu: {47.91:.2f} | epoch: 1 pq: 3 rg: 40 | "
                f"total time: {1.31:.2f}m | eta: 3.2m"
            )
    yield "Peak memory usage: 72310.02MiB"
    yield "Total training time: 1.61m"


RESULTS_HEAD = (
    "flops_budget,depth,model_dim,params_wte,params_value_embeds,params_lm_head,params_transformer,params_scalars,"
    "params_total,num_iterations,tokens_trained,val_bpb,core_score,train_time_sec"
)


def nanochat_results() -> Iterator[str]:
    """karpathy/nanochat, results.csv as runs/scaling_laws.sh writes it."""
    yield RESULTS_HEAD
    for budget in (1e18, 2.15e18, 4.64e18):
        for depth in (10, 12, 14, 16):
            dim = depth * 64
            outside, inside = 32768 * dim, 12 * depth * dim * dim
            total = 8 * outside + inside + 2 * depth
            steps = round(budget / (6 * inside * 524_288))
            tokens = steps * 524_288
            bpb = 0.6 + 400 / total**0.4 + 1500 / tokens**0.4
            yield (
                f"{budget:g},{depth},{dim},{outside},{6 * outside},{outside},{inside},{2 * depth},{total},{steps},"
                f"{tokens},{bpb:.6f},{0.1:.4f},{360}"
            ).replace("e+18", "e18")


def text(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
