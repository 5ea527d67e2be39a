"""100 connections that send the next message when the last one is back, written with picows; prints messages and CPU time of the loop.

usage: picows_echo.py URL CONNECTIONS SECONDS BYTES
"""

import asyncio
import json
import sys
import time

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


class Echo(WSListener):
    """One connection."""

    payload = b""
    messages = 0
    ends = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The first message."""
        transport.send(WSMsgType.TEXT, Echo.payload)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """An echo, or the end."""
        if frame.msg_type == WSMsgType.TEXT:
            Echo.messages += 1
            if not Echo.ends:
                transport.send(WSMsgType.TEXT, Echo.payload)


async def main(url: str, connections: int, seconds: float, size: int) -> None:
    """Connect all, then count."""
    Echo.payload = b"x" * size
    opened = [await ws_connect(Echo, url) for _ in range(connections)]
    messages, cpu_s, began = Echo.messages, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    print(json.dumps({"messages": Echo.messages - messages, "cpu_s": time.process_time() - cpu_s, "seconds": time.monotonic() - began}))
    Echo.ends = True
    for transport, _ in opened:
        transport.disconnect()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
