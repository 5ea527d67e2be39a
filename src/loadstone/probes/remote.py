"""Probes on another machine, asked by `loadstone probe` that runs there: their readings, put on our clock."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN, Metric
from loadstone.measure.resources import GPU, MACHINE, PROCESS, REMOTE
from loadstone.plan.http import from_environment
from loadstone.plan.probe import ProbePlan
from loadstone.probes.endpoint import timeout_of, url_of
from loadstone.probes.json_values import metric_of
from loadstone.probes.page import Page
from loadstone.probes.probe import REASONS, NoReading, Readings

PATH = "/readings"
MOST_BYTES = 1_000_000
SETTINGS = {"token", "metrics", "timeout", "verify", "ca", "name"}
TAGS = {"state", "kind", "process", "value", "resource", "gpu"}
REMEMBERED = 60  # exchanges of stamps, of which the quickest says what the clocks differ by


class Offset(NamedTuple):
    """How far a clock is ahead of ours, give or take `error_ns`: half of the way there and back (RFC 5905, section 8)."""

    error_ns: int
    ahead_ns: int


def offset_of(asked_ns: int, received_ns: int, sent_ns: int, answered_ns: int) -> Offset:
    """From four stamps: asked and answered on our clock, received and sent on theirs."""
    way_ns = (answered_ns - asked_ns) - (sent_ns - received_ns)
    return Offset(max(0, way_ns) // 2, ((received_ns - asked_ns) + (sent_ns - answered_ns)) // 2)


class RemoteProbe:
    """`remote: "host:port", token: "${env:TOKEN}"`; see docs/probes.md.

    Each reading is a request of its own, so a lost connection is one reading lost.
    """

    def __init__(self, plan: ProbePlan, target: str) -> None:
        settings, where = plan.settings, f"probe remote {plan.watches}"
        for key in settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=where, hint=f"one of {', '.join(sorted(SETTINGS))}")
        self._token = settings.get("token")
        if not isinstance(self._token, str) or not self._token.strip() or not self._token.isprintable():
            raise UsageError("a remote probe needs its token", where=where, hint='token: "${env:LOADSTONE_PROBE_TOKEN}"')
        names = settings.get("metrics", [])
        if not isinstance(names, (list, tuple)):
            raise UsageError("metrics of a probe must be a list of names", where=where, hint="metrics: [queue]")
        self.url = f"{url_of(plan.watches.rstrip('/'), target)}{PATH}"
        self.name = str(settings.get("name") or urlsplit(self.url).netloc)
        known = {name for name, *_ in (*PROCESS, *MACHINE, *GPU, *REMOTE)}
        own: tuple[Metric, ...] = tuple(metric_of(str(name), where) for name in names)
        self.metrics = (*(metric for metric in BUILT_IN if metric.name in known), *own)
        self._timeout_s, self._verify, self._ca = (
            timeout_of(settings.get("timeout")),
            settings.get("verify", True) is not False,
            settings.get("ca"),
        )
        self._clock: Callable[[], int] = now_ns
        self._offsets: deque[Offset] = deque(maxlen=REMEMBERED)
        self._page: Page | None = None

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe."""
        try:
            headers = {"Authorization": f"Bearer {from_environment(str(self._token))}"}
        except KeyError as missing:
            raise NoReading("other", f"the environment has no {missing.args[0]}") from None
        self._clock = clock
        ca = str(self._ca) if self._ca else None
        self._page = Page(
            self.url, headers=headers, timeout_s=self._timeout_s, most_bytes=MOST_BYTES, verify=self._verify, ca=ca, clock=clock
        )

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        assert self._page is not None
        asked_ns = self._clock()
        text = self._page.get()
        answered_ns = self._clock()
        try:
            found = json.loads(text)
            received_ns, at_ns, sent_ns, wall_ns = (int(found[key]) for key in ("received_ns", "at_ns", "sent_ns", "wall_ns"))
            gauges = [
                (str(metric), {str(key): str(tag) for key, tag in tags.items()}, float(value)) for metric, tags, value in found["gauges"]
            ]
            missed = [str(reason) for reason in found["missed"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise NoReading("malformed", "not the readings of `loadstone probe`") from None
        self._offsets.append(offset_of(asked_ns, received_ns, sent_ns, answered_ns))
        best = min(self._offsets)
        # Whatever the other side says, the reading lies between our question and its answer.
        readings.at_ns = min(max(at_ns - best.ahead_ns, asked_ns), answered_ns)
        if not gauges and missed:
            raise NoReading(missed[0] if missed[0] in REASONS else "other", "every probe there brought nothing")
        self._tell(gauges, readings)
        ahead_ns = (wall_ns - sent_ns + best.ahead_ns) - (time.time_ns() - answered_ns)
        readings.gauge("probe.clock_offset", ahead_ns / 1e6, probe=self.name)
        readings.gauge("probe.clock_error", best.error_ns / 1e6, probe=self.name)

    def close(self) -> None:
        """See Probe."""
        if self._page is not None:
            self._page.give_up()

    def _tell(self, gauges: list[tuple[str, dict[str, Any], float]], readings: Readings) -> None:
        known = {metric.name for metric in self.metrics}
        for metric, tags, value in gauges:
            if metric in known and math.isfinite(value):
                there = tags.pop("probe", "")
                named = {key: tag for key, tag in tags.items() if key in TAGS}  # what is invented there must not come out here
                readings.gauge(metric, value, **named, probe=f"{self.name} {there}".strip())
