"""Somebody else's job server, on a public framework: no path or field is ours, and a job goes on after its start was answered.

`python job_service.py PORT`; `/capacity` tells its instances: one for each 40 jobs a second, half a second late.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections import deque
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

LASTS_S, BEHIND_S, KEPT_S = 0.03, 0.5, 3.0
PER_INSTANCE, LEAST, MOST = 40, 1, 6
JOBS: dict[str, tuple[float, str]] = {}
STARTED: deque[float] = deque()


async def submit(request: Request) -> JSONResponse:
    """202 with the job's name; the job itself is done a moment later."""
    asked: dict[str, Any] = await request.json()
    name, now = uuid.uuid4().hex, time.monotonic()
    JOBS[name] = (now, str(asked["input"]["message"]))
    STARTED.append(now)
    if len(JOBS) > 2_000:
        JOBS.pop(next(iter(JOBS)))
    await asyncio.sleep(0)
    return JSONResponse({"job": {"uuid": name}, "phase": "queued"}, status_code=202)


async def look(request: Request) -> JSONResponse:
    """Where a job stands."""
    began, message = JOBS.get(request.path_params["name"], (0.0, ""))
    if not began:
        return JSONResponse({"error": "no such job"}, status_code=404)
    if message.startswith("never"):
        return JSONResponse({"phase": "Failed"})
    return JSONResponse({"phase": "Succeeded" if time.monotonic() - began > LASTS_S else "running", "words": len(message.split())})


async def instances(_request: Request) -> JSONResponse:
    """As an orchestrator tells it: so many are ready for what was asked half a second ago, and they stay for three."""
    now = time.monotonic()
    while STARTED and STARTED[0] < now - KEPT_S - BEHIND_S:
        STARTED.popleft()
    seconds: dict[int, int] = {}
    for at in STARTED:
        if at < now - BEHIND_S:
            seconds[int(at)] = seconds.get(int(at), 0) + 1
    wanted = max(seconds.values(), default=0) / PER_INSTANCE
    return JSONResponse({"status": {"readyReplicas": min(MOST, max(LEAST, round(wanted + 0.5)))}})


async def fine(_request: Request) -> JSONResponse:
    """Up, and a page of a catalogue."""
    return JSONResponse({"up": True, "items": list(range(20))})


app = Starlette(
    routes=[
        Route("/jobs", submit, methods=["POST"]),
        Route("/jobs/{name}", look),
        Route("/capacity", instances),
        Route("/up", fine),
        Route("/catalogue", fine),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
