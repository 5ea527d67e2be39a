"""The llm suite's result files: a report, a table of its times, and the page with charts."""

from __future__ import annotations

import csv
import io
from typing import Final, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt

from loadstone.report.baseline_file import baseline_file
from loadstone.report.document import Count, Distribution, Document, Gate, Level
from loadstone.report.file_figures import MB, RunInfo, count_of, level_of, run_info, scaled, share, times_in, times_of
from loadstone.report.result_files import Evidence, FilePart, Part, ResultFile
from loadstone.report.telling import finite

PARTS: Final = {  # of the suite, and their scenarios
    "llm": ("llm",),
    "cache": ("first", "cache", "pairs", "pressure", "after pressure"),
    "transform": ("transform", "parallel"),
    "api": ("api",),
    "flow": ("flow",),
}
TIMES: Final = (
    "http.response_time",
    "http.service_time",
    "llm.ttft",
    "llm.tpot",
    "llm.token_gap",
    "llm.e2e",
    "cache.hit_time",
    "cache.miss_time",
)
UNITS: Final = {
    "response_time": "ms",
    "throughput": "1/s",
    "errors": "number; rates are shares from 0 to 1",
    "memory": "MB, of a million bytes",
    "cpu": "%, 100 is one core",
    "network": "bytes",
}
WHOLE = "all"
COLUMNS: Final = ("part", "metric", "unit", "count", "mean", "min", "P50", "P90", "P95", "P99", "max")


class Times(FilePart):
    """A time; null for a percentile that falls among those that never came back."""

    unit: str
    count: NonNegativeInt = Field(description="values recorded")
    beyond: NonNegativeInt = Field(description="values known only to be longer than anything recorded: time-outs, dropped arrivals")
    mean: FiniteFloat | None
    min: FiniteFloat | None
    P50: FiniteFloat | None
    P90: FiniteFloat | None
    P95: FiniteFloat | None
    P99: FiniteFloat | None
    max: FiniteFloat | None
    too_few: dict[str, NonNegativeInt] = Field(description="percentiles that rest on fewer values than they need, each with that number")


class Throughput(FilePart):
    """How much got through."""

    requests: NonNegativeInt | None
    requests_per_second: FiniteFloat | None = Field(description="per second under load")
    output_tokens_per_second: FiniteFloat | None = Field(description="null where no model answered")


class Errors(FilePart):
    """What failed."""

    count: NonNegativeInt | None
    error_rate: FiniteFloat | None = Field(description="of all requests")
    success_rate: FiniteFloat | None = Field(description="1 less the error rate")


class Memory(FilePart):
    """Of the target: by a probe, or as the service itself says it."""

    average_mb: FiniteFloat | None
    peak_mb: FiniteFloat | None
    source: str | None = Field(description="the metric that was read")


class Cache(FilePart):
    """The service's cache, where its answers tell of it."""

    lookups: NonNegativeInt | None
    hits: NonNegativeInt | None
    hit_ratio: FiniteFloat | None = Field(description="of all lookups, first ones and those under pressure included")
    steady_hit_ratio: FiniteFloat | None = Field(description="while the usual questions are asked: what the gate judges")
    hit_time_p50_ms: FiniteFloat | None
    miss_time_p50_ms: FiniteFloat | None
    speedup_p50: FiniteFloat | None = Field(description="a question asked first ÷ asked again, by time")
    evicted_ratio: FiniteFloat | None = Field(description="popular questions that were gone after the pressure")


class Cpu(FilePart):
    """Of the target."""

    average_percent: FiniteFloat | None
    peak_percent: FiniteFloat | None


class Network(FilePart):
    """Between the generator and the target."""

    bytes_received: NonNegativeInt | None
    bytes_sent: NonNegativeInt | None
    received_per_second: FiniteFloat | None
    sent_per_second: FiniteFloat | None


class PartReport(FilePart):
    """One part of the suite."""

    response_time: Times | None
    throughput: Throughput
    errors: Errors


class GateLine(FilePart):
    """One gate."""

    name: str = Field(description="its name, or the gate itself")
    gate: str
    status: Literal["pass", "fail", "no_data"]
    value: FiniteFloat | None
    limit: FiniteFloat | None
    unit: str
    reason: str


class Gates(FilePart):
    """What the gates say."""

    passed: NonNegativeInt
    total: NonNegativeInt
    score: FiniteFloat | None = Field(description="passed of all, in percent; null without gates")
    results: list[GateLine]


class LlmReport(FilePart):
    """`performance_report_TIME.json`."""

    report_info: RunInfo
    response_time: Times | None = Field(description="of all requests, from due to the last byte")
    throughput: Throughput
    errors: Errors
    memory: Memory
    cache: Cache
    cpu: Cpu
    network: Network
    time_to_first_token: Times | None
    time_per_output_token: Times | None
    parts: dict[str, PartReport] = Field(description="by part of the suite; those that were not run are missing")
    gates: Gates
    recommendations: list[str] = Field(description="what to do, each with the measurement that asks for it")


