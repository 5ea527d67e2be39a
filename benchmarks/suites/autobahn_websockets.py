"""The websockets library in the Autobahn test suite: the control that shows that the suite itself works.

usage: autobahn_websockets.py URL
"""

import asyncio
import contextlib
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

AGENT = "websockets"
MOST_BYTES = 2**25


async def main(url: str) -> None:
    """One connection a case, then the report."""
    async with connect(f"{url}getCaseCount") as websocket:
        cases = int(await websocket.recv())
    for case in range(1, cases + 1):
        with contextlib.suppress(WebSocketException):
            async with connect(f"{url}runCase?case={case}&agent={AGENT}", max_size=MOST_BYTES) as websocket:
                async for message in websocket:
                    await websocket.send(message)
    async with connect(f"{url}updateReports?agent={AGENT}") as websocket:
        with contextlib.suppress(WebSocketException):
            await websocket.recv()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
