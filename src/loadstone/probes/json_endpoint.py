"""An endpoint that answers JSON, as a probe: `json: /stats, paths: {queue: stats.queue.depth}`."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.plan.http import from_environment
from loadstone.plan.probe import ProbePlan
from loadstone.probes.endpoint import headers_of, timeout_of, url_of
from loadstone.probes.json_values import JsonValues
from loadstone.probes.page import Page
from loadstone.probes.probe import NoReading, Readings

MOST_BYTES = 4_000_000
SETTINGS = {"paths", "headers", "timeout", "verify", "name"}


class JsonProbe:
    """See docs/probes.md for its settings."""

    def __init__(self, plan: ProbePlan, target: str) -> None:
        settings, self.url = plan.settings, url_of(plan.watches, target)
        for key in settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=f"probe {self.url}", hint=f"one of {', '.join(sorted(SETTINGS))}")
        self._values = JsonValues(settings.get("paths"), f"probe {self.url}")
        self.metrics = self._values.metrics
        self._headers, self._timeout_s = headers_of(settings.get("headers", {})), timeout_of(settings.get("timeout"))
        self._verify = settings.get("verify", True) is not False
        self.name = str(settings.get("name") or urlsplit(self.url).netloc)
        self._clock: Callable[[], int] = now_ns
        self._page: Page | None = None

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe."""
        try:
            headers = {"Accept": "application/json"} | {name: from_environment(value) for name, value in self._headers.items()}
        except KeyError as missing:
            raise NoReading("other", f"the environment has no {missing.args[0]}") from None
        self._clock = clock
        self._page = Page(self.url, headers=headers, timeout_s=self._timeout_s, most_bytes=MOST_BYTES, verify=self._verify, clock=clock)

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        assert self._page is not None
        asked_ns = self._clock()
        text = self._page.get()
        readings.at_ns = (asked_ns + self._clock()) // 2  # off by half the exchange at most
        self._values.read(text, readings, self.name)

    def close(self) -> None:
        """See Probe."""
        if self._page is not None:
            self._page.give_up()
