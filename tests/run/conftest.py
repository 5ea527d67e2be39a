import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loadstone.plan.model import Plan

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


OPEN: set[asyncio.BaseTransport] = set()


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        OPEN.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        OPEN.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """The URL of a server, in a thread, that answers every request with 200 and two bytes."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(_Answering, "127.0.0.1", 0, backlog=4096))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def close() -> None:
        server.close()
        for _ in range(5):
            await asyncio.sleep(0)  # who has just been accepted gets its transport
        for transport in OPEN.copy():
            transport.close()
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run_coroutine_threadsafe(close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def suite_plan(target: str, tmp_path: Path) -> Callable[..., Plan]:
    """A plan whose users are written in a file: the body of class `Shopper`, then a profile, then settings of the plan."""

    def make(body: str, profile: dict[str, Any], **settings: Any) -> Plan:
        file = tmp_path / "shop.py"
        lines = "".join(f"    {line}\n" if line else "\n" for line in body.strip("\n").splitlines())
        file.write_text(f"import asyncio\nimport sys\nimport loadstone\n\nclass Shopper(loadstone.User):\n{lines}")
        scenario = {"profile": profile, "code": {"file": str(file), "classes": ["Shopper"]}}
        return Plan.model_validate({"target": target, "scenarios": {"shop": scenario}, "graceful_stop": "1s", **settings})

    return make
