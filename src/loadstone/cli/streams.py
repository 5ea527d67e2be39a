"""Standard output that cannot take what we print: a full disk behind it, a reader that has gone."""

from __future__ import annotations

import contextlib
import os
import sys


def silence_stdout() -> None:
    """Send what is still in its buffer nowhere, so that the interpreter does not complain of it once more at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # not a real stream, in a test for example
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
