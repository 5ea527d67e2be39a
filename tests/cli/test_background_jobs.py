"""Commands that a script starts in the background, where SIGINT is ignored until somebody asks for it."""

import subprocess
import sys

from loadstone.errors import ExitCode

# A command that is interrupted while it works.
PROGRAM = """
import os, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from loadstone.cli import main as program
program.cli.main = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
program.main(["runs"])
"""


def test_a_background_job_ends_by_an_interrupt_as_one_in_the_foreground_does() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], timeout=120, check=False)
    assert ended.returncode == ExitCode.INTERRUPTED
