"""A look before the load: do the endpoints answer, and how late does this process wake up? Nothing of it enters a run's results."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loadstone.clients.http import HttpClient
from loadstone.clients.http_scope import HttpOptions, HttpScope
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND
from loadstone.event_loop import new_event_loop
from loadstone.load.stage import http_options
from loadstone.measure.recorder import Recorder
from loadstone.plan.http import HttpSettings

PATIENCE_S = 3.0  # for each endpoint; all are asked side by side
EVERY_NS = SECOND // 500


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a path answered to HEAD, which changes nothing (RFC 9110 section 9.2.1).

    status: 0 without an answer; `reason` then says why
    """

    path: str
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What was seen; `lags_ns` in order of size, one for each deadline that was waited for."""

    endpoints: tuple[Endpoint, ...]
    lags_ns: tuple[int, ...]

    def lag_ns(self, share: float) -> int:
        """The lag that this share of the deadlines did not exceed; 0 where none was waited for."""
        return self.lags_ns[min(len(self.lags_ns) - 1, int(len(self.lags_ns) * share))] if self.lags_ns else 0


def first_look(settings: HttpSettings, target: str, paths: Sequence[str], *, lasting_s: float) -> FirstLook:
    """Ask each path once, and wait for deadlines for a while.

    raises: LoadstoneError for a secret that the environment lacks, UsageError for TLS files that cannot be used
    """
    options = http_options(settings, target)
    once = round(PATIENCE_S * SECOND)
    options = replace(options, limits=replace(options.limits, connect_ns=once, first_byte_ns=once, total_ns=once), redirects=0)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_look(options, paths, lasting_s))


class _Nobody:
    """Whoever asks is no user of the run."""

    tags: Mapping[str, str] = {}

    def take_due(self) -> tuple[int, int]:
        """See clients.http.Place."""
        return 0, 0


async def _look(options: HttpOptions, paths: Sequence[str], lasting_s: float) -> FirstLook:
    wire = Wire(asyncio.get_running_loop())
    client = HttpClient(HttpScope(wire, Recorder(), "first look", options), _Nobody())
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_ask(client, path)) for path in paths]
        return FirstLook(tuple(each.result() for each in asked), tuple(sorted(await _lags(wire, lasting_s))))
    finally:
        client.close()
        wire.close()


async def _ask(client: HttpClient, path: str) -> Endpoint:
    reply = await client.head(path)
    return Endpoint(path, reply.status, "" if reply.status else reply.reason or str(reply.failure))


async def _lags(wire: Wire, lasting_s: float) -> list[int]:
    timers, found = wire.timers, list[int]()
    start = timers.now_ns() + EVERY_NS
    for number in range(round(lasting_s * SECOND / EVERY_NS)):
        due = start + number * EVERY_NS
        await timers.wait_until(due)
        found.append(timers.now_ns() - due)
    return found
