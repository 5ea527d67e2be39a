"""The chat suite's result files: one for the whole run, one for each of its parts, all of one form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from loadstone.measure.snapshot import View
from loadstone.report.document import Band, Distribution, Document, Gate
from loadstone.report.file_figures import MB, count_of, level_of, run_info, scaled, share, times_in, times_of
from loadstone.report.result_files import Evidence, Part, ResultFile
from loadstone.report.telling import finite
from loadstone.suites.chat import results as to

USERS, VISITORS, SOCKETS = "concurrent_user_test", "load_test", "websocket_performance"
MEMORY: Final = "memory_monitoring"
REQUIREMENTS: Final[Mapping[str, tuple[str, ...]]] = {  # of each part
    USERS: ("response_time_under_5s", "concurrent_user_handling"),
    VISITORS: ("response_time_under_5s",),
    SOCKETS: ("websocket_stability",),
    MEMORY: ("memory_efficiency",),
}
ROUND_TRIP = "ws.round_trip_time"
MS = 1e3


def build(evidence: Evidence, only: str = "") -> to.ChatResults:
    """The file about one part, or about all of them."""
    parts = to.TestResults(
        concurrent_user_test=_users(evidence) if only in {"", USERS} else None,
        load_test=_visitors(evidence) if only in {"", VISITORS} else None,
        websocket_performance=_sockets(evidence) if only in {"", SOCKETS} else None,
        memory_monitoring=_memory(evidence) if only in {"", MEMORY} else None,
    )
    part = getattr(parts, only, None) if only else None
    overall = part.metrics if isinstance(part, to.ConcurrentUsers | to.LoadTest | to.WebSockets) else _overall(evidence)
    document = evidence.told.document
    names = REQUIREMENTS[only] if only else tuple(document.requirements)
    gates = [gate for gate in document.gates if not only or gate.requirement in names]
    return to.ChatResults(
        suite_info=run_info(evidence, to.UNITS),
        test_results=parts,
        performance_summary=to.Summary(
            overall_metrics=overall,
            performance_highlights=[_band(band) for band in document.bands if band.grade == "good"],
            performance_concerns=_concerns(document, gates),
        ),
        requirement_validation={
            name: to.Validation(status=found.status, details=found.details)
            for name, found in document.requirements.items()
            if name in names
        },
        recommendations=_recommendations(document, {gate.gate for gate in gates} if only else None),
    )


def _file(pattern: str, only: str = "", *about: str) -> ResultFile:
    return ResultFile(pattern, partial(build, only=only), about=frozenset(about), schema="chat", model=to.ChatResults)


FILES: Final = (
    _file("performance_suite_results_{stamp}.json"),
    _file("load_test_results_{stamp}.json", VISITORS, "visitors"),
    _file("websocket_performance_results_{stamp}.json", SOCKETS, "sockets"),
    _file("memory_monitoring_{stamp}.json", MEMORY, "memory_efficiency"),
    _file("concurrent_user_test_results_{stamp}.json", USERS, "users"),
)


def _overall(evidence: Evidence) -> to.Metrics:
    document = evidence.told.document
    load, connects = document.load, count_of(document, "ws.connects")
    return _metrics(
        evidence,
        times_of(evidence),
        rate=finite(load.requests / load.seconds) if load.requests and load.seconds else None,
        done=load.requests - load.errors,
        failed=share(load.errors, load.requests),
        connections=connects - (count_of(document, "ws.connect_failures") or 0) if connects is not None else None,
    )


def _metrics(
    evidence: Evidence,
    times: Distribution | None,
    *,
    rate: float | None,
    done: int | None,
    failed: float | None,
    connections: int | None = None,
    whole: bool = True,
) -> to.Metrics:
    document = evidence.told.document
    memory, cpu = (level_of(document, name) if whole else None for name in ("target.memory", "target.cpu"))
    return to.Metrics(
        avg_response_time=scaled(times.mean, MS) if times else None,
        p95_response_time=scaled(times.p95, MS) if times else None,
        p99_response_time=scaled(times.p99, MS) if times else None,
        max_response_time=scaled(times.max, MS) if times else None,
        requests_per_second=rate,
        successful_requests=done,
        error_rate=failed,
        memory_usage_mb=scaled(memory.max, MB) if memory else None,
        cpu_usage_percent=cpu.mean if cpu else None,
        websocket_connections=connections,
    )


def _requests(evidence: Evidence, part: Part, tags: Mapping[str, str] | None = None) -> to.Metrics:
    """Requests over HTTP in a part of the run."""
    sent = part.view.count("http.requests", tags)
    errors = part.view.count("http.errors", tags) or 0
    return _metrics(
        evidence,
        times_in(evidence, part.view, tags=tags),
        rate=finite(sent / part.seconds) if sent and part.seconds else None,
        done=sent - errors if sent is not None else None,
        failed=share(errors, sent),
        whole=tags is None,  # a step has no memory of its own
    )


def _each(evidence: Evidence, part: Part, tag: str) -> dict[str, to.Metrics]:
    found = {name for series in part.view.series("http.requests") if (name := dict(series.tags).get(tag))}
    return {name: _requests(evidence, part, {tag: name}) for name in sorted(found)}


def _users(evidence: Evidence) -> to.ConcurrentUsers | None:
    part = evidence.part("users")
    if part is None:
        return None
    most = part.view.gauge("load.users")
    return to.ConcurrentUsers(
        status=_status(evidence, USERS),
        users=round(most.greatest) if most else None,
        metrics=_requests(evidence, part),
        patterns=_each(evidence, part, "pattern"),
        steps=_each(evidence, part, "step"),
    )


def _visitors(evidence: Evidence) -> to.LoadTest | None:
    part = evidence.part("visitors")
    if part is None:
        return None
    arrivals = part.view.count("load.arrivals")
    return to.LoadTest(
        status=_status(evidence, VISITORS),
        arrivals=arrivals,
        dropped=(part.view.count("load.dropped") or 0) if arrivals is not None else None,
        metrics=_requests(evidence, part),
        steps=_each(evidence, part, "step"),
    )


def _sockets(evidence: Evidence) -> to.WebSockets | None:
    part = evidence.part("sockets")
    if part is None:
        return None
    view, document = part.view, evidence.told.document
    tried, sent = view.count("ws.connects"), view.count("ws.messages_out")
    refused = view.count("ws.connect_failures") or 0
    limit, typing, memory = (
        level_of(document, "ws.connection_limit"),
        times_of(evidence, "ws.typing_shown_time"),
        document.connection_memory,
    )
    return to.WebSockets(
        status=_status(evidence, SOCKETS),
        metrics=_messages(evidence, view, part.seconds),
        connections_attempted=tried,
        connection_success_rate=finite(1 - refused / tried) if tried else None,
        connections_lost=(view.count("ws.drops") or 0) if tried is not None else None,
        connection_limit=limit.last if limit else None,
        messages_sent=sent,
        messages_received=view.count("ws.messages_in"),
        typing_shown_max=scaled(typing.max, MS) if typing else None,
        memory_per_connection_bytes=memory.each if memory else None,
    )


def _messages(evidence: Evidence, view: View, seconds: float) -> to.Metrics:
    """Messages that ask for an answer."""
    times, sent, tried = times_in(evidence, view, ROUND_TRIP), view.count("ws.messages_out"), view.count("ws.connects")
    return _metrics(
        evidence,
        times,
        rate=finite(sent / seconds) if sent and seconds else None,
        done=times.count if times else None,
        failed=share(view.count("ws.errors"), sent),
        connections=tried - (view.count("ws.connect_failures") or 0) if tried is not None else None,
    )


def _memory(evidence: Evidence) -> to.Memory | None:
    document = evidence.told.document
    if "memory_efficiency" not in document.requirements:
        return None
    level, pause, more = (level_of(document, name) for name in ("target.memory", "target.gc_pause", "target.objects_more"))
    samples = _samples(evidence)
    began = min((each.start_s for each in evidence.stretches), default=0.0)
    first = next((each.memory_mb for each in samples if each.at_seconds > began and each.memory_mb is not None), None)
    last = scaled(level.last, MB) if level else None
    return to.Memory(
        status=_status(evidence, MEMORY),
        first_mb=first,
        last_mb=last,
        peak_mb=scaled(level.max, MB) if level else None,
        average_mb=scaled(level.mean, MB) if level else None,
        increase_mb=finite(last - first) if last is not None and first is not None else None,
        gc_pause_ms=pause.max if pause else None,
        objects_more=more.max if more else None,
        leaks={held: _leak(gate) for gate in document.gates if (held := _held(gate))},
        samples=samples,
    )


def _held(gate: Gate) -> str:
    """What a gate on a leak is about; empty for any other gate."""
    return gate.gate.removeprefix("leak(").partition(")")[0] if gate.gate.startswith("leak(") else ""


def _leak(gate: Gate) -> to.Leak:
    cause = gate.cause
    return to.Leak(
        status=gate.status, reason=gate.reason, cause=cause.cause if cause else None, evidence=list(cause.evidence) if cause else []
    )


def _samples(evidence: Evidence) -> list[to.Reading]:
    found = []
    for stretch in evidence.told.timeline:
        view = stretch.aggregate()
        memory, cpu = view.gauge("target.memory"), view.gauge("target.cpu")
        if memory is not None or cpu is not None:
            memory_mb, cpu_percent = finite(memory.last / MB) if memory else None, finite(cpu.mean) if cpu else None
            found.append(to.Reading(at_seconds=finite(stretch.end_s) or 0.0, memory_mb=memory_mb, cpu_percent=cpu_percent))
    return list({each.at_seconds: each for each in found}.values())  # two scenarios' phases may end in the same second


def _status(evidence: Evidence, part: str) -> to.Status:
    """The gravest of a part's requirements; no data where none of them was judged."""
    judged = evidence.told.document.requirements
    found = [judged[name].status for name in REQUIREMENTS[part] if name in judged]
    return next((each for each in ("fail", "no_data") if each in found), "pass" if found else "no_data")


def _band(band: Band) -> str:
    value = "beyond everything recorded" if band.value is None else f"{band.value:g} {band.unit}".removesuffix(" 1")
    return f"{band.name}: {value}, {band.grade} (edges {', '.join(band.edges)})"


def _concerns(document: Document, gates: list[Gate]) -> list[str]:
    bands = [_band(band) for band in document.bands if band.grade in {"concern", "issue"}]
    failed = [f"{gate.name or gate.gate} failed" + (f": {gate.reason}" if gate.reason else "") for gate in gates if gate.status == "fail"]
    return bands + failed


def _recommendations(document: Document, gates: set[str] | None) -> list[str]:
    """Those whose cause explains one of the gates; None: all of them."""
    kinds = {cause.kind for cause in document.causes if gates is None or gates & set(cause.gates)}
    return [
        f"{each.text} (measured: {each.trigger}; from {each.threshold})"
        for each in document.recommendations
        if gates is None or each.cause in kinds
    ]
