"""Kernel stamps in realtime become monotonic times, and a realtime clock that is stepped is noticed."""

from types import SimpleNamespace

import pytest

from loadstone import clock
from loadstone.clock import CLOCK_STEP_NS, SECOND, StampClock


class Clocks:
    """Both clocks in the test's hand; each look at the monotonic one takes `look_ns`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monotonic, self.ahead, self.look_ns = 5 * SECOND, 1_700_000_000 * SECOND, 100
        self.interruptions: list[int] = []
        monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic_ns=self.look, time_ns=self.real))

    def look(self) -> int:
        self.monotonic += self.look_ns
        return self.monotonic

    def real(self) -> int:
        if self.interruptions:
            self.monotonic += self.interruptions.pop(0)
        return self.monotonic + self.ahead


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_a_stamp_less_the_offset_is_the_monotonic_time(clocks: Clocks) -> None:
    stamps = StampClock()
    assert abs(clocks.real() - stamps.offset - clocks.monotonic) <= clocks.look_ns


def test_a_step_is_counted_and_followed(clocks: Clocks) -> None:
    stamps = StampClock()
    for step in (SECOND, -3 * SECOND, 2 * CLOCK_STEP_NS):
        clocks.ahead += step
        stamps.refresh()
        assert abs(stamps.offset - clocks.ahead) <= clocks.look_ns
    assert stamps.steps == 3


def test_drift_is_followed_and_not_counted(clocks: Clocks) -> None:
    stamps = StampClock()
    for _ in range(100):
        clocks.ahead += CLOCK_STEP_NS // 2
        stamps.refresh()
    assert stamps.steps == 0
    assert abs(stamps.offset - clocks.ahead) <= clocks.look_ns


def test_a_look_that_was_interrupted_is_no_step(clocks: Clocks) -> None:
    stamps = StampClock()
    clocks.interruptions = [5 * CLOCK_STEP_NS, 7 * CLOCK_STEP_NS]
    stamps.refresh()
    assert stamps.steps == 0
    assert abs(stamps.offset - clocks.ahead) <= clocks.look_ns
