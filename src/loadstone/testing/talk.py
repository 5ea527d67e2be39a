"""A client with everything around it, for the length of one conversation: for tests of clients and of servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from loadstone.clients.ground import Ground
from loadstone.clients.http import HttpClient
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.wire import Wire
from loadstone.event_loop import new_event_loop
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import LOAD
from loadstone.plan.model import Plan
from loadstone.plugins import installed

Answer = TypeVar("Answer")


class OneUser:
    """A user with a client of any kind; what was measured stands in `measured` afterwards.

    due: (due, waited) for the exchanges to come, in ns; (0, 0) is now
    """

    def __init__(self, **options: Any) -> None:
        self.tags: Mapping[str, str] = {}
        self.due: list[tuple[int, int]] = []
        self.recorder = Recorder()
        self.wire: Wire | None = None
        self._options = HttpOptions(**options)

    def take_due(self) -> tuple[int, int]:
        """See clients.http.Place."""
        return self.due.pop(0) if self.due else (0, 0)

    def speak(self, kind: str, conversation: Callable[[Any], Awaitable[Answer]], **plan: Any) -> Answer:
        """Run the conversation on an event loop of its own, the one that workers use; `plan` holds keys of a plan, such as `llm`."""
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._spoken(kind, conversation, plan))

    async def _spoken(self, kind: str, conversation: Callable[[Any], Awaitable[Answer]], plan: Mapping[str, Any]) -> Answer:
        wire = self.wire = Wire(asyncio.get_running_loop())
        scenario = {"profile": {"users": 1, "duration": "1h"}, "steps": [{"get": "/"}]}
        whole = Plan.model_validate({"scenarios": {"talk": scenario}, **plan})
        ground = Ground(whole, "talk", HttpScope(wire, self.recorder, "talk", self._options), wire.timers)
        client = installed().get("client", kind)(ground).client(self)
        try:
            return await conversation(client)
        finally:
            client.close()
            wire.close()

    @property
    def measured(self) -> Aggregate:
        """Everything recorded since the last look."""
        return Aggregate(self.recorder.take(0, 0.0, 1.0, LOAD))


class Talk(OneUser):
    """One user that speaks HTTP."""

    def hold(self, conversation: Callable[[HttpClient], Awaitable[Answer]]) -> Answer:
        """See `speak`."""
        return self.speak("http", conversation)
