"""The rest of the page: load, errors, checks, the generator's own health, notices, and where the numbers come from."""

from __future__ import annotations

from loadstone.measure.catalogue import BUILT_IN
from loadstone.report.document import Count, Distribution, Document, Figures, Level
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.text_latency import figure, quantile_cells
from loadstone.report.text_target import TARGET
from loadstone.units import format_count, format_duration, format_rate, format_share, format_size

MOST_ERRORS = 8
MOST_CHECKS = 8
LABEL = 12
TRUST = {"ok": Style.GOOD, "degraded": Style.WARN, "untrustworthy": Style.BAD}


def load(document: Document, sheet: Sheet) -> None:
    """What was asked for and what came of it."""
    load = document.load
    sheet.heading("LOAD")
    warm_up = f" after {format_duration(load.warm_up_s)} of warm-up" if load.warm_up_s else ""
    users = f", at most {format_count(load.users)} user{'s' if load.users != 1 else ''} at once" if load.users else ""
    _labelled(sheet, "judged", f"{format_duration(load.seconds)}{warm_up}{users}")
    rate = f"{format_rate(load.achieved_rate)} achieved"
    if load.target_rate is not None:
        rate += f" of {format_rate(load.target_rate)} asked"
        rate += f" ({format_share(round(load.achieved_rate / load.target_rate, 5))})" if load.target_rate else ""
    _labelled(sheet, "rate", rate)
    share = f" ({format_share(load.errors / load.requests)})" if load.requests else ""
    counts = f"{format_count(load.requests)}, {format_count(load.errors)} failed{share}"
    if load.arrivals:
        counts += f", {format_count(load.dropped)} of {format_count(load.arrivals)} arrivals dropped"
    _labelled(sheet, "requests", counts)
    sizes = [
        f"{format_size(values.count)} {way}"
        for name, way in (("http.bytes_in", "in"), ("http.bytes_out", "out"))
        if isinstance(values := document.metrics.get(name), Count) and values.count
    ]
    if sizes:
        _labelled(sheet, "bytes", ", ".join(sizes))


def own_metrics(document: Document, sheet: Sheet) -> None:
    """What the suite measures itself."""
    known = {metric.name for metric in BUILT_IN}
    own = {name: values for name, values in document.metrics.items() if name not in known and not name.startswith(TARGET)}
    spread = [
        [Span(_with_unit(name, values)), Span(format_count(values.count + values.beyond)), *quantile_cells(values)]
        for name, values in own.items()
        if isinstance(values, Distribution)
    ]
    rest = [(name, values) for name, values in own.items() if not isinstance(values, Distribution)]
    if not own:
        return
    sheet.heading("OWN METRICS")
    if spread:
        titles = ("count", "p50", "p90", "p95", "p99", "p99.9", "max")
        sheet.table([Column("metric", left=True, flexible=True), *(Column(title) for title in titles)], spread)
    for name, values in rest:
        sheet.line(Span(f"  {_with_unit(name, values)}  "), Span(_level_or_count(values)))


def errors(document: Document, sheet: Sheet) -> None:
    """Failures by type, step and text, the most frequent first; failed checks have a block of their own."""
    named = {check.check for check in document.checks}
    found = [error for error in document.errors if not (error.kind == "check" and not error.step and error.text in named)]
    if not found:
        return
    sheet.heading("ERRORS", f"{format_count(sum(error.count for error in found))} in all")
    # What a script raised ends in the file and the line where it did.
    text = Column("text", left=True, flexible=True, middle=True)
    columns = [Column("count"), Column("type", left=True), Column("step", left=True), text]
    rows = [
        [Span(format_count(error.count), Style.BAD), Span(error.kind), Span(_short(error.step, 20)), Span(error.text)]
        for error in found[:MOST_ERRORS]
    ]
    sheet.table(columns, rows)
    _more(sheet, len(found) - MOST_ERRORS, "kinds of error")


