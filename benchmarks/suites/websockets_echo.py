"""100 connections that send the next message when the last one is back, written with websockets; prints messages and CPU time of the loop.

usage: websockets_echo.py URL CONNECTIONS SECONDS BYTES
"""

import asyncio
import json
import sys
import time

import uvloop
from websockets.asyncio.client import ClientConnection, connect


async def main(url: str, connections: int, seconds: float, size: int) -> None:
    """Connect all, then count."""
    payload, messages = "x" * size, 0
    opened = [await connect(url, compression=None) for _ in range(connections)]
    cpu_s, began = time.process_time(), time.monotonic()

    async def talk(websocket: ClientConnection) -> None:
        nonlocal messages
        while time.monotonic() - began < seconds:
            await websocket.send(payload)
            await websocket.recv()
            messages += 1

    await asyncio.gather(*map(talk, opened))
    print(json.dumps({"messages": messages, "cpu_s": time.process_time() - cpu_s, "seconds": time.monotonic() - began}))
    await asyncio.gather(*(websocket.close() for websocket in opened))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
