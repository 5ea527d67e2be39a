"""The reference backend called through the ASGI interface, in a time that passes only when somebody waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from loadstone.reference.app import ReferenceApp
from loadstone.reference.faults import read_faults
from loadstone.reference.injector import Injector
from loadstone.reference.state import Settings


class VirtualTimer:
    """Waiting moves the clock to the deadline and takes no time."""

    def __init__(self) -> None:
        self.instant = 1000.0

    def now(self) -> float:
        return self.instant

    async def until(self, deadline: float) -> None:
        await asyncio.sleep(0)  # first everybody else may come to their wait
        self.instant = max(self.instant, deadline)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    chunks: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found


class Backend:
    """One backend and its virtual time."""

    def __init__(self, settings: Settings) -> None:
        self.timer = VirtualTimer()
        self.app = ReferenceApp(settings, timer=self.timer)

    def ask(
        self, method: str, target: str, body: Any = None, *, headers: dict[str, str] | None = None, leave_after: int | None = None
    ) -> Answer:
        """Send one request; `leave_after` so many chunks the client disconnects."""
        return asyncio.run(self._ask(method, target, body, headers or {}, leave_after))

    async def _ask(self, method: str, target: str, body: Any, headers: dict[str, str], leave_after: int | None) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        parts = urlsplit(target)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        messages = [{"type": "http.request", "body": raw, "more_body": False}]
        answer = Answer(0, {})
        left = asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            if not messages:
                await left.wait()
                return {"type": "http.disconnect"}
            return messages.pop()

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            elif message.get("body"):
                answer.chunks.append((self.timer.now(), message["body"]))
                if leave_after is not None and len(answer.chunks) >= leave_after:
                    left.set()

        await self.app(scope, receive, send)
        return answer


@pytest.fixture
def start() -> Iterator[Callable[..., Backend]]:
    """Starts backends with given settings and closes them."""
    started: list[Backend] = []

    def begin(**settings: Any) -> Backend:
        started.append(Backend(Settings(**settings)))
        return started[-1]

    yield begin
    for backend in started:
        backend.app.close()


@pytest.fixture
def backend(start: Callable[..., Backend]) -> Backend:
    """A backend without faults."""
    return start()


@pytest.fixture
def faulty() -> Iterator[Callable[..., Injector]]:
    """Injectors with faults in force; what they leak or hold is given back at the end."""
    begun: list[Injector] = []

    def begin(**faults: Any) -> Injector:
        begun.append(Injector(read_faults(faults), 0.0))
        return begun[-1]

    yield begin
    for injector in begun:
        injector.memory.give_back()
