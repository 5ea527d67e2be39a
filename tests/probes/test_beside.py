"""A probe read in place."""

import os

import pytest

from loadstone.errors import UsageError
from loadstone.measure.snapshot import Gauge, Series
from loadstone.plan.probe import ProbePlan
from loadstone.probes.beside import levels_of
from loadstone.probes.probe import NoReading, Readings
from loadstone.probes.process import ProcessProbe


class Ends:
    """Answers twice, then its process has ended."""

    name, metrics = "it", ()

    def __init__(self) -> None:
        self.left = 2

    def open(self, clock: object) -> None: ...

    def close(self) -> None: ...

    def sample(self, readings: Readings) -> None:
        if not self.left:
            raise NoReading("gone")
        self.left -= 1
        readings.gauge("target.memory", 5.0)


def process(pid: int) -> ProcessProbe:
    return ProcessProbe(ProbePlan(kind="process", watches=f"pid:{pid}"), "")


def test_this_process_has_memory_and_cpu() -> None:
    found = {series.metric: gauge for series, gauge in levels_of(process(os.getpid()))().items()}
    assert found["target.memory"].last > 1e6
    assert found["target.cpu"].last >= 0.0


def test_a_process_that_has_ended_has_no_level() -> None:
    read = levels_of(Ends())
    assert read() == {Series("target.memory"): Gauge.of(5.0)}
    assert read() == {}


def test_a_process_that_is_not_there_is_a_mistake_of_the_user() -> None:
    with pytest.raises(UsageError, match="no such process"):
        levels_of(process(2**22 + 1))
