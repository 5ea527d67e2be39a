"""The process that makes the load: takes a plan on stdin, gives measurements on stdout, and dies with its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable

from loadstone.clients.compiled import twins
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND, KernelAlarm
from loadstone.errors import LoadstoneError
from loadstone.event_loop import new_event_loop
from loadstone.load.engine import Engine, EngineLimits
from loadstone.load.frames import Change, Crashed, Done, Go, Measured, Message, Ready, Refused, Setup, Stop, open_reader, pack, receive
from loadstone.load.never_awaited import watched
from loadstone.load.stage import stage
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
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
        plan = self._plan
        scenes = [
            stage(plan, scenario, self.wire, self._recorder, self._catalogue, worker=setup.worker, workers=setup.workers)
            for scenario in plan.scenarios
        ]
        limits = EngineLimits(
            round(plan.patience_s * SECOND),
            round(plan.graceful_stop_s * SECOND),
            min(MOST_SESSIONS, descriptor_limit() - SPARE_DESCRIPTORS),
        )
        self.engine = Engine(scenes, self._recorder, self.wire.timers, limits, self._emit, self._sample)

    async def run(self, go: Go) -> None:
        """The whole run."""
        self._health.begin()
        await self.engine.run(go.start_ns, go.before)
        self._send(Done(self._setup.worker))

    def _sample(self) -> None:
        self._health.sample(self.wire.open_sockets)

    def _emit(self, snapshots: list[Snapshot]) -> None:
        new = [name for name in self._catalogue.names() if name not in self._told]
        self._told.update(new)
        metrics = tuple(self._catalogue[name] for name in new)
        self._send(Measured(self._setup.worker, tuple(snapshots), metrics, self.wire.stamps.steps))


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
        send(
            Ready(
                os.getpid(),
                f"{type(loop).__module__}, {twins.way} exchange",
                sys.platform == "linux",
                KernelAlarm.available(),
                descriptor_limit(),
            )
        )
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
            running = asyncio.ensure_future(worker.run(message))
        elif isinstance(message, Change):
            worker.engine.control(message.control, message.at_ns)
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
    with watched(), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(source, output))


def _die_with_parent() -> None:
    """Ask the kernel to kill this process with its parent: a script that hangs the loop would not notice the closed pipe."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
