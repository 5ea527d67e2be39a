"""Single keys of a terminal while a run goes on: pause, more, less, a spike, stop."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from loadstone.errors import LoadstoneError
from loadstone.load.control import Control, Pause, Resume, Scale, Spike, Stop
from loadstone.load.control_desk import ControlDesk, ControlState

STEP = 1.25
SPIKE, SPIKE_S = 3.0, 10.0
LOOK_EVERY_S = 0.2


def control_for(key: str, state: ControlState) -> Control | None:
    """What a key asks for as things stand; None for a key that means nothing."""
    if key in {"p", "P", " "}:
        return Resume() if state.paused else Pause()
    return _KEYS.get(key)


_KEYS: dict[str, Control] = {
    "+": Scale(STEP),
    "=": Scale(STEP),  # the same key without shift
    "-": Scale(1 / STEP),
    "s": Spike(SPIKE, SPIKE_S),
    "q": Stop(),
}


_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]?|O.?|.)?", re.DOTALL)  # arrows and the like (ECMA-48, 5.4): no words of ours


def can_read_keys(source: TextIO | None = None, screen: TextIO | None = None) -> bool:
    """Do a person's keys come here? Only from a terminal, with the view on a terminal, in the foreground, and not under CI."""
    source, screen = source or sys.stdin, screen or sys.stderr
    try:
        if os.environ.get("CI") or not (source.isatty() and screen.isatty()):
            return False
        # A job in the background that touches the terminal's settings is stopped by the system.
        return os.tcgetpgrp(source.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


@contextlib.contextmanager
def keys(desk: ControlDesk, told: Callable[[str], None] = lambda _text: None, source: TextIO | None = None) -> Iterator[None]:
    """Read single keys until the end; the terminal gets its settings back however that comes, and while the process is stopped.

    told: gets one line for each key that was refused
    """
    import termios  # not on every system; where there is none, `can_read_keys` found no terminal
    import tty

    descriptor = (source or sys.stdin).fileno()
    before = termios.tcgetattr(descriptor)

    def restore() -> None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)

    def take() -> None:
        with contextlib.suppress(termios.error, OSError):
            tty.setcbreak(descriptor, termios.TCSANOW)  # Ctrl-C and Ctrl-Z keep their meaning

    over = threading.Event()
    reader = threading.Thread(target=_read, args=(descriptor, desk, told, over), name="keys", daemon=True)
    with _stopping_nicely(descriptor, restore, take):
        try:
            take()
            reader.start()
            yield
        finally:
            over.set()
            restore()
    reader.join(2 * LOOK_EVERY_S)


def _read(descriptor: int, desk: ControlDesk, told: Callable[[str], None], over: threading.Event) -> None:
    while not over.is_set():
        try:
            ready, _, _ = select.select([descriptor], [], [], LOOK_EVERY_S)
            pressed = os.read(descriptor, 64) if ready else None
        except OSError:
            return  # the terminal is gone; the run is not
        if pressed is None:
            continue
        if not pressed:
            return
        for key in _ESCAPES.sub(b"", pressed).decode("ascii", "ignore"):
            control = control_for(key, desk.state)
            if control is not None:
                try:
                    desk.ask(control, "key")
                except LoadstoneError as error:
                    told(str(error))


@contextlib.contextmanager
def _stopping_nicely(descriptor: int, restore: Callable[[], None], take: Callable[[], None]) -> Iterator[None]:
    """Ctrl-Z gives the terminal back before the process stops, and takes it again when it goes on in the foreground."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGTSTP"):
        yield
        return

    def stop(_signal: int, _frame: object) -> None:
        restore()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        # Here the process is stopped; it goes on with SIGCONT.
        signal.signal(signal.SIGTSTP, stop)
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                take()

    before = signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