def checks(document: Document, sheet: Sheet) -> None:
    """How often each check was evaluated and did not hold."""
    if not document.checks:
        return
    total, failed = sum(check.count for check in document.checks), sum(check.failures for check in document.checks)
    sheet.heading("CHECKS", f"{format_count(total)} evaluated, {format_count(failed)} failed")
    for check in document.checks[:MOST_CHECKS]:
        mark = Span("✗", Style.BAD) if check.failures else Span("✓", Style.GOOD)
        share = (
            f"{format_count(check.failures)} of {format_count(check.count)} failed" if check.failures else f"{format_count(check.count)}"
        )
        sheet.line(Span("  "), mark, Span(f"  {_short(check.check, sheet.width - 32)}"), Span(f"  {share}", Style.DIM))
    _more(sheet, len(document.checks) - MOST_CHECKS, "checks")


def generator(document: Document, sheet: Sheet) -> None:
    """How far the load generator can be trusted, and what it added itself."""
    state = document.generator
    sheet.heading("GENERATOR")
    sheet.line(Span("  trust".ljust(LABEL)), Span(state.trust, TRUST[state.trust]))
    for reason in state.reasons:
        sheet.prose(reason, indent=" " * LABEL)
    times = (("send lag", state.send_lag_p99_ms), ("own share", state.share_p99_ms), ("loop lag", state.loop_lag_p99_ms))
    lags = [f"{name} {format_duration(value / 1e3)}" for name, value in times if value is not None]
    if lags:
        _labelled(sheet, "own p99", " · ".join(lags))
    facts = [format_count(state.workers)]
    facts += [f"CPU {figure(state.cpu_percent)}% of a core"] if state.cpu_percent is not None else []
    facts += ["kernel clock" if state.kernel_clock else "no kernel clock"]
    facts += [f"{format_share(state.coalesced_share)} of reads coalesced"] if state.coalesced_share is not None else []
    _labelled(sheet, "workers", " · ".join(facts))


def notices(document: Document, sheet: Sheet) -> None:
    """What a reader should know before believing a number, each with what to do."""
    if not document.notices:
        return
    sheet.heading("NOTICES")
    for notice in document.notices:
        sheet.prose(notice.text, indent="    ", first=Span("  ! ", Style.WARN))
        sheet.prose(notice.advice, Style.DIM, indent="      ", first=Span("    → ", Style.DIM))


def provenance(document: Document, sheet: Sheet) -> None:
    """One paragraph with which the run can be repeated."""
    origin = document.provenance
    parts = [
        f"{origin.started_at:%Y-%m-%d %H:%M:%S} UTC",
        f"loadstone {origin.version}",
        f"Python {origin.python} {origin.event_loop}".rstrip(),
        f"{origin.platform} {origin.kernel}".strip(),
        f"{origin.cores} × {origin.cpu}" if origin.cpu else f"{origin.cores} cores",
        f"seed {origin.seed}",
        f"plan {origin.plan_hash[:12]}",
        *([f"commit {origin.git_commit[:12]}"] if origin.git_commit else []),
    ]
    sheet.blank()
    sheet.prose(" · ".join(part.replace(" ", "\u00a0") for part in parts), Style.DIM)


def _labelled(sheet: Sheet, label: str, text: str) -> None:
    sheet.prose(text, indent=" " * LABEL, first=Span(f"  {label}".ljust(LABEL)))


def _more(sheet: Sheet, count: int, what: str) -> None:
    if count > 0:
        sheet.line(Span(f"  … and {format_count(count)} more {what}, all in the JSON document", Style.DIM))


def _with_unit(name: str, values: Figures) -> str:
    return f"{name} [{values.unit}]" if values.unit != "1" else name


def _level_or_count(values: Figures) -> str:
    if isinstance(values, Level):
        if values.last is None or values.mean is None or values.min is None or values.max is None:
            return "—"
        return f"last {format_count(values.last)}, mean {figure(values.mean)}, {format_count(values.min)} to {format_count(values.max)}"
    if values.count is None:
        return "—"
    return format_count(values.count) + (f", {format_rate(values.rate)}" if isinstance(values, Count) and values.rate is not None else "")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
