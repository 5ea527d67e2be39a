"""The process that shows a run: reads seconds from a socket, keeps the past, serves viewers, and ends when the run does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import os
import select
import signal
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from loadstone.charts.page_data import page_stretch
from loadstone.live.dashboard.app import run_app
from loadstone.live.dashboard.frames import NEWS, FrameReader, news, opened_second
from loadstone.live.dashboard.guard import Guard
from loadstone.live.dashboard.hub import Hub
from loadstone.measure.packing import unpack

ANSWER_S = 5.0
LOOK_S = 0.01
GOODBYE_S = 0.3  # for the last message to leave
OUTLIVES_S = 5.0  # at most, beside `linger`


def show(link: int, listening: int, niceness: int) -> None:
    """Serve until the run's process has gone, and as long after that as it wished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(socket.socket(fileno=link), socket.socket(fileno=listening), niceness))


def end_after_the_run(link: socket.socket, linger_s: float) -> threading.Thread:
    """Set the system's alarm, which ends a process, when the run's end of the link has gone.

    What came before is still unread then, and on a machine whose cores are all busy reading it could take minutes.
    """

    def wait() -> None:
        gone = select.poll()
        gone.register(link, select.POLLHUP)
        gone.poll()
        signal.alarm(math.ceil(linger_s + OUTLIVES_S))

    thread = threading.Thread(target=wait, name="end after the run", daemon=True)
    thread.start()
    return thread


def _yield(niceness: int) -> None:
    os.nice(niceness)
    with contextlib.suppress(OSError):  # where sessions share a core evenly whatever their niceness, the session has one of its own
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


async def _serve(link: socket.socket, listening: socket.socket, niceness: int) -> None:
    reader, writer = await asyncio.open_connection(sock=link)
    frames = FrameReader()
    news_of_run = _messages(reader, frames)
    about: dict[str, Any] = {}
    async for kind, body in news_of_run:
        about = _read(kind, body)["start"]
        break
    if not about:
        return
    door, linger_s = about.pop("door"), float(about.pop("linger_s"))
    end_after_the_run(link, linger_s)
    hub, desk = Hub(about, page_stretch), Desk(writer)
    app = Guard(run_app(hub, desk.ask if about["controls"] else None), **door)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", ws="none", server_header=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not (server.started or serving.done()):  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(LOOK_S)
    _yield(niceness)  # not before: until now the run waits, and measures nothing
    writer.write(news({"ready": True}))
    async for kind, body in news_of_run:
        _take(hub, desk, kind, body)
    hub.broke_off()
    await asyncio.sleep(linger_s or GOODBYE_S)
    hub.close()
    server.should_exit = True
    await serving


def _take(hub: Hub, desk: Desk, kind: bytes, body: bytes) -> None:
    if kind != NEWS:
        taken_s, content = opened_second(body)
        hub.second(taken_s, unpack(content))
        return
    message = _read(kind, body)
    if "gates" in message:
        hub.judged(message["gates"], message["events"])
    elif "answer" in message:
        desk.answered(message["answer"])
    elif "over" in message:
        hub.over()
    elif "ended" in message:
        hub.over(message["ended"])


def _read(kind: bytes, body: bytes) -> dict[str, Any]:
    if kind != NEWS:
        raise ValueError("a run says first what it is")
    found: dict[str, Any] = json.loads(body)
    return found


async def _messages(reader: asyncio.StreamReader, frames: FrameReader) -> AsyncIterator[tuple[bytes, bytes]]:
    while data := await reader.read(1 << 18):
        for frame in frames.feed(data):
            yield frame


class Desk:
    """Hands controls to the run and waits for what it says."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer, self._numbers = writer, itertools.count(1)
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The run's answer; says so when none came."""
        number = next(self._numbers)
        answer = self._open[number] = asyncio.get_running_loop().create_future()
        self._writer.write(news({"ask": dict(asked), "id": number}))
        try:
            async with asyncio.timeout(ANSWER_S):
                found: dict[str, Any] = await answer
                return found
        except TimeoutError:
            return {"done": False, "text": "the run does not answer"}
        finally:
            del self._open[number]

    def answered(self, answer: dict[str, Any]) -> None:
        """What the run said to one of them."""
        waiting = self._open.get(answer.pop("id", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
