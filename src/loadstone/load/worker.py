"""The process that makes the load: takes a plan on stdin, gives measurements on stdout, and dies with its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from loadstone.clients.connection import Limits
from loadstone.clients.ground import Clients, Ground
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.tls import TlsSettings
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND, KernelAlarm
from loadstone.errors import LoadstoneError, UsageError
from loadstone.load.behaviour import StepsBehaviour, UserBehaviour
from loadstone.load.engine import Engine, EngineLimits
from loadstone.load.frames import Crashed, Done, Go, Measured, Message, Ready, Refused, Setup, Stop, open_reader, pack, receive
from loadstone.load.scene import Scene
from loadstone.load.script_error import innermost, place_of
from loadstone.load.session import Session
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.code import UserCode, load_user_classes
from loadstone.plan.http import HttpSettings, from_environment
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.user import User
from loadstone.plugins import installed
from loadstone.probes.generator import GeneratorHealth
from loadstone.probes.machine import descriptor_limit

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SPARE_DESCRIPTORS = 64
MOST_SESSIONS = 10_000


class Worker:
    """One engine, built from one plan."""

    def __init__(self, loop: asyncio.AbstractEventLoop, setup: Setup, send: Callable[[Message], None]) -> None:
        self._plan, self._setup, self._send = Plan.from_wire(setup.plan), setup, send
        self.wire = Wire(loop)
        self._recorder, self._catalogue = Recorder(), Catalogue(declared(self._plan.metrics))
        self._told = set(self._catalogue.names())
        self._health = GeneratorHealth(self._recorder, self.wire.timers, setup.worker, self.wire.counters)
        scenes = [self._scene(scenario) for scenario in self._plan.scenarios]
        plan = self._plan
        limits = EngineLimits(
            round(plan.patience_s * SECOND),
            round(plan.graceful_stop_s * SECOND),
            min(MOST_SESSIONS, descriptor_limit() - SPARE_DESCRIPTORS),
        )
        self.engine = Engine(scenes, self._recorder, self.wire.timers, limits, self._emit, self._sample)

    async def run(self, start_ns: int) -> None:
        """The whole run."""
        self._health.begin()
        await self.engine.run(start_ns)
        self._send(Done(self._setup.worker))

    def _scene(self, scenario: ScenarioPlan) -> Scene:
        plan = self._plan
        behaviour = UserBehaviour(_classes(scenario.code)) if scenario.code else StepsBehaviour(scenario.steps)
        scope = HttpScope(self.wire, self._recorder, scenario.name, http_options(plan.http, plan.target or ""))
        ground = Ground(plan, scenario.name, scope, self.wire.timers, self._setup.worker, self._setup.workers)
        kinds: dict[str, Clients] = {}

        def speak(kind: str, session: Session) -> Any:
            found = kinds.get(kind)
            if found is None:
                found = kinds[kind] = installed().get("client", kind)(ground)
            return found.client(session)

        # Before the start, so that the first user does not pay for it, and a mistake in it ends the run before there is load.
        for kind in {step.kind for step in scenario.steps} - {"http"}:
            kinds[kind] = installed().get("client", kind)(ground)

        return Scene(
            scenario,
            behaviour,
            recorder=self._recorder,
            timers=self.wire.timers,
            catalogue=self._catalogue,
            speak=speak,
            tags=plan.tags,
            seed=plan.seed,
            worker=self._setup.worker,
            workers=self._setup.workers,
        )

    def _sample(self) -> None:
        self._health.sample(self.wire.open_sockets)

    def _emit(self, snapshots: list[Snapshot]) -> None:
        new = [name for name in self._catalogue.names() if name not in self._told]
        self._told.update(new)
        metrics = tuple(self._catalogue[name] for name in new)
        self._send(Measured(self._setup.worker, tuple(snapshots), metrics, self.wire.stamps.steps))


def _classes(code: UserCode) -> list[type[User]]:
    try:
        return load_user_classes(code)
    except LoadstoneError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  a suite may raise anything while it is imported
        cause = innermost(error)
        what = f"raises while it is imported: {type(cause).__name__}: {cause}"
        raise UsageError(what, where=place_of(cause, code.file) or code.file, hint=f"python {code.file}") from None


def http_options(settings: HttpSettings, target: str) -> HttpOptions:
    """What the plan says of HTTP, with secrets from the environment filled in, in the client's words."""
    basic: tuple[str, str] | None = None
    bearer = ""
    try:
        if settings.auth is not None and settings.auth.basic is not None:
            user, _, password = from_environment(settings.auth.basic.get_secret_value()).partition(":")
            basic = (user, password)
        if settings.auth is not None and settings.auth.bearer is not None:
            bearer = from_environment(settings.auth.bearer.get_secret_value())
        headers = settings.sent_headers()
    except KeyError as missing:
        raise LoadstoneError(f"the environment has no {missing.args[0]}", where="http", hint=f"export {missing.args[0]}=…") from None
    times = settings.timeouts
    return HttpOptions(
        target=target,
        headers=headers,
        tls=TlsSettings(
            settings.verify, settings.ca_file or "", settings.server_name or "", settings.client_cert or "", settings.client_key or ""
        ),
        limits=Limits(
            round(times.connect_s * SECOND),
            round(times.first_byte_s * SECOND),
            round(times.total_s * SECOND),
            settings.max_response_bytes,
            round(times.idle_s * SECOND),
        ),
        keep_alive=settings.keep_alive,
        redirects=settings.redirects,
        cookies=settings.cookies,
        gzip=settings.gzip,
        basic=basic,
        bearer=bearer,
        source_addresses=settings.source_addresses,
        unix_socket=settings.unix_socket or "",
        expect=settings.expected_statuses,
    )


