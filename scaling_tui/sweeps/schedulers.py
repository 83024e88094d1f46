"""Which cluster schedulers can be reached from here, found out without importing or starting any of them."""

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.sweeps.answers import answer
from scaling_tui.sweeps.looks import Look, not_found, unknown
from scaling_tui.sweeps.machine import installed
from scaling_tui.text import show
from scaling_tui.text.files import read_text

ANSWER_S = 3.0
SLURM_S = 5.0
MOST_ADDRESS = 4096  # bytes of the file in which Ray keeps its address
SHOWN = 4  # partitions


def ray(environment: Mapping[str, str] = os.environ) -> Look:
    """Whether Ray is installed, and whether a cluster answers."""
    version = installed(("ray",))["ray"]
    is_installed = version != "not installed"
    says = f"{version} installed" if is_installed else "not installed"
    address, source = ray_address(environment)
    values: dict[str, Any] = {"version": version if is_installed else None, "address": address or None, "answers": None}
    if not address:
        if not is_installed:
            return not_found(says, **values)
        return Look(f"{says}; no cluster runs here", values=values)
    fault = no_answer(address)
    values["answers"] = not fault
    advice = []
    if fault:
        says += f"; {address} does not answer ({fault})"
        undo = "unset RAY_ADDRESS" if source == "RAY_ADDRESS" else f"remove {source}, which an earlier one left"
        advice.append(f"no cluster runs at {address}: start one there with 'ray start --head', or {undo}")
    else:
        says += f"; a cluster at {address} answers"
        if not is_installed:
            advice.append("a Ray cluster is there, but the package is not installed: pip install 'scaling-tui[ray]'")
    return Look(says, "found" if is_installed or not fault else "not found", values, tuple(advice))


def ray_address(environment: Mapping[str, str]) -> tuple[str, str]:
    """The cluster that Ray would join and what names it; both "" without one."""
    named = environment.get("RAY_ADDRESS", "").strip()
    if named == "local":
        return "", ""
    if named and named != "auto":
        return named, "RAY_ADDRESS"
    file = Path(environment.get("RAY_TMPDIR") or "/tmp") / "ray" / "ray_current_cluster"
    try:
        return read_text(file, "an address", MOST_ADDRESS).strip(), str(file)
    except InputError:
        return "", ""


def no_answer(address: str) -> str:
    """Why nothing answers at HOST:PORT; "" where something does. Connects, and sends nothing."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        return "not HOST:PORT"
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, UnicodeError) as error:
        return show.fault(error)
    return ""


def slurm(environment: Mapping[str, str] = os.environ) -> Look:
    """Whether jobs can be sent to SLURM, and to which partitions."""
    job = environment.get("SLURM_JOB_ID")
    inside = f"inside job {job}" if job else ""
    if shutil.which("sbatch", path=environment.get("PATH", "")) is None:
        return not_found("; ".join(filter(None, ["no sbatch in PATH", inside])), partitions=[], job=job)
    advice = []
    if installed(("submitit",))["submitit"] == "not installed":
        advice.append("SLURM is there, but submitit, which submits jobs, is not: pip install 'scaling-tui[slurm]'")
    try:
        partitions = _partitions(environment)
    except (OSError, ValueError) as error:
        what = show.fault(error)
        advice.append("SLURM's controller does not answer: try 'sinfo' here, and 'sbatch' on the cluster's login node")
        return unknown(what, *advice, partitions=[], job=job)
    named = [
        f"{part['name']} ({show.counted(int(part['nodes']), 'node')}{', ' + part['gres'] if part['gres'] else ''})"
        for part in partitions
    ]
    told = f"partitions {show.listed(named, SHOWN)}" if named else "no partition that takes jobs"
    says = "; ".join(filter(None, [told, inside]))
    return Look(says, values={"partitions": partitions, "job": job}, advice=tuple(advice))


def _partitions(environment: Mapping[str, str]) -> list[dict[str, str]]:
    """The partitions that are up: `name`, number of `nodes`, and `gres`, which is "" without GPUs and the like."""
    said = answer(["sinfo", "--noheader", "--format=%P|%a|%D|%G"], SLURM_S, environment)
    rows = [line.strip().split("|") for line in said.splitlines()]
    return [
        {"name": row[0].rstrip("*"), "nodes": row[2], "gres": "" if row[3] in ("(null)", "N/A") else row[3]}
        for row in rows
        if len(row) == 4 and row[1] == "up" and row[2].isdecimal()
    ]
