"""A uvicorn server whose requests share two seats for 20 ms each: 100 a second, by arithmetic.

python semaphore.py PORT [bears-a-grudge]: port 0 is a free one, which is printed; then the server ends when its input does. One that
bears a grudge keeps everybody waiting for ever once a queue of a fifth of a second has stood before its seats.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from typing import Any

import uvicorn

SEATS, TAKES_S, QUEUE_S, GRUDGE_S = 2, 0.020, 0.2, 3.0
FREE_AT_S = [0.0] * SEATS
EXTRA_S = [0.0]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Each seat is free again exactly 20 ms after it was taken, or was due to be: a late timer costs no capacity."""
    if scope["type"] != "http":
        return
    await receive()
    now = asyncio.get_running_loop().time()
    seat = min(range(SEATS), key=FREE_AT_S.__getitem__)
    FREE_AT_S[seat] = max(now, FREE_AT_S[seat]) + TAKES_S
    waits_s = FREE_AT_S[seat] - now
    if "bears-a-grudge" in sys.argv and waits_s > QUEUE_S:
        EXTRA_S[0] = GRUDGE_S
    await asyncio.sleep(waits_s + EXTRA_S[0])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})


def main() -> None:
    """Serve until the input ends, or for ever on a port that was named."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))

    def until_input_ends() -> None:
        sys.stdin.read()
        server.should_exit = True

    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
        if sys.argv[1] == "0":
            print(listening.getsockname()[1], flush=True)
            threading.Thread(target=until_input_ends, daemon=True).start()
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
