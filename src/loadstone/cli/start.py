"""The program's entry: what it is made of is imported where Ctrl-C can be answered, too."""

from __future__ import annotations

import sys

from loadstone.errors import ExitCode


def main() -> None:
    """See loadstone.cli.main."""
    try:
        from loadstone.cli.main import main as command
    except KeyboardInterrupt:  # in the first tenths of a second, before anything was begun
        sys.exit(ExitCode.INTERRUPTED)
    command()
