"""A sweep for people: a row per level, the tokens where there are some, and latency drawn over throughput."""

from __future__ import annotations

from loadstone.measure.plain_text import plain
from loadstone.report.document import Count, Distribution, Document
from loadstone.report.plot import Mark, plot
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.sweep_document import SweepDocument, SweepLevel
from loadstone.report.text import Look
from loadstone.report.text_latency import figure
from loadstone.report.text_verdict import BANNERS
from loadstone.stats.quantiles import enough
from loadstone.units import format_count, format_duration, format_rate, format_share

# The latency that a reader of each kind of load asks for, the most telling first.
MAIN = ("llm.e2e", "ws.round_trip_time", "http.response_time", "iteration.duration")
TTFT, TPOT, TOKENS, OUTPUT_RATE = "llm.ttft", "llm.tpot", "llm.output_tokens", "llm.output_rate"
ROW_NAMES = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
OTHERS = "+"
PLOT_HEIGHT = 12
Q = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def render_sweep_text(sweep: SweepDocument, look: Look) -> str:
    """The page for a sweep, be it of now or read back from a file."""
    sheet = Sheet(look.width, color=look.color, unicode=look.unicode)
    word, style = BANNERS[sweep.verdict]
    sheet.rule(Span(f" {word} ", style), f"exit code {sweep.exit_code}")
    if sweep.levels:
        origin = sweep.levels[0].result.provenance
        sheet.line(Span(origin.plan, Style.BOLD), Span(f" → {origin.target}" if origin.target else ""), Span(f"  sweep of {sweep.knob}"))
    if sweep.ended:
        sheet.prose(f"{len(sweep.levels)} of {len(sweep.planned)} levels were run: {sweep.ended}.", Style.WARN)
    if not sweep.levels:
        return str(sheet)
    metric = main_metric([level.result for level in sweep.levels])
    _levels(sweep, metric, sheet)
    _tokens(sweep, sheet)
    _curve(sweep, metric, sheet)
    return str(sheet)


def row_text(knob: str, level: SweepLevel) -> str:
    """A level in one line, for those who wait."""
    result = level.result
    values = result.metrics.get(main_metric([result]))
    times = "  ".join(f"{name} {_plain_ms(values, name)}" for name in Q)
    share = format_share(result.load.errors / result.load.requests) if result.load.requests else "—"
    row = f"{plain(knob)}={plain(level.level)}  {format_rate(result.load.achieved_rate)}  {times}  errors {share}"
    return f"{row}  {BANNERS[result.verdict][0]}"


def main_metric(results: list[Document]) -> str:
    """The latency that the table shows: the most telling one that any level has values of."""
    for name in MAIN:
        for result in results:
            values = result.metrics.get(name)
            if isinstance(values, Distribution) and values.count + values.beyond:
                return name
    return "http.response_time"


def _levels(sweep: SweepDocument, metric: str, sheet: Sheet) -> None:
    sheet.heading("LEVELS", f"{metric} in ms; pause of {format_duration(sweep.pause_s)} between levels")
    names = ("warm-up", "judged", "rate", *Q, "errors")
    columns = [Column("", left=True), Column(sweep.knob), *(Column(name) for name in names), Column("verdict", left=True)]
    sheet.table(columns, [_row(number, level, metric) for number, level in enumerate(sweep.levels)])
    if any("~" in cell.text for number, level in enumerate(sweep.levels) for cell in _row(number, level, metric)):
        sheet.prose("too few samples for this percentile", Style.DIM, indent="    ", first=Span("  ~ ", Style.DIM))


def _row(number: int, level: SweepLevel, metric: str) -> list[Span]:
    result, load = level.result, level.result.load
    values = result.metrics.get(metric)
    share = format_share(load.errors / load.requests) if load.requests else "—"
    word, _ = BANNERS[result.verdict]
    good = result.verdict == "pass"
    return [
        Span(_name(number), Style.DIM),
        Span(level.level, Style.BOLD),
        Span(format_duration(load.warm_up_s) if load.warm_up_s else "none"),
        Span(format_duration(load.seconds)),
        Span(format_rate(load.achieved_rate)),
        *(_quantile(values, name, q) for name, q in Q.items()),
        Span(share, Style.BAD if load.errors else Style.PLAIN),
        Span(word, Style.GOOD if good else Style.BAD),
    ]


def _tokens(sweep: SweepDocument, sheet: Sheet) -> None:
    """What readers of a language model's stream notice, where a level has any of it."""
    rows = []
    for number, level in enumerate(sweep.levels):
        metrics, users = level.result.metrics, level.result.load.users
        ttft, tpot, tokens = (metrics.get(name) for name in (TTFT, TPOT, TOKENS))
        total = tokens.rate if isinstance(tokens, Count) and tokens.count else None
        if total is None and not any(isinstance(values, Distribution) and values.count for values in (ttft, tpot)):
            continue
        cells = [Span(_name(number), Style.DIM), Span(level.level, Style.BOLD)]
        cells += [_quantile(ttft, name, q) for name, q in Q.items()]
        cells += [_quantile(tpot, name, Q[name]) for name in ("p50", "p95")]
        rows.append(
            [*cells, Span(_each(metrics.get(OUTPUT_RATE), total, users)), Span(format_count(round(total)) if total is not None else "—")]
        )
    if not rows:
        return
    sheet.heading("TOKENS", "ms; output tokens per second, of one user and of all")
    names = ("ttft p50", "p95", "p99", "tpot p50", "p95", "tok/s each", "in all")
    sheet.table([Column("", left=True), Column(sweep.knob), *(Column(name) for name in names)], rows)


def _each(rate: object, total: float | None, users: int) -> str:
    """Tokens per second of one user: the median answer's where answers are timed, else an equal share of all."""
    if isinstance(rate, Distribution) and rate.p50 is not None:
        return figure(rate.p50)
    return figure(total / users) if total is not None and users else "—"


def _curve(sweep: SweepDocument, metric: str, sheet: Sheet) -> None:
    marks = []
    for number, level in enumerate(sweep.levels):
        values, rate = level.result.metrics.get(metric), level.result.load.achieved_rate
        if isinstance(values, Distribution):
            marks += [Mark(rate, values.p50, "·")] if values.p50 is not None else []
            marks += [Mark(rate, values.p95, _name(number))] if values.p95 is not None else []
    if len({mark.x for mark in marks}) < 2:
        return
    sheet.heading("CURVE", f"{metric} over requests/s; p95 by its row's sign, p50 as ·")
    width = max(20, min(100, sheet.width - 16))
    for line in plot(marks, width, PLOT_HEIGHT, format_rate, lambda ms: format_duration(ms / 1e3)):
        sheet.line(Span(f"  {line}"))


def _quantile(values: object, name: str, q: float) -> Span:
    if not isinstance(values, Distribution) or values.count + values.beyond == 0:
        return Span("—", Style.DIM)
    value: float | None = getattr(values, name)
    if value is None:
        return Span("beyond", Style.BAD)
    return Span(figure(value)) if enough(q, values.count + values.beyond) else Span(f"~{figure(value)}", Style.DIM)


def _plain_ms(values: object, name: str) -> str:
    value: float | None = getattr(values, name, None)
    return format_duration(value / 1e3) if value is not None else "—"


def _name(number: int) -> str:
    return ROW_NAMES[number] if number < len(ROW_NAMES) else OTHERS
