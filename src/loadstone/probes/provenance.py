"""Where a run's numbers come from: machine, versions, commit, command."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version

from loadstone.measure.result import Provenance
from loadstone.probes.machine import processor

_SECRET_FLAG = re.compile(r"(?i)(authorization|cookie|token|secret|password|api-?key)([:=]\s*)\S.*")
_URL_CREDENTIALS = re.compile(r"//[^/?#\s]+@")
GIT_S = 2.0


def own_version() -> str:
    """The installed version of Loadstone."""
    try:
        return version("loadstone")
    except PackageNotFoundError:
        return "unknown"


def collect(*, seed: int, command: list[str], plan: str, event_loop: str, kernel_clock: bool) -> Provenance:
    """Everything that is known before the run ends.

    plan: the resolved plan without its secrets; only its hash is kept
    """
    return Provenance(
        version=own_version(),
        python=platform.python_version(),
        platform=platform.system(),
        kernel=platform.release(),
        cpu=processor(),
        cores=os.cpu_count() or 1,
        git_commit=_commit(),
        seed=seed,
        command=" ".join(masked(word) for word in command),
        plan_hash=hashlib.sha256(plan.encode()).hexdigest()[:16],
        event_loop=event_loop,
        kernel_clock=kernel_clock,
        clock_resolution_ns=max(1, round(time.get_clock_info("monotonic").resolution * 1e9)),
    )


def masked(word: str) -> str:
    """An argument of a command line without what looks like a secret."""
    return _URL_CREDENTIALS.sub("//***@", _SECRET_FLAG.sub(r"\1\2***", word))


def _commit() -> str | None:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=GIT_S, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
