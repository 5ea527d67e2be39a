"""The first screen: the verdict in a word and a sentence, and the few numbers that somebody asks for next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from loadstone.report.document import Count, Distribution, Document
from loadstone.report.html.table import amount
from loadstone.units import format_count, format_duration, format_rate, format_share

WORDS: Final = {
    "pass": ("Pass", "good"),
    "fail": ("Fail", "bad"),
    "inconclusive": ("No data", "warn"),
    "untrustworthy": ("Not trustworthy", "warn"),
    "unreachable": ("Unreachable", "bad"),
    "interrupted": ("Interrupted", "warn"),
}
TIMES = (
    ("http.response_time", "Response time"),
    ("llm.ttft", "Time to first token"),
    ("ws.round_trip_time", "Round trip"),
    ("voice.response_gap", "Response gap"),
    ("sse.first_event", "First event"),
)
MOST_TIMES = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """One number with its name and what stands below it."""

    name: str
    text: str
    note: str = ""
    tone: str = ""


def facts(document: Document) -> list[Fact]:
    """What the load was and how long answers took."""
    return [*_times(document), *_streams(document), *_load(document)]


def score_text(document: Document) -> str:
    """Gates passed of all; empty without gates."""
    if not document.gates or document.score is None:
        return ""
    passed = sum(gate.status == "pass" for gate in document.gates)
    return f"{format_count(round(document.score, 1))}% · {passed} of {len(document.gates)} gates passed"


def clock(seconds: float | None) -> str:
    """A moment of the run as 01:20 or 1:02:03; tenths where the second is not whole."""
    if seconds is None or not math.isfinite(seconds):
        return "whole run"
    sign, tenths = ("-" if seconds < 0 else ""), round(abs(seconds) * 10)
    whole, tenth = divmod(tenths, 10)
    hours, minutes = f"{whole // 3600}:" if whole >= 3600 else "", f"{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{sign}{hours}{minutes}{f'.{tenth}' if tenth else ''}"


def _times(document: Document) -> Iterator[Fact]:
    shown = 0
    for name, title in TIMES:
        values = document.metrics.get(name)
        if shown < MOST_TIMES and isinstance(values, Distribution) and values.count + values.beyond:
            shown += 1
            more = " · ".join(
                f"{label} {_ms(values, at)}".replace(" ", "\u00a0") for label, at in (("p50", values.p50), ("p99", values.p99))
            )
            yield Fact(f"{title}, p95", _ms(values, values.p95), more)


def _ms(values: Distribution, value: float | None) -> str:
    return format_duration(value / 1e3) if value is not None else "beyond" if values.beyond else "—"


def _streams(document: Document) -> Iterator[Fact]:
    tokens, messages = document.metrics.get("llm.output_tokens"), document.metrics.get("ws.messages_in")
    if isinstance(tokens, Count) and tokens.count:
        yield Fact("Tokens out", format_rate(tokens.rate or 0.0), f"{format_count(tokens.count)} in all")
    if isinstance(messages, Count) and messages.count:
        yield Fact("Messages in", format_rate(messages.rate or 0.0), f"{format_count(messages.count)} in all")


def _load(document: Document) -> Iterator[Fact]:
    load = document.load
    if load.requests:
        asked = f"of {format_rate(load.target_rate)} asked" if load.target_rate is not None else f"{format_count(load.requests)} requests"
        yield Fact("Throughput", format_rate(load.achieved_rate), asked)
        share = load.errors / load.requests
        yield Fact("Errors", format_share(share), f"{format_count(load.errors)} of {format_count(load.requests)}", "bad" if share else "")
    if load.dropped:
        yield Fact("Dropped", format_count(load.dropped), f"of {format_count(load.arrivals)} arrivals", "bad")
    warm_up = f"after {format_duration(load.warm_up_s)} of warm-up" if load.warm_up_s else ""
    users = f"at most {format_count(load.users)} user{'s' if load.users != 1 else ''} at once" if load.users else ""
    yield Fact("Judged", format_duration(load.seconds), warm_up or users)
    memory = document.metrics.get("target.memory")
    if memory is not None and getattr(memory, "max", None) is not None:
        yield Fact("Target memory", amount(getattr(memory, "max"), "B"), "at the most")  # noqa: B009  a Level has it
