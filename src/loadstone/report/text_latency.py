"""The tables of times: response time per step, and every other time that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from loadstone.measure.catalogue import BUILT_IN, FLOORED, Kind
from loadstone.report.document import Count, Distribution, Document, Figures
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.telling import QUANTILES
from loadstone.stats.quantiles import enough, least_samples
from loadstone.units import format_count, format_rate, format_share

MOST_STEPS = 20
ROOM_FOR_SERVICE = 108
BEFORE_TIMES = 4  # columns of the table of steps
TITLES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99_9": "p99.9"}
RESPONSE, SERVICE = "http.response_time", "http.service_time"
# Told in the generator's block, because they are about us and not about the target.
GENERATORS_OWN = frozenset({"load.send_lag", "generator.share", "generator.loop_lag", "probe.reading_time"})
OTHERS = tuple(
    m.name
    for m in BUILT_IN
    if m.kind is Kind.DISTRIBUTION and m.name not in {RESPONSE, *GENERATORS_OWN} and not m.name.startswith(("llm.", "voice."))
)


def response_times(document: Document, sheet: Sheet) -> None:
    """One row per step and one for all: count, rate, share of errors, percentiles."""
    wide = sheet.width >= ROOM_FOR_SERVICE
    rows, left_out = _response_rows(document, wide=wide)
    if not rows:
        return
    sheet.heading("RESPONSE TIME", "ms, from due to the last byte" + ("; service p50 and p95: from sent" if wide else ""))
    names = [*TITLES.values(), "max", *(["srv p50", "srv p95"] if wide else [])]
    columns = [Column("step", left=True, flexible=True, middle=True), *(Column(name) for name in ("count", "rate", "errors", *names))]
    sheet.table(columns, rows)
    if left_out:
        sheet.line(Span(f"  … and {left_out} more steps, all in the JSON document", Style.DIM))
    _footnotes(sheet, _marks(rows, BEFORE_TIMES), document.metrics.get(RESPONSE))


def _response_rows(document: Document, *, wide: bool) -> tuple[list[list[Span]], int]:
    """The rows of that table, and how many steps are left out."""
    everything = document.metrics.get(RESPONSE)
    if not isinstance(everything, Distribution) or everything.count + everything.beyond == 0:
        return [], 0
    several = len({step.scenario for step in document.steps}) > 1
    steps = sorted(document.steps, key=lambda step: -_count(step.metrics.get("http.requests")))
    steps = [step for step in steps if RESPONSE in step.metrics]
    kept = sorted(steps[:MOST_STEPS], key=lambda step: (step.scenario, step.step))
    rows = [_row(f"{step.scenario} / {step.step}" if several else step.step, step.metrics, wide=wide) for step in kept]
    if len(steps) != 1 or everything.beyond:
        rows.append(_row("all", document.metrics, wide=wide))
    return rows, len(steps) - len(kept)


def other_times(document: Document, sheet: Sheet) -> None:
    """Every other time that has values, by its metric's name, so that a gate can be written from what is read here."""
    rows = []
    for name in OTHERS:
        rows += time_row(name, document.metrics.get(name))
        if name == SERVICE and len(document.steps) > 1 and sheet.width < ROOM_FOR_SERVICE:
            several = len({step.scenario for step in document.steps}) > 1
            for step in document.steps[:MOST_STEPS]:
                rows += time_row(f"  {step.scenario} / {step.step}" if several else f"  {step.step}", step.metrics.get(name))
    if not rows:
        return
    sheet.heading("OTHER TIMES", "ms")
    names = ("count", *TITLES.values(), "max")
    sheet.table([Column("metric", left=True, flexible=True, middle=True), *(Column(name) for name in names)], rows)
    told, _ = _response_rows(document, wide=sheet.width >= ROOM_FOR_SERVICE)
    _footnotes(sheet, _marks(rows, 2) - _marks(told, BEFORE_TIMES))


