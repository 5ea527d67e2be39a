"""The contract of a probe: something that is read again and again beside the load, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from loadstone.measure.catalogue import Metric
from loadstone.measure.plain_text import plain
from loadstone.measure.snapshot import Series

MOST_SERIES = 200  # per reading; what a target invents must not grow our memory
LONGEST_TAG = 80
# Why a reading brought nothing.
REASONS = frozenset(
    ("refused", "dns", "timeout", "status", "tls", "reset", "malformed", "too_large", "gone", "permission", "missing", "busy", "other")
)


class NoReading(Exception):
    """A reading that brought nothing.

    reason: one word from a small set, for it becomes a tag: see REASONS
    text:   the same in a short sentence without secrets
    """

    def __init__(self, reason: str, text: str = "") -> None:
        self.reason, self.text = reason, text or reason
        super().__init__(self.text)


@dataclass(slots=True)
class Readings:
    """What one sample found, all of it at one moment.

    at_ns:    that moment, monotonic; the probe sets it when it knows better than the middle of its own work
    left_out: series that were not taken because there were too many
    """

    gauges: dict[Series, float] = field(default_factory=dict)
    at_ns: int = 0
    left_out: int = 0

    def gauge(self, metric: str, value: float, /, **tags: str) -> None:
        """A level; the last of several with the same tags is kept, and past the limit new series are left out."""
        series = Series(metric, tuple(sorted((key, plain(text, LONGEST_TAG)) for key, text in tags.items())))
        if series not in self.gauges and len(self.gauges) >= MOST_SERIES:
            self.left_out += 1
            return
        self.gauges[series] = value


class Probe(Protocol):
    """Watches an endpoint or a process. `open` and `sample` are called one after another, by one thread that is all its own."""

    @property
    def name(self) -> str:
        """The tag `probe` of what it measures."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Every metric that it may record, so that gates can name them before the first reading."""

    def open(self, clock: Callable[[], int]) -> None:
        """Get ready, shortly before the load begins; raises NoReading, and is then tried again.

        clock: monotonic ns, the same that times the load
        """

    def sample(self, readings: Readings) -> None:
        """Read once; raises NoReading when there is nothing to read. It should take less time than lies between two readings."""

    def close(self) -> None:
        """Let go of everything; may be called while `sample` runs in its thread, which should then end."""


@runtime_checkable
class Settling(Protocol):
    """A probe that can also ask the target to let go of what it does not need, and tell what is left."""

    def settle(self, readings: Readings) -> None:
        """`target.retained_memory` with the tag `stage`; raises NoReading. Called once, at rest, beside `sample` in another thread."""
