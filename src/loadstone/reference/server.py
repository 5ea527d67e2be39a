"""Serving the application until a signal, or until the parent process is gone."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from loadstone.errors import LoadstoneError, UsageError
from loadstone.inside.asgi import Inside
from loadstone.reference import real_model
from loadstone.reference.app import ReferenceApp
from loadstone.reference.connections import http_protocol
from loadstone.reference.raw_memory import trim_heap
from loadstone.reference.sockets.connection import SocketConnection
from loadstone.reference.sockets.hub import Hub
from loadstone.reference.spoken_reply import answer_of
from loadstone.reference.state import Backend, Settings
from loadstone.reference.voice.parts import described

try:
    import resource
except ImportError:  # not POSIX
    resource = None  # type: ignore[assignment]

BACKLOG = 4096
PARENT_CHECK_S = 0.5
# Memory that is let go by the clock, and workers that scale, need somebody to look at the clock when no request comes.
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to serve and whom to tell.

    port:       0 is a free one
    ready_file: gets the URL, whole or not at all, once requests are answered
    parent_pid: end when that process has ended
    """

    host: str = "127.0.0.1"
    port: int = 0
    ready_file: Path | None = None
    parent_pid: int | None = None
    quiet: bool = False


def serve(settings: Settings, listening: Listening) -> None:
    """Serve until Ctrl-C or SIGTERM, then return. Raises UsageError when the address cannot be had."""
    raise_descriptor_limit()
    with ExitStack() as until_the_end:
        # The address first: whether it can be had is known at once, the model takes seconds to load.
        listener = until_the_end.enter_context(closing(bind(listening.host, listening.port)))
        app = until_the_end.enter_context(closing(ReferenceApp(settings)))
        if settings.real:
            app.backend.real = until_the_end.enter_context(real_model.running(*settings.real))
            app.backend.hub.voice.studio.answer = partial(answer_of, app.backend.real)
        config = uvicorn.Config(
            app if settings.inside is None else Inside(app, token=settings.inside),
            http=http_protocol(app.backend.hub.voice),
            ws=partial(_socket, app.backend.hub),  # type: ignore[arg-type]
            lifespan="off",
            access_log=False,
            log_level="warning",
            backlog=BACKLOG,
            timeout_keep_alive=300,
            timeout_graceful_shutdown=2,
            server_header=False,
            proxy_headers=False,
        )
        _Server(config, listening, app.backend).run(sockets=[listener])


def _socket(hub: Hub, *, config: uvicorn.Config, server_state: Any, app_state: Any) -> SocketConnection:
    """The protocol for one upgrade, called as uvicorn calls its own."""
    del config, app_state
    return SocketConnection(hub, server_state)


def raise_descriptor_limit() -> None:
    """Allow as many connections as the system lets this process have; the usual soft limit of 1,024 is a load test's first wall."""
    if resource is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems call the hard limit infinite and then refuse it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to that address. Raises UsageError that says who is wrong: the name, the port or its owner."""
    where = f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise UsageError("this host name does not resolve", where=where, hint="--host 127.0.0.1") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two processes may bind one port with SO_REUSEADDR; only one of them may listen.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen here: {error.strerror}", where=where, hint="--port 0 for a free one") from None
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """A server that says when it answers, ends without an error code on a signal, and ends with its parent."""

    def __init__(self, config: uvicorn.Config, listening: Listening, backend: Backend) -> None:
        super().__init__(config)
        self._listening, self._backend = listening, backend

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal. Unlike the original, do not raise it again afterwards: being stopped is no failure."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def main_loop(self) -> None:
        """Announce, then serve."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        url = f"http://{_reachable(host)}:{port}"
        await _ask_health(host, port)
        # What is alive now stays alive: the collector need not look at it again in the middle of somebody's measurement.
        gc.collect()
        gc.freeze()
        trim_heap()  # starting, above all compiling, leaves megabytes free that a leak would fill unseen
        announce(url, self._listening)
        if not self._listening.quiet and sys.stderr.isatty():
            sys.stderr.write(voice_lines(url))
        passing = asyncio.ensure_future(pass_time(self._backend))
        async with self._ends_with_parent():
            await super().main_loop()
        passing.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is still running, in silence: a request cut off because we were told to stop is no error of ours."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)

    @asynccontextmanager
    async def _ends_with_parent(self) -> AsyncIterator[None]:
        parent = self._listening.parent_pid
        watch = asyncio.ensure_future(self._watch(parent)) if parent else None
        try:
            yield
        finally:
            if watch:
                watch.cancel()

    async def _watch(self, parent: int) -> None:
        await ended(parent)
        self.should_exit = True


async def pass_time(backend: Backend) -> None:
    """Tell the faults what time it is, without end."""
    while True:
        backend.injector.pass_time(backend.timer.now())
        await asyncio.sleep(LOOK_EVERY_S)


async def ended(pid: int) -> None:
    """Return when that process has ended, at once when there is none.

    Not PR_SET_PDEATHSIG: it fires when the *thread* that started us ends, while its process lives on.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # not Linux, or a sandbox without it
        while _alive(pid):  # noqa: ASYNC110 - another process has no event to set
            await asyncio.sleep(PARENT_CHECK_S)
        return
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        # One that nobody has waited for yet is listed, but it has ended.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def announce(url: str, listening: Listening) -> None:
    """Say where we are: on stdout, and in the ready file."""
    if listening.ready_file:
        partial = listening.ready_file.with_name(f"{listening.ready_file.name}.{os.getpid()}")
        partial.write_text(url + "\n")
        partial.replace(listening.ready_file)
    if not listening.quiet:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()


def voice_lines(url: str) -> str:
    """Where calls are taken, and which parts the real agent has; for people, so not on stdout."""
    socket_url = url.replace("http", "ws", 1)
    plain = url.replace("http", "tcp", 1)
    return f"voice: {socket_url}/voice/{{pcm,realtime,twilio}} (oracle), /voice/agent/… (real agent), {plain} (Wyoming)\n{described()}\n"


def _reachable(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - every interface includes loopback
    return f"[{host}]" if ":" in host else host


async def _ask_health(host: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(_reachable(host).strip("[]"), port)
    writer.write(b"GET /health HTTP/1.1\r\nhost: reference\r\nconnection: close\r\n\r\n")
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    if b" 200 " not in status:
        raise LoadstoneError(f"the reference backend answers {status!r} to its own health question")
