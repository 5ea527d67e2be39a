"""A web server of the smallest kind, in a process of its own: what a generator can do when the target costs next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

from loadstone.event_loop import new_event_loop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class _Answer(asyncio.Protocol):
    """Answers each request, however much of it comes in one piece, with the same bytes; requests have no body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answer, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)  # until the parent has gone


def main() -> None:
    """Entry of the server's process."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve())


@contextlib.contextmanager
def loopback_server() -> Iterator[str]:
    """The URL of such a server, as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadstone.probes.loopback"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
