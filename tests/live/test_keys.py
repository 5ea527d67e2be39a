"""Keys of a terminal: what they ask for, and that the terminal is as before afterwards."""

import contextlib
import fcntl
import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from loadstone.live.keys import can_read_keys, control_for
from loadstone.load.control import Pause, Resume, Scale, Spike, Stop
from loadstone.load.control_desk import ControlState

HELD = """
import os, sys, threading
from loadstone.live.keys import can_read_keys, keys
from loadstone.load.control_desk import ControlDesk, ControlState

class Desk(ControlDesk):
    @property
    def state(self):
        return ControlState(going=True)

    def ask(self, control, by=""):
        os.write(1, f"asked {control.text} {by}\\n".encode())  # in one piece, whatever a signal writes between
        if control.text == "stopped":
            over.set()
        return ""

over = threading.Event()
assert can_read_keys(), "this is a terminal"
with keys(Desk()):
    print("ready", flush=True)
    over.wait(120)
    if "raise" in sys.argv:
        raise SystemExit(3)
print("over", flush=True)
"""


def test_keys_ask_for_what_the_hints_say() -> None:
    going, paused = ControlState(going=True), ControlState(going=True, paused=True)
    assert control_for("p", going) == Pause()
    assert control_for("p", paused) == Resume()
    assert control_for("+", going) == control_for("=", going) == Scale(1.25)
    assert control_for("-", going) == Scale(1 / 1.25)
    assert control_for("s", going) == Spike(3.0, 10.0)
    assert control_for("q", going) == Stop()
    assert control_for("x", going) is None


def test_no_keys_are_read_where_nobody_can_press_them() -> None:
    assert not can_read_keys(io.StringIO(), io.StringIO())


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    leader, follower = pty.openpty()
    yield leader, follower
    for descriptor in (leader, follower):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read_until(leader: int, word: bytes) -> bytes:
    text, until = b"", time.monotonic() + 120
    while word not in text:
        assert time.monotonic() < until, text
        if select.select([leader], [], [], 0.5)[0]:
            text += os.read(leader, 4096)
    return text


@pytest.mark.parametrize(("mode", "code"), [("end", 0), ("raise", 3)])
def test_single_keys_reach_the_desk_and_the_terminal_is_restored(terminal: tuple[int, int], mode: str, code: int) -> None:
    leader, follower = terminal
    before = termios.tcgetattr(follower)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = ["setsid", "-c", sys.executable, "-c", HELD, mode]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    try:
        read_until(leader, b"ready")
        assert not termios.tcgetattr(follower)[3] & termios.ICANON
        os.write(leader, b"p")
        read_until(leader, b"asked paused key")
        os.write(leader, b"\x1b[A+q")  # an arrow is neither
        assert b"asked load x 1.25 key\r\nasked stopped key" in read_until(leader, b"asked stopped key")
        assert process.wait(120) == code
    finally:
        process.kill()
        process.wait()
    assert termios.tcgetattr(follower) == before


STOPPED = HELD.replace("with keys(Desk()):", "with keys(Desk(), source=source):").replace(
    "assert can_read_keys(),", "source = open(sys.argv[1])\nassert can_read_keys(source, sys.stderr),"
)


def test_ctrl_z_gives_back_and_takes_again_the_terminal_it_was_given(terminal: tuple[int, int]) -> None:
    leader, follower = terminal
    before = termios.tcgetattr(follower)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}

    def own_terminal() -> None:  # a session's leader, whose process group is not orphaned for the shell's sake
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    # Standard input is no terminal: what counts is where keys are read from.
    command = [sys.executable, "-c", STOPPED, os.ttyname(follower)]
    streams: dict[str, int] = {"stdin": subprocess.DEVNULL, "stdout": follower, "stderr": follower}
    process = subprocess.Popen(command, **streams, env=environment, preexec_fn=own_terminal)  # type: ignore[call-overload]  # noqa: PLW1509
    try:
        read_until(leader, b"ready")
        os.kill(process.pid, signal.SIGTSTP)
        # A session without a shell is orphaned, and the system does not stop it (setpgid(2)): it gives back, and takes again at once.
        os.kill(process.pid, signal.SIGCONT)
        os.write(leader, b"p")
        read_until(leader, b"asked paused key")
        assert not termios.tcgetattr(follower)[3] & termios.ICANON
        os.write(leader, b"q")
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
    assert termios.tcgetattr(follower) == before


def test_ctrl_c_ends_a_program_that_reads_keys_and_the_terminal_is_restored(terminal: tuple[int, int]) -> None:
    leader, follower = terminal
    before = termios.tcgetattr(follower)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = ["setsid", "-c", sys.executable, "-c", HELD]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    try:
        read_until(leader, b"ready")
        os.write(leader, b"\x03")
        assert process.wait(120) != 0
    finally:
        process.kill()
        process.wait()
    assert termios.tcgetattr(follower) == before
