"""A uvicorn server whose requests share two seats for 20 ms each: 100 a second, known by arithmetic."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn

SEATS, TAKES_S = 2, 0.020

_free_at_s = [0.0] * SEATS


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Each seat is free again exactly 20 ms after it was taken, or was due to be: a late timer costs no capacity."""
    if scope["type"] != "http":
        return
    await receive()
    now = asyncio.get_running_loop().time()
    seat = min(range(SEATS), key=_free_at_s.__getitem__)
    _free_at_s[seat] = max(now, _free_at_s[seat]) + TAKES_S
    await asyncio.sleep(_free_at_s[seat] - now)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="off")