def quantile_cells(values: Distribution, *, floors: bool = False) -> list[Span]:
    """The percentiles and the greatest value; `~` marks one that too few samples carry, `>` one beyond everything recorded.

    floors: say "too few" in the place of such a value
    """
    cells = [_quantile(values, name, q, floors=floors) for name, q in QUANTILES.items()]
    return [*cells, _greatest(values)]


def figure(value: float) -> str:
    """Three digits, which is what a histogram can promise: 0.031, 9.42, 25.0, 120, 2,310."""
    if value < 0:
        return f"-{figure(-value)}"
    if value >= 99.95:
        return format_count(round(value))
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.9995 else f"{value:.3f}" if value >= 0.0005 else format_count(value)


def _row(name: str, metrics: dict[str, Figures], *, wide: bool) -> list[Span]:
    requests, failed, values = metrics.get("http.requests"), _count(metrics.get("http.errors")), metrics.get(RESPONSE)
    count = _count(requests)
    rate = format_rate(requests.rate) if isinstance(requests, Count) and requests.rate is not None else "—"
    share = format_share(failed / count) if count else "—"
    cells = [Span(name, Style.PLAIN), Span(format_count(count)), Span(rate), Span(share, Style.BAD if failed else Style.PLAIN)]
    cells += quantile_cells(values) if isinstance(values, Distribution) else [Span("—", Style.DIM)] * 6
    if wide:
        service = metrics.get(SERVICE)
        if isinstance(service, Distribution):
            cells += [_quantile(service, "p50", 0.5), _quantile(service, "p95", 0.95)]
        else:
            cells += [Span("—", Style.DIM)] * 2
    return cells


def time_row(name: str, values: Figures | None) -> list[list[Span]]:
    """One row with count, percentiles and greatest value; none where nothing was measured."""
    if not isinstance(values, Distribution) or values.count + values.beyond == 0:
        return []
    return [[Span(name), Span(format_count(values.count + values.beyond)), *quantile_cells(values, floors=name.startswith(FLOORED))]]


def _quantile(values: Distribution, name: str, q: float, *, floors: bool = False) -> Span:
    n = values.count + values.beyond
    if n == 0:
        return Span("—", Style.DIM)
    value = getattr(values, name)
    if floors and not enough(q, n):
        return Span("too few", Style.DIM)
    if value is None:
        return _greatest(values)
    return Span(figure(value)) if enough(q, n) else Span(f"~{figure(value)}", Style.DIM)


def _greatest(values: Distribution) -> Span:
    if values.max is None:
        return Span("beyond", Style.BAD) if values.beyond else Span("—", Style.DIM)
    return Span(f">{figure(values.max)}", Style.BAD) if values.beyond else Span(figure(values.max))


def _footnotes(sheet: Sheet, scarce: set[str], responses: Figures | None = None) -> None:
    """What the marks of a table mean."""
    if scarce:
        needs = ", ".join(f"{TITLES[name]} {format_count(least_samples(QUANTILES[name]))}" for name in QUANTILES if name in scarce)
        sheet.prose(f"too few samples for this percentile; needed: {needs}", Style.DIM, indent="    ", first=Span("  ~ ", Style.DIM))
    if isinstance(responses, Distribution) and responses.beyond:
        text = f"longer than anything recorded: {format_count(responses.beyond)} timed out or were dropped"
        sheet.prose(text, Style.DIM, indent="    ", first=Span("  > ", Style.DIM))


def _marks(rows: Sequence[Sequence[Span]], first: int) -> set[str]:
    """Percentiles that some row marks as resting on too few samples; `first` is the column of p50."""
    names = [*QUANTILES, "max", "p50", "p95"]
    return {name for row in rows for name, cell in zip(names, row[first:], strict=False) if cell.text.startswith("~")}


def _count(values: Figures | None) -> int:
    return values.count or 0 if isinstance(values, Count) else 0
