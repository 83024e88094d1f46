"""What a launch would take: from what is known of this machine, and from a probe of it for what is not."""

from collections.abc import Callable
from pathlib import Path

from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.estimate import Estimate, estimate, placed
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.preflight import Checked
from scaling_tui.sweeps.probe import LONGEST_S, lacking, probe
from scaling_tui.sweeps.speeds import evidence


def dry_run(
    runs: Path,
    ladder: Ladder,
    checked: Checked | None,
    seeds: int,
    device: str = "auto",
    jobs: int | None = None,
    per_gpu: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Estimate:
    """The estimate of a launch with so many seeds.

    Args:
        runs: the folder of earlier sweeps.
        ladder: what would be trained.
        checked: its corpus; None where that is not on this machine.
        seeds: how many.
        device: as for a launch.
        jobs: likewise.
        per_gpu: likewise.
        say: is told before a probe, which takes seconds.
    """
    known = evidence(runs, device)
    _, wanted = placed(ladder, seeds, device, jobs, per_gpu, known.gpu_free)
    earlier = len(known.probed)
    probes = lacking(wanted, known)
    if probes:
        say("measuring how fast this machine trains these sizes …")
    known = probe(wanted, known, device, kind_of(device), checked.tokens if checked else None)
    if probes and len(known.probed) == earlier and lacking(wanted, known):
        say(f"nothing could be measured within {LONGEST_S:.0f} s; is the machine busy?")
    corpus_s = checked.seconds if checked else 0.0
    return estimate(ladder, known, seeds=seeds, device=device, jobs=jobs, per_gpu=per_gpu, corpus_s=corpus_s)
