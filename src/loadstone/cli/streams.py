"""Standard output that cannot take what we print: a full disk behind it, a reader that has gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


def silence_stdout() -> None:
    """Send what is still in its buffer nowhere, so that the interpreter does not complain of it once more at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # not a real stream, in a test for example
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


@contextlib.contextmanager
def without_terminal() -> Iterator[None]:
    """A terminal that is closed meanwhile (SIGHUP) does not end what writes files and should go on."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        yield  # only the main thread may say what a signal means
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextlib.contextmanager
def stopping() -> Iterator[list[int]]:
    """The signals that asked for an end, as they come."""
    stopped: list[int] = []
    before = {number: signal.signal(number, lambda got, _frame: stopped.append(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Telling:
    """Signals that ask for an end while what was measured is told: the first is answered by going on, the second ends.

    Whoever presses Ctrl-C twice may press it once too late: the load has ended in between, and what it measured must not be lost.
    """

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """What a signal calls."""
        self.asked += 1
        if self.asked > 1:
            raise KeyboardInterrupt
        with contextlib.suppress(OSError):
            sys.stderr.write("\nthe load is over: telling what was measured (Ctrl-C again leaves it)\n")


@contextlib.contextmanager
def telling(*, over: bool = False) -> Iterator[Telling]:
    """What signals may be given to meanwhile; at the end they mean again what they meant before.

    over: the load is over, so they are heard from now on
    """
    heard = Telling()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before if over else ():
        signal.signal(number, heard)
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
