"""Messages between a run's parent process and its workers: a length, then a pickle. Only ever between our own processes."""

from __future__ import annotations

import asyncio
import pickle
import struct
from dataclasses import dataclass

from loadstone.load.control import Control
from loadstone.measure.catalogue import Metric
from loadstone.measure.snapshot import Snapshot

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Setup:
    """First message to a worker: the plan as JSON, and which worker it is."""

    plan: str
    worker: int
    workers: int


@dataclass(frozen=True, slots=True)
class Go:
    """Start at this monotonic time (ns).

    before: what people asked for in an earlier part of the run: changes of how much is asked for, each with its moment of the schedule in
            seconds, 0 or less, counted from the start
    """

    start_ns: int
    before: tuple[tuple[Control, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """End; `at_once` does not wait for what is under way."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a person asks for; it holds from this monotonic time (ns) on, in all workers."""

    control: Control
    at_ns: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is prepared."""

    pid: int
    event_loop: str
    kernel_clock: bool
    kernel_timer: bool
    descriptor_limit: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a worker measured since its last message; `metrics` are the suite's own that are new."""

    worker: int
    snapshots: tuple[Snapshot, ...]
    metrics: tuple[Metric, ...] = ()
    clock_steps: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The worker's last message."""

    worker: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The worker cannot do what was asked: the parts of a UsageError."""

    what: str
    where: str
    hint: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """A bug of ours inside a worker."""

    text: str


Message = Setup | Go | Stop | Change | Ready | Measured | Done | Refused | Crashed


def pack(message: Message) -> bytes:
    """A message as bytes."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side has gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = pickle.loads(await reader.readexactly(length))  # noqa: S301  from our own child or parent
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return message


async def open_reader(loop: asyncio.AbstractEventLoop, pipe: object) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """A stream over a pipe of this process, and what must be closed when nobody reads it any more."""
    reader = asyncio.StreamReader(limit=1 << 26)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader, transport
