"""A Prometheus endpoint as a probe: what an inference server says of itself, on the same time line as the load."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from loadstone.clock import now_ns
from loadstone.errors import UsageError
from loadstone.measure.catalogue import BUILT_IN, Kind, Metric
from loadstone.plan.http import from_environment
from loadstone.plan.probe import ProbePlan
from loadstone.probes import known_servers as known
from loadstone.probes.endpoint import headers_of, timeout_of, url_of
from loadstone.probes.exposition import Exposition, Labels, Point, parse
from loadstone.probes.growth import Growth, quantile
from loadstone.probes.own_names import HINT, OwnName
from loadstone.probes.page import Page
from loadstone.probes.probe import NoReading, Readings

MOST_BYTES = 4_000_000
MOST_NAMES = 100
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=1.0"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
PARTS = ("bucket", "sum", "count", "total")
SETTINGS = {"metrics", "headers", "timeout", "verify", "name"}


class PrometheusProbe:
    """Reads an endpoint; see docs/probes.md for its settings.

    Names of known servers become `target.*` metrics; each of `metrics` becomes `target.NAME`: a gauge as it is, a counter per
    second, a histogram as mean, rate and quantiles of what it took in between two readings. A mapping gives levels names of one's own.
    """

    def __init__(self, plan: ProbePlan, target: str) -> None:
        settings, self.url = plan.settings, _with_path(url_of(plan.watches, target))
        for key in settings:
            if key not in SETTINGS:
                raise UsageError(f"unknown setting {key!r}", where=f"probe {self.url}", hint=f"one of {', '.join(sorted(SETTINGS))}")
        given = settings.get("metrics", [])
        self._own = () if isinstance(given, Mapping) else _names(given)
        where = f"probe {self.url}"
        self._named = [OwnName.of(str(name), text, where) for name, text in given.items()] if isinstance(given, Mapping) else []
        self._headers = headers_of(settings.get("headers", {}))
        self._timeout_s = timeout_of(settings.get("timeout"))
        self._verify = settings.get("verify", True) is not False
        self.name = str(settings.get("name") or urlsplit(self.url).netloc)
        common = [metric for metric in BUILT_IN if metric.name in {*known.LEVELS, *known.RATES, *known.MEANS}]
        self.metrics = (*common, *(metric for name in self._own for metric in own_metrics(name)), *(each.metric for each in self._named))
        self._samples = (
            known.SAMPLES
            | {each.exposed for each in self._named}
            | {sample for name in self._own for sample in (name, *(f"{name}_{part}" for part in PARTS))}
        )
        self._growth = Growth()
        self._clock: Callable[[], int] = now_ns
        self._page: Page | None = None

    def open(self, clock: Callable[[], int]) -> None:
        """See Probe."""
        self._clock = clock
        try:
            headers = {name: from_environment(value) for name, value in self._headers.items()}
        except KeyError as missing:
            raise NoReading("other", f"the environment has no {missing.args[0]}") from None
        self._page = Page(
            self.url,
            headers={"Accept": ACCEPT, **headers},
            timeout_s=self._timeout_s,
            most_bytes=MOST_BYTES,
            verify=self._verify,
            clock=clock,
        )

    def sample(self, readings: Readings) -> None:
        """See Probe."""
        assert self._page is not None
        asked_ns = self._clock()
        text = self._page.get()
        # The target wrote its numbers at some moment in between; the middle is off by half the exchange at most.
        readings.at_ns = (asked_ns + self._clock()) // 2
        page = parse(text, self._samples.__contains__)
        if not page.points and (page.damaged or not page.types):
            raise NoReading("malformed", "not a page of metrics")
        self._read(page, readings)

    def close(self) -> None:
        """See Probe."""
        if self._page is not None:
            self._page.give_up()

    def _read(self, page: Exposition, readings: Readings) -> None:
        self._growth.begin(readings.at_ns)
        by_name: defaultdict[str, list[Point]] = defaultdict(list)
        for point in page.points:
            by_name[point.name].append(point)
        for metric, value in [*_levels(by_name), *self._rates(by_name), *self._means(by_name)]:
            readings.gauge(metric, value, probe=self.name)
        for name in self._own:
            self._read_own(name, page, by_name, readings)
        for each in self._named:
            if (level := each.value(by_name.get(each.exposed, ()))) is not None:
                readings.gauge(each.metric.name, level, probe=self.name)

    def _rates(self, by_name: Mapping[str, list[Point]]) -> Iterable[tuple[str, float]]:
        for metric, names in known.RATES.items():
            found = next((name for name in names if name in by_name), None)
            grown = self._grown(found, by_name) if found else None
            rate = self._growth.per_second(grown)
            if rate is not None:
                yield metric, rate

    def _means(self, by_name: Mapping[str, list[Point]]) -> Iterable[tuple[str, float]]:
        for metric, names in known.MEANS.items():
            found = next((name for name in names if f"{name}_count" in by_name), None)
            if found is None:
                continue
            total, count = self._grown(f"{found}_sum", by_name), self._grown(f"{found}_count", by_name)
            if total is not None and count:  # nothing that ended is no time of 0
                yield metric, 1e3 * total / count

    def _grown(self, name: str, by_name: Mapping[str, list[Point]]) -> float | None:
        """Growth of a counter, all its series together."""
        grown = [self._growth.of((name, point.labels), point.value) for point in by_name.get(name, ())]
        known_ones = [each for each in grown if each is not None]
        return sum(known_ones) if known_ones else None

    def _read_own(self, name: str, page: Exposition, by_name: Mapping[str, list[Point]], readings: Readings) -> None:
        kind = page.types.get(name) or page.types.get(name.removesuffix("_total")) or ""
        if kind in {"histogram", "summary"} or f"{name}_bucket" in by_name:
            self._read_spread(name, by_name, readings)
        counters = kind == "counter" or (not kind and name.endswith("_total"))
        for full in (name, f"{name}_total"):
            for point in by_name.get(full, ()):
                value: float | None = point.value
                if counters or full != name:
                    value = self._growth.per_second(self._growth.of((full, point.labels), point.value))
                if value is not None and math.isfinite(value):
                    readings.gauge(f"target.{full}", value, **_tags(point.labels, self.name))

    def _read_spread(self, name: str, by_name: Mapping[str, list[Point]], readings: Readings) -> None:
        """Mean, rate and quantiles of what a histogram or summary took in, for each set of its labels."""
        sums = {point.labels: self._growth.of((point.name, point.labels), point.value) for point in by_name.get(f"{name}_sum", ())}
        buckets: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for point in by_name.get(f"{name}_bucket", ()):
            labels = tuple(pair for pair in point.labels if pair[0] != "le")
            grown = self._growth.of((point.name, point.labels), point.value)
            if grown is not None and (upper := _number(dict(point.labels).get("le"))) is not None:
                buckets[labels].append((upper, grown))
        for point in by_name.get(f"{name}_count", ()):
            count = self._growth.of((point.name, point.labels), point.value)
            rate, total = self._growth.per_second(count), sums.get(point.labels)
            tags = _tags(point.labels, self.name)
            if rate is not None:
                readings.gauge(f"target.{name}_per_s", rate, **tags)
            if not count:
                continue
            if total is not None:
                readings.gauge(f"target.{name}_mean", total / count, **tags)
            for part, q in QUANTILES.items():
                value = quantile(sorted(buckets.get(point.labels, ())), q)
                if value is not None:
                    readings.gauge(f"target.{name}_{part}", value, **tags)


def own_metrics(name: str) -> list[Metric]:
    """Everything that a name of the user's may turn out to be; its unit is read from its ending, as Prometheus names things."""
    plain = name.removesuffix("_total")
    unit = {"seconds": "s", "bytes": "B"}.get(plain.rpartition("_")[2], "1")
    per_second = {"s": "1", "B": "B/s"}.get(unit, "1/s")
    source = f"as the target's endpoint says it under {name}"

    def level(suffix: str, unit: str, what: str) -> Metric:
        return Metric(f"target.{name}{suffix}", unit, Kind.GAUGE, "neither", f"{what}, {source}")

    if name.endswith("_total"):
        return [level("", per_second, "growth per second")]
    spread = [level(f"_{part}", unit, f"{part} of what came between two readings") for part in ("mean", *QUANTILES)]
    return [
        level("", unit, "the level"),
        level("_total", per_second, "growth per second"),
        level("_per_s", "1/s", "how many came per second"),
        *spread,
    ]


def _levels(by_name: Mapping[str, list[Point]]) -> Iterable[tuple[str, float]]:
    for metric, levels in known.LEVELS.items():
        found = next((level for level in levels if level.name in by_name), None)
        values = [point.value for point in by_name[found.name] if math.isfinite(point.value)] if found else []
        if found and values:
            yield metric, found.times * (sum(values) if found.add else max(values))


def _tags(labels: Labels, probe: str) -> dict[str, str]:
    return {**{key: value for key, value in labels if value}, "probe": probe}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _names(given: Any) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(
            "metrics of a probe must be a list of names", hint=f"metrics: [process_resident_memory_bytes], or metrics: {{{HINT}}}"
        )
    if len(names) > MOST_NAMES:
        raise UsageError(f"a probe reads at most {MOST_NAMES} names of one's own", hint="name what a gate or a reader needs")
    return tuple(dict.fromkeys(names))


def _with_path(url: str) -> str:
    return url if urlsplit(url).path not in {"", "/"} else f"{url.rstrip('/')}/metrics"
