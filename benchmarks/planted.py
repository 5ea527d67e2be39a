"""Ten small services, each with one leak that is known: the type that is left over, and the line that allocates it."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(slots=True)
class Turn:
    """A message of a conversation."""

    user: str
    text: str


class Appends:
    """Keeps every turn in a list."""

    def __init__(self) -> None:
        self.history: list[Turn] = []

    def handle(self, number: int) -> None:
        """One request."""
        self.history.append(Turn(f"user {number}", "hello " * 5))  # leak: Appends


class CachesWithoutBound:
    """Answers are kept under a key that never comes again."""

    def __init__(self) -> None:
        self.cache: dict[str, dict[str, Any]] = {}

    def handle(self, number: int) -> None:
        """One request."""
        self.cache[f"request-{number}"] = {"id": number, "words": [f"word {number}", "end"]}  # leak: CachesWithoutBound


class KeepsBuffers:
    """Uploads that are never let go."""

    def __init__(self) -> None:
        self.uploads: list[bytes] = []

    def handle(self, number: int) -> None:
        """One request."""
        self.uploads.append(bytes(2000 + number % 7))  # leak: KeepsBuffers


class Subscribes:
    """Each request leaves a callback behind."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], int]] = []

    def handle(self, number: int) -> None:
        """One request."""
        body = f"body {number} " * 10

        def on_close() -> int:  # leak: Subscribes
            return len(body)

        self.listeners.append(on_close)


class KeepsErrors:
    """The last errors of all time, with their tracebacks and so with everything in their frames."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def handle(self, number: int) -> None:
        """One request."""
        try:
            payload = [number] * 50
            raise TimeoutError(f"request {number} of {len(payload)} parts")  # leak: KeepsErrors
        except TimeoutError as error:
            self.errors.append(error)


class StartsAndForgets:
    """A task per request that waits for something that never comes."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.never = self.loop.create_future()
        self.tasks: list[asyncio.Task[None]] = []

    async def _notify(self) -> None:
        await asyncio.shield(self.never)

    def handle(self, _: int) -> None:
        """One request."""
        self.tasks.append(self.loop.create_task(self._notify()))  # leak: StartsAndForgets
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def close(self) -> None:
        """End the tasks."""
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()


class Node:
    """Points to itself, and wants to be told of its end."""

    def __init__(self) -> None:
        self.parent, self.text = self, bytearray(100)

    def __del__(self) -> None:
        self.text.clear()


class MakesCycles:
    """Cycles in a process that switched its collector off to be quick."""

    def __init__(self) -> None:
        gc.disable()

    def handle(self, _: int) -> None:
        """One request."""
        Node()  # leak: MakesCycles

    def close(self) -> None:
        """The collector runs again."""
        gc.enable()


class Registered:
    """Every instance of it is known to its class."""

    instances: ClassVar[list[Registered]] = []

    def __init__(self, number: int) -> None:
        self.number, self.tags = number, {"number": str(number)}
        self.instances.append(self)


class RegistersInstances:
    """A registry at the class that nobody empties."""

    def handle(self, number: int) -> None:
        """One request."""
        Registered(number)  # leak: RegistersInstances


class AddsLogHandlers:
    """A handler per request on one logger."""

    def handle(self, _: int) -> None:
        """One request."""
        logging.getLogger("planted").addHandler(logging.NullHandler())  # leak: AddsLogHandlers

    def close(self) -> None:
        """Take them away."""
        logging.getLogger("planted").handlers.clear()


class Tenant:
    """Kept alive by the cache of its own method."""

    def __init__(self, number: int) -> None:
        self.number = number

    @functools.lru_cache(None)  # noqa: B019  the mistake that is planted
    def plan(self) -> tuple[int, str]:
        """Looked up once."""
        return self.number, f"plan of {self.number}"


class CachesMethods:
    """`lru_cache(None)` on a method holds every `self`."""

    def handle(self, number: int) -> None:
        """One request."""
        Tenant(number).plan()  # leak: CachesMethods


# service -> the type that is left over, or the function of the closure or coroutine; as it ends
PLANTED: dict[type[Any], str] = {
    Appends: "planted.Turn",
    CachesWithoutBound: "dict",
    KeepsBuffers: "bytes",
    Subscribes: "Subscribes.handle.<locals>.on_close",
    KeepsErrors: "TimeoutError",
    StartsAndForgets: "StartsAndForgets._notify",
    MakesCycles: "planted.Node",
    RegistersInstances: "planted.Registered",
    AddsLogHandlers: "logging.NullHandler",
    CachesMethods: "planted.Tenant",
}


class Bustle:
    """What a healthy service does beside: a cache that evicts, a window of the last lines, sessions that end."""

    def __init__(self) -> None:
        self.cache: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self.lines: deque[str] = deque(maxlen=500)
        self.sessions: dict[int, Turn] = {}

    def handle(self, number: int) -> None:
        """One request."""
        self.cache[number * 7919 % 1500] = {"answer": f"text {number}", "scores": [0.1 * number, 0.2]}
        if len(self.cache) > 700:
            self.cache.popitem(last=False)
        self.lines.append(f"request {number} took {number % 40} ms")
        self.sessions[number] = Turn(f"user {number}", "hi")
        self.sessions.pop(number - 50, None)
