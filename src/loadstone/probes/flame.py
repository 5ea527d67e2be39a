"""A flame graph of a Python process, by py-spy (extra `[profile]`): it stands beside the process and samples its stacks."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from loadstone.errors import LoadstoneError, UsageError

INSTALL = "pip install 'loadstone[profile]'"
SAMPLES_PER_S = 100
WRITES_WITHIN_S = 30.0


def program() -> str:
    """Where py-spy is: beside this interpreter, or on the path; raises UsageError when it is nowhere."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.is_file() else shutil.which("py-spy")
    if found is None:
        raise UsageError("needs py-spy, which is not installed", where="loadstone profile", hint=INSTALL)
    return found


@contextlib.contextmanager
def flame_graph(pid: int, file: Path, samples_per_s: int = SAMPLES_PER_S) -> Iterator[None]:
    """Sample a process and its children as long as the block lasts; then the SVG is written.

    raises: LoadstoneError where the process may not be looked at, or nothing was seen
    """
    command = [program(), "record", "--pid", str(pid), "--subprocesses", "--rate", str(samples_per_s), "--output", str(file)]
    spy = subprocess.Popen([*command, "--format", "flamegraph"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            spy.wait(0.5)  # what is forbidden is said at once
        _still_there(spy, pid)
        yield
    finally:
        if spy.poll() is None:
            spy.send_signal(signal.SIGINT)
        try:
            told = spy.communicate(timeout=WRITES_WITHIN_S)[1]
        except subprocess.TimeoutExpired:
            spy.kill()
            told = f"not done within {WRITES_WITHIN_S:g} s"
    if not _written(file):
        raise LoadstoneError(f"no flame graph of process {pid}: {_last(told)}", where="py-spy", hint="a longer run; a process at work")


def _written(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _still_there(spy: subprocess.Popen[str], pid: int) -> None:
    if spy.poll() is None:
        return
    told = spy.communicate()[1]
    hint = "run as the same user, or as root; kernel.yama.ptrace_scope = 0"
    raise LoadstoneError(f"process {pid} may not be looked at: {_last(told)}", where="py-spy", hint=hint)


def _last(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
