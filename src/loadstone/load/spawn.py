"""Starting a worker process: as light as it can be, so that a command can do it first and read its plan meanwhile."""

from __future__ import annotations

import subprocess
import sys


def spawn_worker() -> subprocess.Popen[bytes]:
    """A worker process that waits for its plan; it ends by itself when its stdin is closed."""
    return subprocess.Popen(  # our own interpreter, our own module
        [sys.executable, "-m", "loadstone.load.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C goes to us alone
    )


def discard(worker: subprocess.Popen[bytes] | None) -> None:
    """End a worker that is not needed after all, and close its pipes; one that has ended already stays as it is."""
    if worker is None:
        return
    if worker.poll() is None:
        worker.kill()
        worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            pipe.close()
