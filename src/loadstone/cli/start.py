"""The program's entry: what it is made of is imported where Ctrl-C can be answered, too."""

from __future__ import annotations

import os
import sys

from loadstone.errors import ExitCode


def main() -> None:
    """See loadstone.cli.main."""
    open_streams()
    try:
        from loadstone.cli.main import main as command
    except KeyboardInterrupt:  # in the first tenths of a second, before anything was begun
        sys.exit(ExitCode.INTERRUPTED)
    command()


def open_streams() -> None:
    """Put nothing in the place of standard streams that are closed (`>&-`): else the next socket would take one's number and output."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
