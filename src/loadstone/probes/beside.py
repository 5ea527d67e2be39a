"""A probe that is read in place, by whoever has no load to put its readings beside."""

from __future__ import annotations

from collections.abc import Callable

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.snapshot import Gauge, Series
from loadstone.probes.probe import NoReading, Probe, Readings


def levels_of(probe: Probe) -> Callable[[], dict[Series, Gauge]]:
    """What reads the probe once: levels, or nothing where there was nothing to read, as after the end of its process.

    raises: UsageError when there is nothing to read from the start
    """

    def read() -> dict[Series, Gauge]:
        readings = Readings()
        try:
            probe.sample(readings)
        except NoReading:
            return {}
        return {series: Gauge.of(value) for series, value in readings.gauges.items()}

    try:
        probe.open(now_ns)
        probe.sample(Readings())  # counters need a reading to grow from
    except NoReading as nothing:
        what = {"gone": "no such process", "permission": "it may not be read"}.get(nothing.reason, nothing.text)
        raise UsageError(what, where=probe.name, hint="the PID of a process of your own that runs") from None
    return read
