"""One simulated user's state, and what its script may ask for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from loadstone.clients.failure import bounded
from loadstone.clock import SECOND
from loadstone.measure.catalogue import Kind
from loadstone.measure.snapshot import Failure, Series
from loadstone.plan.think import ThinkTime

LARGEST = 1e12  # of a script's own value: with six decimals it still fits 64 bits

if TYPE_CHECKING:
    from loadstone.load.scene import Scene


class Session:
    """A user, or a place for one arrival after another.

    index: number of the user over all workers, from 0
    vars:  whatever the script wants to remember
    """

    __slots__ = (
        "_others",
        "_rng",
        "_sleeper",
        "_waited_ns",
        "client",
        "data",
        "due_ns",
        "index",
        "leaving",
        "scene",
        "tags",
        "user",
        "vars",
    )

    def __init__(self, scene: Scene, index: int) -> None:
        self.scene, self.index = scene, index
        self.tags: Mapping[str, str] = scene.tags
        self.client: Any = None  # its HTTP client
        self._others: dict[str, Any] = {}  # clients of other kinds, by kind
        self.user: Any = None  # the instance of the script's class, when there is one
        self.data: Mapping[str, Any] = {}
        self.vars: dict[str, Any] = {}
        self.leaving = False
        self._rng: random.Random | None = None
        self.due_ns = self._waited_ns = 0  # of an exchange to come; 0: nothing is waiting
        self._sleeper: asyncio.Future[None] | None = None

    @property
    def rng(self) -> random.Random:
        """Random numbers of this user alone: the same for any number of workers."""
        if self._rng is None:  # 2.5 kB each: only users that draw have one
            self._rng = random.Random(f"{self.scene.seed}/{self.scene.name}/{self.index}")
        return self._rng

    @property
    def seed(self) -> int:
        """The plan's."""
        return self.scene.seed

    def draw_s(self, think: ThinkTime) -> float:
        """Seconds to think; a time that is always the same costs no random numbers."""
        return think.high_s if think.kind == "constant" else think.draw_s(self.rng)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the plan says to this scenario's users."""
        return self.scene.plan.settings

    # -- intended time ----------------------------------------------------------------------------------------------

    def set_due(self, due_ns: int, waited_ns: int = 0) -> None:
        """The next exchange is due then; `waited_ns` of its delay was spent waiting for a free session."""
        self.due_ns, self._waited_ns = due_ns, waited_ns

    @property
    def has_turn(self) -> bool:
        """Was it given an arrival that it has not begun?"""
        return self.due_ns > 0

    def take_due(self) -> tuple[int, int]:
        """See clients.http.Place."""
        due = self.due_ns
        if not due:
            return 0, 0
        waited, self.due_ns, self._waited_ns = self._waited_ns, 0, 0
        return due, waited

    # -- what a script may ask for ----------------------------------------------------------------------------------

    def speak(self, kind: str) -> Any:
        """This user's client of a kind (a plug-in's name), made when first asked for."""
        if kind == "http":
            return self.client
        found = self._others.get(kind)
        if found is None:
            found = self._others[kind] = self.scene.speak(kind, self)
        return found

    def check(self, holds: bool, name: str) -> bool:
        """Count whether something held."""
        scene = self.scene
        name = str(name)
        tags = scene.recorder.admitted(
            Series("check.count", tuple(sorted({**self.tags, "check": name, "scenario": scene.name}.items())))
        ).tags
        scene.recorder.count(scene.name, Series("check.count", tags))
        if not holds:
            scene.recorder.count(scene.name, Series("check.failures", tags))
            scene.recorder.failure(scene.name, Failure("check", "", bounded(name)))
        return holds

    @asynccontextmanager
    async def group(self, name: str) -> AsyncIterator[None]:
        """Steps inside carry the group's name; groups nest as `outer/inner`."""
        before = self.tags
        outer = before.get("group")
        self.tags = {**before, "group": f"{outer}/{name}" if outer else name}
        try:
            yield
        finally:
            self.tags = before

    @contextmanager
    def tagged(self, tags: Mapping[str, str]) -> Iterator[None]:
        """Whatever is recorded inside carries these tags, too."""
        before = self.tags
        self.tags = {**before, **tags}
        try:
            yield
        finally:
            self.tags = before

    async def sleep(self, seconds: float) -> None:
        """Wait; what comes next is due when the wait ends, not when the event loop gets round to it."""
        timers = self.scene.timers
        due = timers.now_ns() + round(seconds * SECOND)
        await timers.wait_until(due)
        self.set_due(due)

    def record(self, metric: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Add a value to a metric: of the suite's own, or one of the catalogue."""
        scene, recorder = self.scene, self.scene.recorder
        # What a script gives must survive the way to the parent process: plain texts and numbers, whatever they were.
        name, value = str(metric), float(value)
        if not 0 <= value < LARGEST:
            raise ValueError(f"{name} = {value}: a metric takes numbers from 0 to {LARGEST:g}")
        own = {str(key): str(each) for key, each in (tags or {}).items()}
        series = recorder.admitted(Series(name, tuple(sorted({**self.tags, **own, "scenario": scene.name}.items()))))
        declared = scene.catalogue.get(series.metric)
        scale = declared.scale if declared else scene.declare(series.metric)
        if declared is None or declared.kind is Kind.DISTRIBUTION:
            recorder.value(scene.name, series, round(value * scale))
        elif declared.kind is Kind.COUNT:
            recorder.count(scene.name, series, round(value))
        else:
            recorder.gauge(series, value)

    # -- between iterations -----------------------------------------------------------------------------------------

    async def pause_until(self, at_ns: int) -> None:
        """Wait between iterations; `leave` ends it early."""
        sleeper = self._sleeper = asyncio.get_running_loop().create_future()
        deadline = self.scene.timers.at(at_ns, self.wake)
        try:
            await sleeper
        finally:
            deadline.cancel()
            self._sleeper = None

    async def next_turn(self) -> None:
        """Wait until `wake_up` or `leave`."""
        self._sleeper = asyncio.get_running_loop().create_future()
        await self._sleeper
        self._sleeper = None

    def wake(self) -> None:
        """End a wait between iterations."""
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def wake_up(self, due_ns: int, waited_ns: int) -> None:
        """Begin the iteration that was due then."""
        self.set_due(due_ns, waited_ns)
        self.wake()

    def close(self) -> None:
        """Close all its clients."""
        self.client.close()
        for client in self._others.values():
            client.close()

    def leave(self) -> None:
        """End at the next boundary between iterations."""
        self.leaving = True
        self.wake()
