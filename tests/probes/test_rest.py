"""After the load: seconds that are not judged, then one moment that says what the target keeps."""

import asyncio

import pytest

from loadstone.clock import SECOND
from loadstone.measure.snapshot import SETTLE, Series, Snapshot
from loadstone.probes.probe import NoReading, Readings
from loadstone.probes.rest import at_rest
from loadstone.probes.watch import Watch


class Level:
    """Reads what it is told to."""

    name, metrics = "it", ()
    memory = 7e6

    def open(self, clock: object) -> None: ...

    def close(self) -> None: ...

    def sample(self, readings: Readings) -> None:
        readings.gauge("target.memory", self.memory, probe="it")


class Inside(Level):
    """Can also be asked to let go."""

    def settle(self, readings: Readings) -> None:
        for stage, level in (("rest", 6e6), ("collected", 5e6)):
            readings.gauge("target.retained_memory", level, stage=stage, probe="it")


class Fails(Level):
    """Can be asked, and does not answer."""

    def settle(self, _readings: Readings) -> None:
        raise NoReading("refused")


def rest(probe: Level, settle_s: float) -> list[Snapshot]:
    """From the tenth second on, in virtual time; the probe is read in the middle of each second."""
    now_ns = 10 * SECOND
    watch = Watch([(probe, 1.0)], lambda: now_ns)
    watched = watch.watched[0]
    watched._slot = 10

    async def sleep(seconds: float) -> None:
        nonlocal now_ns
        until_ns = now_ns + round(seconds * SECOND)
        while watched.due_ns(0) < until_ns:
            now_ns = watched.due_ns(0)
            watched.read(0)
        now_ns = until_ns

    async def take() -> list[Snapshot]:
        return [snapshot async for snapshot in at_rest(watch, 0, 10.0, settle_s, clock=lambda: now_ns, sleep=sleep)]

    return asyncio.run(take())


def kept(snapshot: Snapshot) -> dict[str, float]:
    return {
        dict(series.tags)["stage"]: gauge.last for series, gauge in snapshot.gauges.items() if series.metric == "target.retained_memory"
    }


def test_the_seconds_of_rest_are_not_judged_and_the_moment_after_them_takes_no_time() -> None:
    *seconds, last = rest(Inside(), 2.5)
    assert [(each.start_s, each.end_s) for each in seconds] == [(10, 11), (11, 12), (12, 12.5)]
    assert not any(each.judged for each in seconds)
    assert {each.phase for each in (*seconds, last)} == {SETTLE}
    assert last.judged
    assert last.end_s == last.start_s
    assert kept(last) == {"rest": 6e6, "collected": 5e6}
    assert seconds[0].gauges[Series("target.memory", (("probe", "it"),))].last == 7e6


@pytest.mark.parametrize("probe", [Level(), Fails()], ids=["nobody inside", "inside fails"])
def test_without_an_inside_what_is_seen_from_outside_is_told(probe: Level) -> None:
    assert kept(rest(probe, 2.0)[-1]) == {"rest": 7e6}