def build_report(evidence: Evidence) -> LlmReport:
    """The report."""
    document = evidence.told.document
    load = document.load
    tokens = document.metrics.get("llm.output_tokens")
    return LlmReport(
        report_info=run_info(evidence, UNITS),
        response_time=_times(times_of(evidence)),
        throughput=Throughput(
            requests=load.requests,
            requests_per_second=finite(load.requests / load.seconds) if load.requests and load.seconds else None,
            output_tokens_per_second=tokens.rate if isinstance(tokens, Count) else None,
        ),
        errors=_errors(load.errors, load.requests),
        memory=_memory(document),
        cache=_cache(evidence),
        cpu=_cpu(level_of(document, "target.cpu")),
        network=_network(document),
        time_to_first_token=_times(times_of(evidence, "llm.ttft")),
        time_per_output_token=_times(times_of(evidence, "llm.tpot")),
        parts={name: _part(evidence, part) for name, scenarios in PARTS.items() if (part := evidence.part(*scenarios)) is not None},
        gates=_gates(document),
        recommendations=[f"{each.text} (measured: {each.trigger}; from {each.threshold})" for each in document.recommendations],
    )


def build_summary(evidence: Evidence) -> bytes:
    """The table of times: one row for each time of the whole run, and of each part; an empty field is no value."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for name in (WHOLE, *PARTS):
        part = evidence.part(*PARTS[name]) if name != WHOLE else None
        if name != WHOLE and part is None:
            continue
        for metric in TIMES:
            found = _times(times_in(evidence, part.view, metric) if part else times_of(evidence, metric))
            if found is not None:
                rows.writerow({"part": name, "metric": metric} | found.model_dump(include=set(COLUMNS)))
    return text.getvalue().encode()


FILES: Final = (
    ResultFile("performance_report_{stamp}.json", build_report, schema="llm", model=LlmReport),
    ResultFile("performance_summary_{stamp}.csv", build_summary),
    ResultFile("performance_baselines/performance_baseline_{stamp}.json", baseline_file),
    ResultFile("performance_dashboard.html", report="html"),
)


def _times(found: Distribution | None) -> Times | None:
    if found is None:
        return None
    return Times(
        unit=found.unit,
        count=found.count,
        beyond=found.beyond,
        mean=found.mean,
        min=found.min,
        P50=found.p50,
        P90=found.p90,
        P95=found.p95,
        P99=found.p99,
        max=found.max,
        too_few={name.upper(): needs for name, needs in found.too_few.items() if name != "p99_9"},
    )


def _errors(count: int | None, requests: int | None) -> Errors:
    rate = share(count, requests) if count is not None else None
    return Errors(count=count, error_rate=rate, success_rate=finite(1 - rate) if rate is not None else None)


def _memory(document: Document) -> Memory:
    for metric, size in (("target.memory", MB), ("service.memory", 1.0)):
        if (level := level_of(document, metric)) is not None:
            return Memory(average_mb=scaled(level.mean, size), peak_mb=scaled(level.max, size), source=metric)
    return Memory(average_mb=None, peak_mb=None, source=None)


def _cpu(level: Level | None) -> Cpu:
    return Cpu(average_percent=level.mean if level else None, peak_percent=level.max if level else None)


def _network(document: Document) -> Network:
    received, sent = document.metrics.get("http.bytes_in"), document.metrics.get("http.bytes_out")
    return Network(
        bytes_received=count_of(document, "http.bytes_in"),
        bytes_sent=count_of(document, "http.bytes_out"),
        received_per_second=received.rate if isinstance(received, Count) else None,
        sent_per_second=sent.rate if isinstance(sent, Count) else None,
    )


def _cache(evidence: Evidence) -> Cache:
    document = evidence.told.document
    lookups, hits = count_of(document, "cache.lookups"), count_of(document, "cache.hits")
    steady = evidence.part("cache")
    hit, miss, speedup = (times_of(evidence, name) for name in ("cache.hit_time", "cache.miss_time", "cache.speedup"))
    return Cache(
        lookups=lookups,
        hits=hits if lookups else None,
        hit_ratio=share(hits, lookups),
        steady_hit_ratio=share(steady.view.count("cache.hits"), steady.view.count("cache.lookups")) if steady else None,
        hit_time_p50_ms=hit.p50 if hit else None,
        miss_time_p50_ms=miss.p50 if miss else None,
        speedup_p50=speedup.p50 if speedup else None,
        evicted_ratio=share(count_of(document, "cache.evicted"), count_of(document, "cache.returns")),
    )


def _part(evidence: Evidence, part: Part) -> PartReport:
    requests = part.view.count("http.requests")
    errors = (part.view.count("http.errors") or 0) if requests is not None else None
    tokens = part.view.count("llm.output_tokens")
    return PartReport(
        response_time=_times(times_in(evidence, part.view)),
        throughput=Throughput(
            requests=requests,
            requests_per_second=finite(requests / part.seconds) if requests and part.seconds else None,
            output_tokens_per_second=finite(tokens / part.seconds) if tokens and part.seconds else None,
        ),
        errors=_errors(errors, requests),
    )


def _gates(document: Document) -> Gates:
    lines = [_gate(gate) for gate in document.gates]
    return Gates(passed=sum(line.status == "pass" for line in lines), total=len(lines), score=document.score, results=lines)


def _gate(gate: Gate) -> GateLine:
    return GateLine(
        name=gate.name or gate.gate,
        gate=gate.gate,
        status=gate.status,
        value=gate.value,
        limit=gate.limit,
        unit=gate.unit,
        reason=gate.reason,
    )