async def serve(source: int, output: int) -> None:
    """Follow the parent's messages until the run is over or the parent is gone."""
    loop = asyncio.get_running_loop()
    reader, incoming = await open_reader(loop, os.fdopen(source, "rb", 0))
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(output, "wb", 0))

    def send(message: Message) -> None:
        transport.write(pack(message))

    worker: Worker | None = None
    try:
        setup = await receive(reader)
        if not isinstance(setup, Setup):
            return
        worker = Worker(loop, setup, send)
        send(Ready(os.getpid(), type(loop).__module__, sys.platform == "linux", KernelAlarm.available(), descriptor_limit()))
        await _follow(worker, reader)
    except LoadstoneError as error:
        send(Refused(error.what, error.where, error.hint))
    except Exception:  # noqa: BLE001  the parent reports it as the bug it is
        send(Crashed(traceback.format_exc()))
    incoming.close()
    while transport.get_write_buffer_size():  # noqa: ASYNC110  a transport tells nobody that it is empty
        await asyncio.sleep(0.005)
    transport.close()
    if worker is not None and worker.engine.given_up:
        sys.stderr.flush()
        os._exit(0)  # sessions that catch their cancellation would keep the loop from closing


async def _follow(worker: Worker, reader: asyncio.StreamReader) -> None:
    running: asyncio.Task[None] | None = None
    while True:
        receiving = asyncio.ensure_future(receive(reader))
        await asyncio.wait({receiving, running} if running else {receiving}, return_when=asyncio.FIRST_COMPLETED)
        if running is not None and running.done():
            receiving.cancel()
            running.result()
            return
        message = receiving.result()
        if message is None:  # nobody is left who could want the results: the load must not go on
            os._exit(1)
        if isinstance(message, Go):
            running = asyncio.ensure_future(worker.run(message.start_ns))
        elif isinstance(message, Stop):
            if running is None:
                return
            worker.engine.cut() if message.at_once else worker.engine.stop()


def main() -> None:
    """Entry of the process."""
    # A script may print and read: stdin and stdout are the parent's protocol, so it gets stderr and nothing instead.
    source, output = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(source, output))
    else:
        uvloop.run(serve(source, output))


def _die_with_parent() -> None:
    """Ask the kernel to kill this process with its parent: a script that hangs the loop would not notice the closed pipe."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
