"""The run's side of its dashboard: hands each second to a process of its own, and never waits for it.

What that process does not take at once waits in a bounded list, two neighbours of it folded into one when it is full. A process
that hangs, dies or is killed costs the run nothing but its picture.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from loadstone.judge.verdict import Verdict
from loadstone.live.dashboard.frames import news, received, second
from loadstone.live.dashboard.listen import Listening
from loadstone.live.dashboard.words import gate_rows
from loadstone.measure.aggregate import together
from loadstone.measure.event import Event
from loadstone.measure.packing import pack
from loadstone.measure.snapshot import Gauge, Snapshot

MOST_WAITING = 64  # seconds that wait for a process that does not read
MOST_NEWS = 64
NICER = 5  # the measurement goes first; with 19 a page on full cores had 1 s of CPU in 267 s, and came after its run
READY_S = 10.0


class Steering(Protocol):
    """Takes what a viewer asks for; gives what became of it, in words.

    raises: LoadstoneError for what cannot be done
    """

    def __call__(self, asked: Mapping[str, Any], /) -> str:
        """What a button asks, as JSON: `do` and its numbers."""


class DashboardSink:
    """Shows one run to viewers.

    about:   what the page says of the run before its first second: name, target, duration_s, metrics
    steer:   what buttons do; None: the page has none
    niceness: of its process; where nothing is measured beside it, 0 draws at once on a busy machine too
    failure: why nobody can watch any longer; empty while all is well
    """

    def __init__(
        self, listening: Listening, about: Mapping[str, Any], *, linger_s: float = 0.0, steer: Steering | None = None, niceness: int = NICER
    ) -> None:
        self.failure = ""
        self.dropped = 0
        self._ours, theirs = socket.socketpair()
        self._steer = steer
        self._waiting: list[tuple[float, Snapshot]] = []
        self._news: list[bytes] = []
        self._told_events = 0
        self._over = False
        self._change = threading.Condition()
        self._threads: list[threading.Thread] = []
        # A session of its own: Ctrl-C is for the run. Nothing inherited that somebody else reads to its end.
        self.process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "loadstone.live.dashboard", str(theirs.fileno()), str(listening.socket.fileno()), str(niceness)],
            pass_fds=(theirs.fileno(), listening.socket.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        listening.socket.close()
        door = {"host": listening.host, "port": listening.port, "token": listening.token}
        self._incoming = received(self._ours)
        self._say({"start": {**about, "door": door, "linger_s": linger_s, "controls": steer is not None}})
        self._await_ready()

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink."""
        if self.failure:
            return
        with self._change:
            self._waiting.append((time.time(), snapshot))
            if self._threads and len(self._waiting) > MOST_WAITING:
                self._waiting = folded(self._waiting)
                if len(self._waiting) > MOST_WAITING:
                    self.dropped += 1
                    del self._waiting[0]
            self._change.notify()
        if not self._threads:  # not before: workers are forked until then, and a fork takes no thread along
            self._start()

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        """How the gates stand so far, and everything that happened until now."""
        fresh = events[self._told_events :]
        self._told_events = len(events)
        self.tell(gate_rows(verdicts), fresh)

    def tell(self, rows: Sequence[Mapping[str, Any]], fresh: Sequence[Event]) -> None:
        """How gates or rules stand, as `words` makes rows of them, and what is new."""
        self._say({"gates": rows, "events": [[event.at_s, event.kind, event.text] for event in fresh]})

    def begin_with(self, earlier: Iterable[Snapshot]) -> None:
        """What was measured before this process began, in order; it is handed on with the first second."""
        with self._change:
            self._waiting = [*((time.time(), snapshot) for snapshot in earlier), *self._waiting]

    def ended(self, verdict: str, exit_code: int, run_id: str = "") -> None:
        """What the run came to, for whoever still looks."""
        self._say({"ended": {"verdict": verdict, "exit_code": exit_code, "run_id": run_id}})

    def close(self) -> None:
        """See Sink."""
        if not self._over:
            self._over = True
            self._say({"over": True})

    def _say(self, message: Mapping[str, Any]) -> None:
        with self._change:
            if len(self._news) < MOST_NEWS:
                self._news.append(news(message))
            self._change.notify()
        if not self._threads and ("over" in message or "start" in message):
            self._flush_at_once()

    def _flush_at_once(self) -> None:
        """Before there is a thread: a few bytes, which the socket takes without waiting."""
        self._ours.setblocking(False)
        try:
            while self._news:
                self._ours.sendall(self._news.pop(0))
        except OSError as error:
            self.failure = f"the dashboard's process is gone: {error.strerror}"
        finally:
            self._ours.setblocking(True)

    def _await_ready(self) -> None:
        """A process that still starts would take its time from the first seconds of the load."""
        if self.failure:
            return
        self._ours.settimeout(READY_S)
        try:
            ready = next(self._incoming, None) is not None
        except OSError:
            ready = False
        self._ours.settimeout(None)
        if not ready:
            self.failure = "the dashboard's process did not start"

    def _start(self) -> None:
        self._threads = [
            threading.Thread(target=work, name=f"dashboard {work.__name__}", daemon=True) for work in (self._write, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        while True:
            with self._change:
                while not self._waiting and not self._news:
                    self._change.wait()
                seconds, self._waiting = self._waiting, []
                messages, self._news = self._news, []
            try:
                for taken_s, snapshot in seconds:
                    self._ours.sendall(second(taken_s, pack(snapshot)))
                for message in messages:
                    self._ours.sendall(message)
            except OSError as error:
                self.failure = f"the dashboard's process is gone: {error.strerror}"
                return

    def _read(self) -> None:
        for message in self._incoming:
            if self._steer is not None and isinstance(message.get("ask"), dict):
                self._say({"answer": {"id": message.get("id"), **_answer(self._steer, message["ask"])}})
        self.process.poll()


def _answer(steer: Steering, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"done": True, "text": steer(asked)}
    except Exception as error:  # noqa: BLE001  whatever a viewer sends must not end the thread that takes it
        return {"done": False, "text": str(error) or type(error).__name__}


def folded(seconds: Sequence[tuple[float, Snapshot]]) -> list[tuple[float, Snapshot]]:
    """Each two neighbours of one phase as one; the newest stays as it is."""
    found: list[tuple[float, Snapshot]] = []
    alone = False
    for taken_s, snapshot in seconds[:-1]:
        before = found[-1][1] if found else snapshot
        if alone and (before.phase, before.judged) == (snapshot.phase, snapshot.judged):
            found[-1] = (taken_s, together([before, snapshot], Gauge.then))
            alone = False
        else:
            found.append((taken_s, snapshot))
            alone = True
    return [*found, seconds[-1]]
