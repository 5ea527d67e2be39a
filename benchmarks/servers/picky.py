"""HTTP on asyncio alone, with a limit that is known: so many connections, or a time that grows with those served at once.

python picky.py PORT connections=150
python picky.py PORT contention=0.05 coherency=0.0005
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
ALONE_S = 0.020  # a request takes so long when it is the only one; only where it grows


class Server:
    """What is asked, and how many are here now."""

    def __init__(self, connections: float = 0, contention: float = 0.0, coherency: float = 0.0) -> None:
        self.most, self.contention, self.coherency = int(connections), contention, coherency
        self.connected = self.served = 0

    def takes_s(self) -> float:
        """The Universal Scalability Law, as the time of one of so many."""
        if self.most:
            return 0.0
        n = self.served
        return ALONE_S * (1.0 + self.contention * (n - 1) + self.coherency * n * (n - 1))


class Connection(asyncio.Protocol):
    """One request at a time; a connection beyond the limit is closed at once."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = transport
        self.server.connected += 1
        if self.server.most and self.server.connected > self.server.most:
            transport.abort()  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the interface
        """See asyncio.Protocol."""
        self.server.connected -= 1

    def data_received(self, data: bytes) -> None:  # noqa: ARG002  it asks for one thing only
        """See asyncio.Protocol."""
        self.server.served += 1
        asyncio.get_running_loop().call_later(self.server.takes_s(), self.answer)

    def answer(self) -> None:
        """The request has taken its time."""
        self.server.served -= 1
        self.transport.write(ANSWER)  # type: ignore[attr-defined]


async def main(port: int, limits: dict[str, float]) -> None:
    """Serve until ended."""
    server = Server(**limits)
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", port, backlog=4096)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), {name: float(value) for name, _, value in (word.partition("=") for word in sys.argv[2:])}))
