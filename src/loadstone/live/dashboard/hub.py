"""What viewers of a run see: its whole past in bounded memory, and each new second, encoded once for all of them."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from loadstone.live.dashboard.words import failure_rows, health_of, standing, state_of
from loadstone.live.recent import Recent
from loadstone.measure.aggregate import add_failure
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.measure.timeline import Stretch, Timeline

MOST_EVENTS = 1000
MOST_REPLAYED = 120  # messages that a viewer may have missed before it is told to begin anew
MOST_QUEUED = 16  # messages that wait for one viewer

RESYNC = b"event: resync\ndata: {}\n\n"
HEARTBEAT = b": still here\n\n"
PageStretch = Callable[[Snapshot], Mapping[str, Any]]


class Viewer:
    """One browser that looks: a bounded queue. One that does not keep up is told to begin anew, and costs no more than that."""

    def __init__(self) -> None:
        self._queue: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.closed = False

    def put(self, message: bytes) -> None:
        """Hand on a message, or, when too many wait, one that says so instead of all of them."""
        if len(self._queue) >= MOST_QUEUED:
            self._queue.clear()
            message = RESYNC
        self._queue.append(message)
        self._ready.set()

    def close(self) -> None:
        """Nothing will come any more."""
        self.closed = True
        self._ready.set()

    async def next(self, wait_s: float) -> bytes:
        """What waits, at once; a heartbeat when nothing came for so long; empty at the end."""
        if not self._queue and not self.closed:
            try:
                async with asyncio.timeout(wait_s):
                    await self._ready.wait()
            except TimeoutError:
                return HEARTBEAT
        found = b"".join(self._queue)
        self._queue.clear()
        self._ready.clear()
        return found


class Hub:
    """One run and its viewers.

    about:        name, target, metrics … as the run told them
    page_stretch: a second as the page takes it
    """

    def __init__(self, about: Mapping[str, Any], page_stretch: PageStretch) -> None:
        self._about, self._page_stretch = about, page_stretch
        self.name = secrets.token_hex(4)  # of this run alone: the next on its port counts its messages anew
        self._past, self._recent = Timeline(), Recent()
        self._encoded: dict[bytes, str] = {}
        self._replay: deque[tuple[int, bytes]] = deque(maxlen=MOST_REPLAYED)
        self._events: list[dict[str, Any]] = []
        self._fresh: list[dict[str, Any]] = []
        self._gates: list[dict[str, Any]] = []
        self._failures: dict[Failure, int] = {}
        self._viewers: set[Viewer] = set()
        self._seq = 0
        self._phase: str | None = None
        self._state: dict[str, Any] = {"elapsed_s": 0.0, "phase": "", "status": "starting"}
        self._health: dict[str, Any] = {}
        self._ended: dict[str, Any] = {}

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._viewers)

    def second(self, taken_s: float, snapshot: Snapshot) -> None:
        """One more second of the run.

        taken_s: wall time at which it was taken
        """
        self._past.snapshot(snapshot)
        self._recent.add(snapshot)
        for failure, count in snapshot.failures.items():
            add_failure(self._failures, failure, count)
        figures = self._recent.figures()
        if figures.phase != self._phase:
            self._phase = figures.phase
            self._happened(snapshot.start_s, "phase", figures.phase or "load")
        self._state = {**self._state, **state_of(figures), "status": "running"}
        self._health = health_of(figures)
        self._send("second", {"stretch": self._page_stretch(snapshot), "taken_ms": round(taken_s * 1e3)})

    def judged(self, gates: list[dict[str, Any]], events: list[list[Any]]) -> None:
        """How gates stand now, and what happened."""
        self._gates = gates
        self._state["verdict"] = standing(gates)
        for at_s, kind, text in events:
            if kind != "phase":  # those are seen here as they begin
                self._happened(at_s, kind, text)
        self._send("judged", {})

    def over(self, ended: Mapping[str, Any] | None = None) -> None:
        """No more seconds will come; later, what the run came to."""
        self._ended = {**self._ended, **(ended or {})}
        self._state = {**self._state, "status": "ended", **self._ended}
        self._send("ended", {})

    def broke_off(self) -> None:
        """The run's process has gone without a word: how it stood is all that is known."""
        if self._state["status"] != "ended":
            self.over({"broke_off": True})

    def close(self) -> None:
        """Let every viewer go."""
        for viewer in self._viewers:
            viewer.close()

    def look(self, seen: int | None, of: str = "") -> Viewer:
        """A new viewer.

        seen: the number of the last message that it has; what came after it is repeated, where that is still known
        of:   the name of the hub that it had them from; empty: it does not say
        """
        viewer = Viewer()
        if of not in ("", self.name):
            viewer.put(RESYNC)
        elif seen is not None and seen != self._seq:
            missed = [message for seq, message in self._replay if seq > seen]
            if seen > self._seq or len(missed) != self._seq - seen:
                viewer.put(RESYNC)
            else:
                viewer.put(b"".join(missed))
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """That one has gone."""
        self._viewers.discard(viewer)

    def whole(self) -> bytes:
        """Everything until now, as JSON: what a page begins with."""
        stretches = self._past.so_far()
        known, self._encoded = self._encoded, {}
        for each in stretches:
            self._encoded[each.content] = known.get(each.content) or self._json(each)
        told = {**self._now(), "events": self._events, "seq": self._seq, "of": self.name, "about": self._about}
        body = json.dumps(told, separators=(",", ":"))
        return f'{body[:-1]},"stretches":[{",".join(self._encoded[each.content] for each in stretches)}]}}'.encode()

    def _json(self, stretch: Stretch) -> str:
        return json.dumps(self._page_stretch(stretch.snapshot()), separators=(",", ":"))

    def _now(self) -> dict[str, Any]:
        return {"state": self._state, "health": self._health, "gates": self._gates, "failures": failure_rows(self._failures)}

    def _happened(self, at_s: float | None, kind: str, text: str) -> None:
        event = {"at_s": at_s, "kind": kind, "text": text}
        if len(self._events) < MOST_EVENTS:
            self._events.append(event)
            self._fresh.append(event)

    def _send(self, kind: str, more: Mapping[str, Any]) -> None:
        self._seq += 1
        body = json.dumps({**self._now(), **more, "events": self._fresh, "seq": self._seq}, separators=(",", ":"))
        self._fresh = []
        message = f"id: {self._seq}\nevent: {kind}\ndata: {body}\n\n".encode()
        self._replay.append((self._seq, message))
        for viewer in self._viewers:
            viewer.put(message)
