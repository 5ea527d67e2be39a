"""The workers of a run on this machine: started, merged second by second, stopped, and missed when they die."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field, replace

from loadstone.clock import MILLISECOND, SECOND, now_ns
from loadstone.errors import LoadstoneError, UsageError
from loadstone.load.control import Control, Pause, Resume
from loadstone.load.control import Stop as AskedToStop
from loadstone.load.frames import Change, Crashed, Done, Go, Measured, Message, Ready, Refused, Setup, Stop, open_reader, pack, receive
from loadstone.load.merge import merge
from loadstone.load.outlook import longest_s
from loadstone.load.spawn import WorkerProcess, spawn_worker
from loadstone.load.warp import Warp
from loadstone.measure.catalogue import Metric
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan

# From the order to go until the first arrival: the order must have reached every worker by then.
HEAD_START_NS = 20 * MILLISECOND
PREPARE_S = 60.0
# A worker gives its sessions up within three seconds of the end of the graceful time; one that takes longer hangs in a script.
OVERDUE_S = 5.0
# The others are not kept waiting for a worker that is silent for so long; what it tells later is still taken in.
SILENT_NS = 3 * SECOND
LOOK_EVERY_S = 0.5
CLOSE_S = 2.0


@dataclass
class _Member:
    """One worker as the parent sees it."""

    number: int
    process: WorkerProcess
    reader: asyncio.StreamReader
    incoming: asyncio.ReadTransport
    ready: Ready | None = None
    until_s: float = 0.0  # everything before this has been received
    heard_ns: int = 0
    gone: bool = False
    killed: bool = False
    waiting: list[Snapshot] = field(default_factory=list)


class LocalFleet:
    """Worker processes on this machine.

    metrics:     what the suite's scripts recorded under names of their own
    lost:        one line for each worker that died before it was done
    clock_steps: steps of the wall clock that workers saw
    """

    def __init__(self, plan: Plan, first: WorkerProcess | None = None) -> None:
        self._plan = plan
        self._first = first
        self._members: list[_Member] = []
        self._listeners: list[asyncio.Task[None]] = []
        self._arrived = asyncio.Event()
        self.metrics: dict[str, Metric] = {}
        self.lost: list[str] = []
        self.clock_steps = 0
        self._steps_by_worker: dict[int, int] = {}
        self._crash = ""
        self._start_ns = 0
        self._warp = Warp()
        self._end_ns: int | None = None  # when every worker must have ended, in schedule time
        self._stop_by_ns: int | None = None  # the same for those that were told to
        self._told_s = {False: 0.0, True: 0.0}
        self._seq = 0

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
        self._members = [
            _Member(number, process, *await open_reader(loop, process.stdout)) for number, process in enumerate(processes) if process
        ]
        text = self._plan.wire()
        for member in self._members:
            self._send(member, Setup(text, member.number, workers))
        try:
            async with asyncio.timeout(PREPARE_S):
                for member in self._members:
                    member.ready = self._expect_ready(await receive(member.reader))
        except TimeoutError:
            what = f"a worker was not ready after {PREPARE_S:g} s"
            raise UsageError(what, where=self._plan.source, hint="look for code of the suite that blocks while it is imported") from None

    def _expect_ready(self, message: Message | None) -> Ready:
        if isinstance(message, Ready):
            return message
        if isinstance(message, Refused):
            raise UsageError(message.what, where=message.where, hint=message.hint)
        if isinstance(message, Crashed):
            raise LoadstoneError(f"a worker failed while it prepared\n{message.text}", hint="run again with -v and report this")
        raise LoadstoneError("a worker process ended before it was ready", hint="loadstone doctor")

    def go(self, before: Sequence[tuple[Control, float]] = ()) -> int:
        """Start the load; answers the common start (monotonic ns).

        before: as in the message `Go`
        """
        self._start_ns = start_ns = now_ns() + HEAD_START_NS
        longest = longest_s(self._plan)
        if longest is not None:
            self._end_ns = start_ns + round((longest + OVERDUE_S) * SECOND)
        for member in self._members:
            member.heard_ns = start_ns
            self._send(member, Go(start_ns, tuple(before)))
        return start_ns

    def stop(self, *, at_once: bool = False) -> None:
        """Ask all workers to end; those that do not are ended."""
        self._expect_end(at_once=at_once)
        for member in self._members:
            if not member.gone:
                self._send(member, Stop(at_once))

    def _expect_end(self, *, at_once: bool) -> None:
        end_ns = now_ns() + round(((0.0 if at_once else self._plan.graceful_stop_s) + OVERDUE_S) * SECOND)
        self._stop_by_ns = end_ns if self._stop_by_ns is None else min(end_ns, self._stop_by_ns)

    def control(self, control: Control) -> int:
        """Hand what a person asks for to all workers; answers the one moment from which on it holds (monotonic ns)."""
        at_ns = max(now_ns(), self._start_ns) + HEAD_START_NS
        if isinstance(control, Pause):
            self._warp = self._warp.paused(at_ns)
        elif isinstance(control, Resume):
            self._warp = self._warp.resumed(at_ns)
        elif isinstance(control, AskedToStop):
            self._expect_end(at_once=False)
        for member in self._members:
            if not member.gone:
                self._send(member, Change(control, at_ns))
        return at_ns

    async def snapshots(self) -> AsyncGenerator[Snapshot, None]:
        """Merged snapshots, in order of time, until the last worker is done or gone. Close the iterator when you leave it early."""
        self._listeners = [asyncio.create_task(self._listen(member)) for member in self._members]
        try:
            while True:
                self._arrived.clear()
                for snapshot in self._complete():
                    yield snapshot
                if all(member.gone for member in self._members):
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), LOOK_EVERY_S)
                self._end_the_overdue()
        finally:
            for listener in self._listeners:
                listener.cancel()
        for listener in self._listeners:
            listener.result()
        if self._crash:
            raise LoadstoneError(f"a worker failed\n{self._crash}", hint="run again with -v and report this")

    def _complete(self) -> Iterable[Snapshot]:
        """What all workers that can be waited for have reported; no stretch of time is told twice."""
        now = now_ns()
        left = [member for member in self._members if not member.gone]
        talking = [member for member in left if now - member.heard_ns < SILENT_NS]
        until = min((member.until_s for member in talking or left), default=float("inf"))
        due: list[list[Snapshot]] = []
        for member in self._members:
            due.append([snapshot for snapshot in member.waiting if snapshot.end_s <= until])
            member.waiting = [snapshot for snapshot in member.waiting if snapshot.end_s > until]
        for snapshot in merge(due):
            told_s = self._told_s[snapshot.judged]
            self._told_s[snapshot.judged] = max(told_s, snapshot.end_s)
            yield replace(snapshot, seq=self._seq, start_s=min(max(snapshot.start_s, told_s), snapshot.end_s))
            self._seq += 1

    async def _listen(self, member: _Member) -> None:
        while isinstance(message := await receive(member.reader), Measured):
            self._take(member, message)
        member.gone = True
        if isinstance(message, Crashed):
            self._crash = self._crash or message.text
            self.stop()
        elif not isinstance(message, Done):
            self._miss(member)
            self.stop()  # what was asked for cannot be reached any more
        self._arrived.set()

    def _take(self, member: _Member, message: Measured) -> None:
        for metric in message.metrics:
            self.metrics[metric.name] = metric
        self._steps_by_worker[message.worker] = message.clock_steps
        self.clock_steps = max(self._steps_by_worker.values())
        member.waiting.extend(message.snapshots)
        member.until_s = max((snapshot.end_s for snapshot in message.snapshots), default=member.until_s)
        member.heard_ns = now_ns()
        self._arrived.set()

    def _miss(self, member: _Member) -> None:
        process, at_s = member.process, max(0, now_ns() - self._start_ns) / SECOND
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=CLOSE_S)
        if member.killed:
            how = how_it_was_late(now_ns() - member.heard_ns, self._plan)
        elif process.returncode is None:
            how = "closed its pipe"
        elif process.returncode < 0:
            how = f"was ended by {_signal_name(-process.returncode)}"
        else:
            how = f"ended with exit code {process.returncode}"
        self.lost.append(f"worker {member.number} (pid {process.pid}) {how} {at_s:.0f} s into the run")

    def _end_the_overdue(self) -> None:
        end_ns = self._warp.due_ns(self._end_ns) if self._end_ns is not None else None  # None: paused, so there is no end to miss
        if any(limit_ns is not None and now_ns() > limit_ns for limit_ns in (end_ns, self._stop_by_ns)):
            for member in self._members:
                if not member.gone and not member.killed:
                    member.killed = True
                    member.process.kill()

    def _send(self, member: _Member, message: Message) -> None:
        stdin, left = member.process.stdin, memoryview(pack(message))
        assert stdin is not None
        with contextlib.suppress(OSError):  # it died; its listener says so
            while left:  # the pipe has no buffer of ours: a signal that comes meanwhile ends a write in the middle
                left = left[stdin.write(left) :]

    def hang_up(self) -> None:
        """Listen no more; inside the event loop that listened."""
        for member in self._members:
            member.incoming.close()

    def close(self) -> None:
        """Make sure that no worker is left."""
        processes = [member.process for member in self._members] or ([self._first] if self._first else [])
        for process in processes:
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()  # a worker without a parent ends itself
        deadline = time.monotonic() + CLOSE_S
        for process in processes:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def how_it_was_late(silent_ns: int, plan: Plan) -> str:
    """What a worker did that had to be killed: one that still told its seconds does not hang, and without code of a suite nothing can."""
    if silent_ns < SILENT_NS:
        return "was too busy to end when it should have (ask for less, or for more workers), and was killed"
    if any(scenario.code or any(step.call for step in scenario.steps) for scenario in plan.scenarios):
        return "hung in the suite's code when it should have ended, and was killed"
    return "said nothing more and did not end when it should have (was it stopped?), and was killed"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
