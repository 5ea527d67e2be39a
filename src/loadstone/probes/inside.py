"""What a Python target says of its own inside (`loadstone.inside`), on the same time line as the load."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from loadstone.clock import MILLISECOND, SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.resources import COLLECTED, REST, TRIMMED
from loadstone.plan.http import from_environment
from loadstone.plan.probe import ProbePlan
from loadstone.probes.growth import Growth
from loadstone.probes.page import Page
from loadstone.probes.probe import NoReading, Readings
from loadstone.units import parse_duration

MOST_BYTES = 1_000_000
TIMEOUT_S = 5.0  # a checkpoint may take a second of a large target
SETTLE_TIMEOUT_S = 60.0
TOP = 3
USUAL_FRAMES, MOST_FRAMES = 4, 64
MOST_PROCESSES = 20  # workers that are replaced all the time must not grow our memory
MOST_NAMES = 60  # types, and lines
TOKEN = "${env:LOADSTONE_INSIDE_TOKEN}"  # noqa: S105  where it stands, not what it is
SETTINGS = {"token", "timeout", "verify", "name", "checkpoint", "trace"}
# metric -> where it stands in what a trim says of one moment
RETAINED: Mapping[str, tuple[str, ...]] = {
    "target.retained_memory": ("resident_bytes",),
    "target.retained_blocks": ("allocated_blocks",),
    "target.retained_heap": ("heap", "used_bytes"),
}
METRICS = (
    "target.gc_pause",
    "target.gc_share",
    "target.gc_collections",
    "target.allocated_blocks",
    "target.heap",
    "target.heap_free",
    "target.loop_lag",
    "target.tasks",
    "target.threads",
    "target.pool_size",
    "target.pool_in_use",
    "target.traced_memory",
    "target.tracer_memory",
    *RETAINED,
    "target.objects",
    "target.objects_more",
    "target.site_more",
)
# metric -> where it stands in the page
LEVELS: Mapping[str, tuple[str, ...]] = {
    "target.allocated_blocks": ("allocated_blocks",),
    "target.heap": ("heap", "used_bytes"),
    "target.heap_free": ("heap", "free_bytes"),
    "target.tasks": ("loop", "tasks"),
    "target.threads": ("threads",),
}
LONGEST: Mapping[str, tuple[str, ...]] = {
    "target.gc_pause": ("gc", "longest_pause_ns"),
    "target.loop_lag": ("loop", "longest_lag_ns"),
}


class InsideProbe:
    """Reads the page of `loadstone.inside`; see docs/inside.md for its settings.

    The process that answered first has no tag of its own; another one behind the same port has the tag `pid`, so that the levels
    of two workers are never taken for one that goes up and down.
    """

    def __init__(self, plan: ProbePlan, target: str) -> None:
        settings, self.url = plan.settings, _url(plan.watches, target)
        for key in settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=f"probe {self.url}", hint=f"one of {', '.join(sorted(SETTINGS))}")
        self._token = str(settings.get("token", TOKEN))
        self._timeout_s = _more_than_0(settings, "timeout") or TIMEOUT_S
        self._checkpoint_ns = round((_more_than_0(settings, "checkpoint") or 0) * SECOND)
        self._frames = _frames(settings)
        self._verify = settings.get("verify", True) is not False
        self.name = str(settings.get("name") or urlsplit(self.url).netloc)
        self.metrics = tuple(metric for metric in BUILT_IN if metric.name in METRICS)
        self._clock: Callable[[], int] = now_ns
        self._growth: dict[int, Growth] = {}
        self._before_ns: dict[int, int] = {}
        self._checkpoint_due_ns = 0
        self._names: dict[str, set[str]] = {}
        self._page: Page | None = None

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe; a checkpoint is asked for now, so that later ones have something to grow from."""
        self._clock = clock
        if self._checkpoint_ns:
            if self._frames:
                self._ask(f"/trace?frames={self._frames}", "POST")
            self._ask("/restart", "POST")
            self._ask("/checkpoint", "POST")
            self._checkpoint_due_ns = clock() + self._checkpoint_ns

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        asked_ns = self._clock()
        since_ns = max(self._before_ns.values(), default=0)
        page = self._ask(f"?since_ns={since_ns}", "GET")
        readings.at_ns = (asked_ns + self._clock()) // 2
        pid, now = page.get("pid"), page.get("now_ns")
        if page.get("version") != 1 or not isinstance(pid, int) or not isinstance(now, int):
            raise NoReading("malformed", "not a page of loadstone.inside")
        if pid not in self._before_ns and len(self._before_ns) >= MOST_PROCESSES:
            raise NoReading("other", f"more than {MOST_PROCESSES} processes answered; watch one worker on a port of its own")
        tags = {"probe": self.name} | ({"pid": str(pid)} if self._before_ns and pid != next(iter(self._before_ns)) else {})
        for metric, value in (*_levels(page), *self._between(pid, now, page)):
            readings.gauge(metric, value, **tags)
        for metric, pool, value in _pools(page):
            readings.gauge(metric, value, pool=pool, **tags)
        self._collections(pid, page, readings, tags)
        self._before_ns[pid] = now
        if self._checkpoint_ns and self._clock() >= self._checkpoint_due_ns:
            self._checkpoint_due_ns += ((self._clock() - self._checkpoint_due_ns) // self._checkpoint_ns + 1) * self._checkpoint_ns
            self._checkpoint(readings, tags)

    def settle(self, readings: Readings) -> None:
        """The load has ended: what grew, with its lines; what the target keeps, what after a collection, what after a trim of the heap."""
        self._timeout_s = max(self._timeout_s, SETTLE_TIMEOUT_S)  # nobody waits for the target now
        if self._checkpoint_ns:
            with contextlib.suppress(NoReading):
                self._checkpoint(readings, {"probe": self.name}, sites=True)
        found = self._ask("/trim", "POST")
        for key, stage in (("before", REST), ("collected", COLLECTED), ("trimmed", TRIMMED)):
            for metric, where in RETAINED.items():
                value = _number(found, (key, *where))
                if value is not None:
                    readings.gauge(metric, value, stage=stage, probe=self.name)
        if self._frames and self._checkpoint_ns:
            self._ask("/untrace", "POST")

    def close(self) -> None:
        """See Probe."""
        page = self._page
        if page is not None:
            page.give_up()

    def _ask(self, rest: str, method: str) -> Mapping[str, Any]:
        try:
            token = from_environment(self._token)
        except KeyError as missing:
            raise NoReading("other", f"the environment has no {missing.args[0]}") from None
        headers = {"Authorization": f"Bearer {token}"}
        self._page = Page(
            f"{self.url}{rest}",
            headers=headers,
            timeout_s=self._timeout_s,
            most_bytes=MOST_BYTES,
            verify=self._verify,
            clock=self._clock,
            method=method,
        )
        try:
            answer = json.loads(self._page.get())
        except (ValueError, RecursionError):
            raise NoReading("malformed", "not JSON") from None
        if not isinstance(answer, dict):
            raise NoReading("malformed", "not a JSON object")
        return answer

    def _between(self, pid: int, now: int, page: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
        """What is of the time since the reading before: nothing in the first of a process."""
        before = self._before_ns.get(pid)
        growth = self._growth.setdefault(pid, Growth())
        growth.begin(now)
        paused = growth.of("pause", _number(page, ("gc", "pause_ns")) or 0.0)
        if before is None or now <= before:
            return
        if paused is not None:
            yield "target.gc_share", 100.0 * paused / (now - before)
        for metric, where in LONGEST.items():
            value = _number(page, where)
            if value is not None:  # no collection is no pause of 0
                yield metric, value / MILLISECOND

    def _collections(self, pid: int, page: Mapping[str, Any], readings: Readings, tags: Mapping[str, str]) -> None:
        counted = page.get("gc", {}).get("collections", []) if isinstance(page.get("gc"), dict) else []
        growth = self._growth[pid]
        for generation, count in enumerate(counted if isinstance(counted, list) else []):
            if isinstance(count, int):
                rate = growth.per_second(growth.of(generation, count))
                if rate is not None:
                    readings.gauge("target.gc_collections", rate, generation=str(generation), **tags)

    def _checkpoint(self, readings: Readings, tags: Mapping[str, str], *, sites: bool = False) -> None:
        """The whole number of objects, and the first three types and lines that grew.

        sites: lines, too; the target stands still for seconds then, which is not done while it is under load
        """
        found = self._ask("/checkpoint" if sites or not self._frames else "/checkpoint?sites=0", "POST")
        for metric, field in (
            ("target.objects", "objects"),
            ("target.traced_memory", "traced_bytes"),
            ("target.tracer_memory", "tracer_bytes"),
        ):
            total = _number(found, (field,))
            if total is not None:
                readings.gauge(metric, total, **tags)
        for list_name, metric, tag, key, field in (
            ("types", "target.objects_more", "type", "name", "more"),
            ("sites", "target.site_more", "site", "site", "more_bytes"),
        ):
            rows = found.get(list_name)
            for row in (rows if isinstance(rows, list) else [])[:TOP]:
                value = _number(row, (field,)) if isinstance(row, dict) else None
                name = str(row.get(key, ""))[-80:] if isinstance(row, dict) else ""
                if value is None or not self._known(metric, name):
                    readings.left_out += value is not None
                    continue
                readings.gauge(metric, value, **{tag: name}, **tags)

    def _known(self, metric: str, name: str) -> bool:
        """Whether the name may have a series: the first sixty may."""
        names = self._names.setdefault(metric, set())
        if len(names) < MOST_NAMES:
            names.add(name)
        return name in names


def _levels(page: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for metric, where in LEVELS.items():
        value = _number(page, where)
        if value is not None:
            yield metric, value


def _pools(page: Mapping[str, Any]) -> Iterable[tuple[str, str, float]]:
    pools = page.get("pools")
    for name in pools if isinstance(pools, dict) else ():
        for metric, key in (("target.pool_size", "size"), ("target.pool_in_use", "in_use")):
            value = _number(page, ("pools", name, key))
            if value is not None:
                yield metric, name, value


def _number(page: Mapping[str, Any], where: tuple[str, ...]) -> float | None:
    """The number in this place; None when there is nothing, or something else."""
    found: Any = page
    for key in where:
        found = found.get(key) if isinstance(found, dict) else None
    fine = isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
    return float(found) if fine else None


def _url(watches: str, target: str) -> str:
    url = f"{target.rstrip('/')}{watches}" if watches.startswith("/") else watches
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and url.isascii() and url.isprintable()
    except ValueError:
        fine = False
    if not fine or " " in url or "@" in parts.netloc or parts.query:
        raise UsageError("the address of an inside probe is not an http or https URL", hint="inside: /_inside")
    return url.rstrip("/") if parts.path not in {"", "/"} else f"{url.rstrip('/')}/_inside"


def _frames(settings: Mapping[str, Any]) -> int:
    """How many frames of each allocation are kept; 0 traces nothing."""
    asked = settings.get("trace", 0)
    if asked is True:
        return USUAL_FRAMES
    if isinstance(asked, bool) or asked is None:
        return 0
    if not isinstance(asked, int) or not 0 <= asked <= MOST_FRAMES:
        raise UsageError(f"trace of an inside probe is a number of frames up to {MOST_FRAMES}", hint="trace: 4")
    return asked


def _more_than_0(settings: Mapping[str, Any], key: str) -> float | None:
    if settings.get(key) is None:
        return None
    seconds = parse_duration(settings[key])
    if seconds <= 0:
        raise UsageError(f"{key} of an inside probe must be more than 0 s", hint=f"{key}: 5s")
    return seconds
