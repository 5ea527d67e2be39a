"""The section on language models: when tokens came, how many, and what was wrong with their streams."""

from __future__ import annotations

from loadstone.report.document import Count, Distribution, Document, Figures
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.text_latency import TITLES, figure, time_row
from loadstone.units import format_count, format_duration, format_rate, format_share

LABEL = 12
# In the order in which an answer is lived through.
TIMES = (
    "llm.first_byte",
    "llm.ttft_any",
    "llm.ttft",
    "llm.tpot",
    "llm.token_gap",
    "llm.chunk_gap",
    "llm.longest_gap",
    "llm.stall_time",
    "llm.reader_wait",
    "llm.e2e",
)
PER_STEP = frozenset({"llm.ttft", "llm.tpot", "llm.e2e"})
MOST_STEPS = 20
COUNTERS = {
    "llm.counted_by_server": "by the server",
    "llm.counted_by_tokenizer": "by the plan's tokenizer",
    "llm.counted_by_chunks": "as chunks, each taken for one token",
}


def language_model(document: Document, sheet: Sheet) -> None:
    """Times of tokens, then what the answers came to."""
    answers = _count(document, "llm.requests")
    if not answers:
        return
    sheet.heading("LANGUAGE MODEL", "ms")
    rows = []
    for name in TIMES:
        values = document.metrics.get(name)
        if _says_something(document, name):
            rows += time_row(name, values)
            if len(document.steps) > 1 and name in PER_STEP:
                for step in document.steps[:MOST_STEPS]:
                    rows += time_row(f"  {step.step}", step.metrics.get(name))
    if rows:
        titles = ("count", *TITLES.values(), "max")
        sheet.table([Column("metric", left=True, flexible=True, middle=True), *(Column(title) for title in titles)], rows)
    for label, text, style in (
        ("answers", _answers(document, answers), Style.PLAIN),
        ("tokens", _tokens(document), Style.PLAIN),
        ("counted", _counted_by(document, answers), Style.PLAIN),
        ("open", _open(document), Style.PLAIN),
        ("stalls", _stalls(document, answers), Style.WARN),
        ("faked", _faked(document, answers), Style.WARN),
        ("cost", _cost(document), Style.PLAIN),
    ):
        if text:
            sheet.prose(text, style, indent=" " * LABEL, first=Span(f"  {label}".ljust(LABEL)))


def _says_something(document: Document, name: str) -> bool:
    """Gaps of tokens are those of chunks when each chunk is one token; reasoning apart, any token is a visible one."""
    twin = {"llm.token_gap": "llm.chunk_gap", "llm.ttft_any": "llm.ttft"}.get(name)
    return twin is None or document.metrics.get(name) != document.metrics.get(twin)


def _answers(document: Document, answers: int) -> str:
    parts = [format_count(answers)]
    for name, what in (("llm.errors", "failed"), ("llm.truncated", "truncated"), ("llm.cancelled", "left by the client")):
        count = _count(document, name)
        if count or name == "llm.errors":
            parts.append(f"{format_count(count)} {what} ({format_share(count / answers)})")
    return ", ".join(parts)


def _tokens(document: Document) -> str:
    out, told = document.metrics.get("llm.output_tokens"), document.metrics.get("llm.input_tokens")
    parts = []
    if isinstance(out, Count) and out.count:
        rate = f", {format_rate(out.rate)} in all" if out.rate else ""
        parts.append(f"{format_count(out.count)} out{rate}")
    each = document.metrics.get("llm.output_rate")
    if isinstance(each, Distribution) and each.p50 is not None:
        parts.append(f"{format_rate(each.p50)} per user (p50)")
    if isinstance(told, Count) and told.count:
        parts.append(f"{format_count(told.count)} in")
    return " · ".join(parts)


def _counted_by(document: Document, answers: int) -> str:
    found = [(text, count) for name, text in COUNTERS.items() if (count := _count(document, name))]
    if document.token_counting is not None and (tokenizer := document.token_counting.tokenizer):
        found = [(f"{text} {tokenizer}" if text.endswith("tokenizer") else text, count) for text, count in found]
    if len(found) == 1:
        return found[0][0]
    return ", ".join(f"{text} ({format_share(count / answers)})" for text, count in found)


def _open(document: Document) -> str:
    values = document.metrics.get("llm.concurrency")
    return f"{figure(values.rate)} answers at once, on average" if isinstance(values, Count) and values.rate else ""


def _stalls(document: Document, answers: int) -> str:
    stalls, stalled = _count(document, "llm.stalls"), _count(document, "llm.stalled")
    if not stalls:
        return ""
    times = document.metrics.get("llm.stall_time")
    longest = f", the longest {format_duration(times.max / 1e3)}" if isinstance(times, Distribution) and times.max else ""
    return f"{format_count(stalls)} in {format_count(stalled)} answers ({format_share(stalled / answers)}){longest}"


def _faked(document: Document, answers: int) -> str:
    faked = _count(document, "llm.faked_streams")
    share = format_share(faked / answers)
    return f"{format_count(faked)} answers ({share}) were sent as a stream, and came all at once" if faked else ""


def _cost(document: Document) -> str:
    each, out = document.metrics.get("llm.cost"), _count(document, "llm.output_tokens")
    if not isinstance(each, Distribution) or not each.count or each.mean is None:
        return ""
    total = each.mean * each.count
    per_token = f", {total / out * 1e3:.4g} per 1,000 tokens out" if out else ""
    return f"{total:.4g} in all, {each.mean:.4g} per answer{per_token}"


def _count(document: Document, name: str) -> int:
    values: Figures | None = document.metrics.get(name)
    return values.count or 0 if isinstance(values, Count) else 0
