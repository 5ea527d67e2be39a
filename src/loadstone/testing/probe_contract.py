"""What every probe must keep to, as tests: a plug-in's test class inherits them and says how its probe is made.

class TestGpuProbe(ProbeContract):
    def make(self) -> Probe:
        return GpuProbe(ProbePlan(kind="gpu", watches="0"), "http://127.0.0.1")
"""

from __future__ import annotations

import math

from loadstone.clock import now_ns
from loadstone.measure.catalogue import BUILT_IN, Kind
from loadstone.probes.probe import NoReading, Probe, Readings

MAY_TELL = ("target.", "machine.", "gpu.", "probe.unreadable", "probe.clock_")
KEPT_NAMES = frozenset(metric.name for metric in BUILT_IN if not metric.name.startswith(MAY_TELL))


class ProbeContract:
    """Inherit, and give `make`: a probe of something that is there and can be read."""

    def make(self) -> Probe:
        """A new probe, not opened yet."""
        raise NotImplementedError

    def make_dead(self) -> Probe | None:
        """A probe of something that is not there; None when there is no such thing for this kind."""
        return None

    def read(self, probe: Probe) -> Readings:
        """One reading."""
        readings = Readings()
        probe.sample(readings)
        return readings

    def test_it_has_a_name_and_says_what_it_may_record(self) -> None:
        """Before anything is opened, because gates are checked then."""
        probe = self.make()
        assert probe.name
        names = [metric.name for metric in probe.metrics]
        assert names
        assert len(set(names)) == len(names)
        assert not KEPT_NAMES & set(names), "a built-in metric keeps its meaning"
        assert all(metric.kind is Kind.GAUGE for metric in probe.metrics), "what a probe reads is a level"

    def test_what_it_records_was_declared_and_is_a_number(self) -> None:
        """Two readings, for what only grows between two."""
        probe = self.make()
        probe.open(now_ns)
        try:
            for readings in (self.read(probe), self.read(probe)):
                assert {series.metric for series in readings.gauges} <= {metric.name for metric in probe.metrics}
                assert all(math.isfinite(value) for value in readings.gauges.values())
        finally:
            probe.close()

    def test_its_moment_lies_within_its_reading(self) -> None:
        """`at_ns` is monotonic, or left at 0 for the middle."""
        probe = self.make()
        probe.open(now_ns)
        try:
            before_ns = now_ns()
            readings = self.read(probe)
            assert readings.at_ns == 0 or before_ns <= readings.at_ns <= now_ns()
        finally:
            probe.close()

    def test_it_can_be_closed_without_having_been_opened_and_twice(self) -> None:
        """A run may end before it began."""
        probe = self.make()
        probe.close()
        probe.close()

    def test_what_is_not_there_is_no_reading_and_no_error(self) -> None:
        """A dead target is data."""
        probe = self.make_dead()
        if probe is None:
            return
        try:
            probe.open(now_ns)
            self.read(probe)
        except NoReading as nothing:
            reason = nothing.reason
        else:
            reason = ""
        finally:
            probe.close()
        assert reason, "a reading of nothing must raise NoReading, with its reason"
