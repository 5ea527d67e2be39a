"""What a run began in: the machine in a few words, the state of the repository, and what else was running."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import subprocess
from dataclasses import dataclass

import psutil

from loadstone.probes.machine import processor

GIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Beside `Provenance`: what decides whether runs may be compared, and where they belong.

    machine:      the same for machines of one class: processor, cores, memory class, kernel series, Python minor
    machine_text: the same in words
    git_branch:   None outside a repository, or where none is checked out
    git_dirty:    files that git keeps were changed; None outside a repository
    other_load:   processes that ran or waited before the load began, averaged over a minute; None where the system does not say
    """

    machine: str
    machine_text: str
    git_commit: str | None
    git_branch: str | None
    git_dirty: bool | None
    other_load: float | None


def load_of_others() -> float | None:
    """To be read before the load begins."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def surroundings(other_load: float | None) -> Surroundings:
    """Everything that is known at the start; takes a few milliseconds, in a large repository up to a second."""
    text = machine_text(processor(), os.cpu_count() or 1, psutil.virtual_memory().total, platform.release(), platform.python_version())
    commit, branch, dirty = repository()
    return Surroundings(hashlib.sha256(text.encode()).hexdigest()[:8], text, commit, branch, dirty, other_load)


def machine_text(cpu: str, cores: int, memory_bytes: int, kernel: str, python: str) -> str:
    """A machine's class in words; memory to the next power of two in GB, never clock rates, which change by themselves."""
    memory_gb = 2 ** max(0, math.ceil(math.log2(max(1, memory_bytes) / 2**30) - 0.05))
    series = ".".join(kernel.split(".")[:2])
    return f"{cpu}, {cores} cores, {memory_gb} GB, kernel {series}, Python {'.'.join(python.split('.')[:2])}"


def repository() -> tuple[str | None, str | None, bool | None]:
    """Commit, branch, and whether files were changed; None for each outside a repository."""
    words = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=GIT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None, None, None
    if done.returncode != 0:
        return None, None, None
    return read_status(done.stdout)


def read_status(text: str) -> tuple[str | None, str | None, bool | None]:
    """Commit, branch and dirtiness from `git status --porcelain=v2 --branch`."""
    heads = {key: value for line in text.splitlines() if line.startswith("# branch.") for key, _, value in [line[2:].partition(" ")]}
    commit, branch = heads.get("branch.oid"), heads.get("branch.head")
    dirty = any(line and not line.startswith("#") for line in text.splitlines())
    return None if commit == "(initial)" else commit, None if branch == "(detached)" else branch, dirty
