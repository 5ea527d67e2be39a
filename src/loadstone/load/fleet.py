"""The workers of a run on this machine: started, merged second by second, stopped, and missed when they die."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from loadstone.clock import MILLISECOND, now_ns
from loadstone.errors import LoadstoneError, UsageError
from loadstone.load.frames import Crashed, Done, Go, Measured, Message, Ready, Refused, Setup, Stop, open_reader, pack, receive
from loadstone.load.merge import merge
from loadstone.load.spawn import spawn_worker
from loadstone.measure.catalogue import Metric
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan

# From the order to go until the first arrival: the order must have reached every worker by then.
HEAD_START_NS = 20 * MILLISECOND
PREPARE_S = 60.0


@dataclass
class _Member:
    """One worker as the parent sees it."""

    process: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    ready: Ready | None = None
    until_s: float = 0.0  # everything before this has been received
    gone: bool = False
    waiting: list[Snapshot] = field(default_factory=list)


class LocalFleet:
    """Worker processes on this machine.

    metrics:     what the suite's scripts recorded under names of their own
    lost:        workers that died before they were done
    clock_steps: steps of the wall clock that workers saw
    """

    def __init__(self, plan: Plan, first: subprocess.Popen[bytes] | None = None) -> None:
        self._plan = plan
        self._first = first
        self._members: list[_Member] = []
        self._arrived = asyncio.Event()
        self.metrics: dict[str, Metric] = {}
        self.lost = 0
        self.clock_steps = 0
        self._steps_by_worker: dict[int, int] = {}
        self._crash = ""

    @property
    def ready(self) -> list[Ready]:
        """What each worker said of itself."""
        return [member.ready for member in self._members if member.ready is not None]

    async def start(self) -> None:
        """Processes with the plan, ready to go; raises what a worker refuses."""
        loop = asyncio.get_running_loop()
        workers = self._plan.workers
        processes = [self._first] if self._first else []
        processes += [spawn_worker() for _ in range(workers - len(processes))]
        self._members = [_Member(process, await open_reader(loop, process.stdout)) for process in processes if process]
        text = self._plan.wire()
        for number, member in enumerate(self._members):
            self._send(member, Setup(text, number, workers))
        async with asyncio.timeout(PREPARE_S):
            for member in self._members:
                member.ready = self._expect_ready(await receive(member.reader))

    def _expect_ready(self, message: Message | None) -> Ready:
        if isinstance(message, Ready):
            return message
        if isinstance(message, Refused):
            raise UsageError(message.what, where=message.where, hint=message.hint)
        if isinstance(message, Crashed):
            raise LoadstoneError(f"a worker failed while it prepared\n{message.text}", hint="run again with -v and report this")
        raise LoadstoneError("a worker process ended before it was ready", hint="loadstone doctor")

    def go(self) -> int:
        """Start the load; answers the common start (monotonic ns)."""
        start_ns = now_ns() + HEAD_START_NS
        for member in self._members:
            self._send(member, Go(start_ns))
        return start_ns

    def stop(self, *, at_once: bool = False) -> None:
        """Ask all workers to end."""
        for member in self._members:
            if not member.gone:
                self._send(member, Stop(at_once))

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """Merged snapshots, in order of time, until the last worker is done or gone."""
        async with asyncio.TaskGroup() as group:
            for member in self._members:
                group.create_task(self._listen(member))
            while True:
                self._arrived.clear()
                for snapshot in self._complete():
                    yield snapshot
                if all(member.gone for member in self._members):
                    break
                await self._arrived.wait()
        if self._crash:
            raise LoadstoneError(f"a worker failed\n{self._crash}", hint="run again with -v and report this")

    def _complete(self) -> Iterable[Snapshot]:
        """What all workers that are left have reported."""
        until = min((member.until_s for member in self._members if not member.gone), default=float("inf"))
        due: list[Snapshot] = []
        for member in self._members:
            due += [snapshot for snapshot in member.waiting if snapshot.end_s <= until]
            member.waiting = [snapshot for snapshot in member.waiting if snapshot.end_s > until]
        return merge(due) if len(self._members) > 1 else due

    async def _listen(self, member: _Member) -> None:
        while True:
            message = await receive(member.reader)
            if isinstance(message, Measured):
                self._take(member, message)
            else:
                break
        member.gone = True
        if isinstance(message, Crashed):
            self._crash = message.text
        elif not isinstance(message, Done):
            self.lost += 1
        self._arrived.set()

    def _take(self, member: _Member, message: Measured) -> None:
        for metric in message.metrics:
            self.metrics[metric.name] = metric
        self._steps_by_worker[message.worker] = message.clock_steps
        self.clock_steps = max(self._steps_by_worker.values())
        member.waiting.extend(message.snapshots)
        # Whole seconds: workers cut their seconds a few microseconds apart.
        member.until_s = max((snapshot.end_s for snapshot in message.snapshots), default=member.until_s) + 0.5
        self._arrived.set()

    def _send(self, member: _Member, message: Message) -> None:
        assert member.process.stdin is not None
        try:
            member.process.stdin.write(pack(message))
        except (BrokenPipeError, OSError):
            return  # it died; its listener says so

    def close(self) -> None:
        """Make sure that no worker is left."""
        processes = [member.process for member in self._members] or ([self._first] if self._first else [])
        for process in processes:
            if process is None:
                continue
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()  # a worker without a parent ends itself
            try:
                process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
