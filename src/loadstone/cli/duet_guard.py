"""What a duet started ends with it, also when it is killed and cannot end anything any more."""

from __future__ import annotations

import contextlib
import subprocess

# Reads the group, then waits for the end of its input: only the kernel writes that end, when the last who could write is gone.
# Of a process tree a signal on the parent's death would reach the first process only.
SCRIPT = "read -r group || exit 0; read -r _; kill -s TERM -- -$group 2>/dev/null || exit 0; sleep 1; kill -s KILL -- -$group 2>/dev/null"


def guard() -> subprocess.Popen[bytes]:
    """A shell that does nothing as long as this process lives."""
    return subprocess.Popen(  # noqa: S603  our own text; the group is read, not run
        ["/bin/sh", "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def watch_over(shell: subprocess.Popen[bytes], group: int) -> None:
    """From now on that process group ends when this process does."""
    assert shell.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        shell.stdin.write(f"{group}\n".encode())
        shell.stdin.flush()


def dismiss(shell: subprocess.Popen[bytes]) -> None:
    """There is nothing to watch over any more; twice does no harm."""
    shell.kill()
    shell.wait()
    if shell.stdin is not None:
        shell.stdin.close()
