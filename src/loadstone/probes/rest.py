"""After the load: the target rests, its probes go on, and at the end it is told what memory it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from loadstone.clock import SECOND, now_ns
from loadstone.measure.resources import REST
from loadstone.measure.snapshot import SETTLE, Gauge, Series, Snapshot
from loadstone.probes.watch import Watch

MEMORY, RETAINED = "target.memory", "target.retained_memory"
MARGIN_S = 0.05  # a reading of the last moment is still put away


async def at_rest(
    watch: Watch,
    start_ns: int,
    from_s: float,
    settle_s: float,
    *,
    clock: Callable[[], int] = now_ns,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Snapshot, None]:
    """Seconds that are not judged, then a moment that is: it holds `target.retained_memory` and nothing else.

    from_s: the end of the load, in seconds since its start
    """
    begin_s, until_s = from_s, from_s + settle_s
    kept: dict[Series, Gauge] = {}
    while begin_s < until_s:
        end_s = min(begin_s + 1.0, until_s)
        await sleep(max(0.0, end_s + MARGIN_S - (clock() - start_ns) / SECOND))
        snapshot = watch.complete(Snapshot(0, begin_s, end_s, judged=False, phase=SETTLE))
        kept |= {series: gauge for series, gauge in snapshot.gauges.items() if series.metric == MEMORY}
        yield snapshot
        begin_s = end_s
    told = await asyncio.to_thread(watch.settled)
    if not told:  # nobody inside: what is seen from outside at the end of the rest
        told = {Series(RETAINED, tuple(sorted({**dict(series.tags), "stage": REST}.items()))): gauge for series, gauge in kept.items()}
        told = {series: Gauge.of(gauge.last) for series, gauge in told.items()}
    if told:
        now_s = (clock() - start_ns) / SECOND
        yield Snapshot(0, now_s, now_s, phase=SETTLE, gauges=told)
