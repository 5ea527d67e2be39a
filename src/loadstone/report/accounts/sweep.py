"""A sweep as an account: every level with its verdict, and latency, throughput and failures over what was varied."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loadstone.charts.figures.across import Across, Dots, Tick, Trace, axis_over
from loadstone.report.account import Account, Case, Cell, Fact, Line, Table, Tone
from loadstone.report.csv import document_lines
from loadstone.report.document import Distribution, Document
from loadstone.report.html.headline import WORDS
from loadstone.report.junit import document_cases
from loadstone.report.sweep_document import SweepDocument, SweepLevel, render_sweep_json
from loadstone.report.sweep_text import TPOT, TTFT, main_metric, render_sweep_text
from loadstone.report.text_latency import figure
from loadstone.stats.quantiles import enough
from loadstone.units import format_count, format_duration, format_load, format_rate, format_share

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
COLOURS = {"p50": "1", "p95": "2", "p99": "4"}
TONES: dict[str, Tone] = {"good": "good", "bad": "bad", "warn": "warn"}


def account_of_sweep(document: SweepDocument) -> Account:
    """What a sweep came to for every report."""
    word, tone = WORDS[document.verdict]
    first = document.levels[0].result.provenance if document.levels else None
    return Account(
        "sweep",
        f"{first.plan if first else 'sweep'}, {document.knob} swept",
        (first.target or "") if first else "",
        word,
        TONES[tone],
        _answer(document),
        document.exit_code,
        first.started_at if first else None,
        list(_cases(document)),
        list(_lines(document)),
        render_sweep_json(document),
        lambda look: render_sweep_text(document, look),
        list(_facts(document)),
        list(_tables(document)),
        list(_charts(document)),
        [f"{len(document.levels)} of {len(document.planned)} levels were run: {document.ended}"] if document.ended else [],
    )


def _answer(document: SweepDocument) -> str:
    passed = [level.level for level in document.levels if level.result.verdict == "pass"]
    whole = f"{len(passed)} of {len(document.planned)} levels passed"
    lost = next((level for level in document.levels if level.result.verdict != "pass"), None)
    return f"{whole}; {document.knob}={lost.level} is the first that did not." if lost is not None else f"{whole}."


def _cases(document: SweepDocument) -> Iterator[Case]:
    """Each level's run, gates and requirements; a level that was asked for and not run is skipped."""
    for level in document.levels:
        for case in document_cases(level.result):
            yield case._replace(of=f"{document.knob}={level.level}.{case.of}".replace(" ", "_"))
    run = {level.level for level in document.levels}
    for planned in document.planned:
        if planned not in run:
            yield Case("verdict", f"{document.knob}={planned}.run", "skipped", "not run", document.ended or "not run")


def _lines(document: SweepDocument) -> Iterator[Line]:
    for level in document.levels:
        yield from document_lines(level.result, ((document.knob, level.level),))


def _facts(document: SweepDocument) -> Iterator[Fact]:
    if not document.levels:
        return
    best = max(document.levels, key=lambda level: level.result.load.achieved_rate)
    yield Fact("Levels", format_count(len(document.levels)), f"of {len(document.planned)}")
    yield Fact("Most throughput", format_rate(best.result.load.achieved_rate), f"{document.knob}={best.level}")
    metric = main_metric([level.result for level in document.levels])
    least = [(value, level.level) for level in document.levels if (value := _value(level.result, metric, "p95")) is not None]
    if least:
        value, name = min(least)
        yield Fact("Least p95", f"{figure(value)} ms", f"{document.knob}={name}")
        value, name = max(least)
        yield Fact("Greatest p95", f"{figure(value)} ms", f"{document.knob}={name}")


def _tables(document: SweepDocument) -> Iterator[Table]:
    results = [level.result for level in document.levels]
    main = main_metric(results)
    for metric in dict.fromkeys((main, TTFT, TPOT)):
        rows = [_row(level, metric) for level in document.levels if _measured(level.result, metric) or metric == main]
        if rows:
            columns = (document.knob, "verdict", "judged", "rate", *QUANTILES, "errors")
            yield Table("Levels" if metric == main else metric, columns, rows, f"{metric} in ms", frozenset({1}))


def _row(level: SweepLevel, metric: str) -> list[Cell]:
    load = level.result.load
    word, tone = WORDS[level.result.verdict]
    share = format_share(load.errors / load.requests) if load.requests else "—"
    return [
        Cell(level.level),
        Cell(word.lower(), TONES[tone]),
        Cell(format_duration(load.seconds)),
        Cell(format_rate(load.achieved_rate)),
        *(_quantile(level.result, metric, name) for name in QUANTILES),
        Cell(share, "bad" if load.errors else ""),
    ]


def _quantile(result: Document, metric: str, name: str) -> Cell:
    values = result.metrics.get(metric)
    if not isinstance(values, Distribution) or not _measured(result, metric):
        return Cell("—", "dim")
    value = _value(result, metric, name)
    if value is None:
        return Cell("beyond", "bad")
    return Cell(figure(value)) if enough(QUANTILES[name], values.count + values.beyond) else Cell(f"~{figure(value)}", "dim")


def _measured(result: Document, metric: str) -> bool:
    values = result.metrics.get(metric)
    return isinstance(values, Distribution) and values.count + values.beyond > 0


def _value(result: Document, metric: str, name: str) -> float | None:
    values = result.metrics.get(metric)
    value: float | None = getattr(values, name) if isinstance(values, Distribution) else None
    return value


def _charts(document: SweepDocument) -> Iterator[Across]:
    if not document.levels:
        return
    metric = main_metric([level.result for level in document.levels])
    for name in dict.fromkeys((metric, TTFT, TPOT)):
        yield from _latency(document, name)
    yield _single(document, "throughput", "Throughput", "1/s", lambda run: run.load.achieved_rate)
    if any(level.result.load.errors for level in document.levels):
        yield _single(document, "errors", "Failed requests", "%", lambda run: 100 * run.load.errors / max(1, run.load.requests), "bad")


def _latency(document: SweepDocument, metric: str) -> Iterator[Across]:
    places = _places(document)
    traces, dots = [], []
    for name, colour in COLOURS.items():
        ys = [_value(level.result, metric, name) for level in document.levels]
        found = [(x, y, level.level) for x, y, level in zip(places, ys, document.levels, strict=True) if y is not None]
        if found:
            notes = [f"{document.knob}={level}: {name} {figure(y)} ms" for _, y, level in found]
            traces.append(Trace("", colour, places, ys))
            dots.append(Dots(name, colour, [x for x, _, _ in found], [y for _, y, _ in found], "dot", notes))
    if dots:
        every = [y for each in dots for y in each.ys]
        ticks, x = _ticks(document), axis_over(places, "")
        yield Across(metric, metric, x, axis_over(every, "ms", log=True), document.knob, dots, traces, x_ticks=ticks)


def _single(document: SweepDocument, name: str, title: str, unit: str, value: Callable[[Document], float], colour: str = "3") -> Across:
    places, ys = _places(document), [max(0.0, value(level.result)) for level in document.levels]
    notes = [
        f"{document.knob}={level.level}: {format_load(y)}{'' if unit == '%' else ' '}{unit}"
        for level, y in zip(document.levels, ys, strict=True)
    ]
    dots, traces = [Dots("", colour, places, ys, "dot", notes)], [Trace("", colour, places, list(ys))]
    return Across(name, title, axis_over(places, ""), axis_over(ys, unit), document.knob, dots, traces, x_ticks=_ticks(document))


def _numbers(document: SweepDocument) -> list[float] | None:
    values = [level.value for level in document.levels if level.value is not None]
    return values if len(values) == len(document.levels) and len(set(values)) == len(values) else None


def _places(document: SweepDocument) -> list[float]:
    """Where levels stand: at their numbers, or one after another when they are words."""
    return _numbers(document) or [float(number) for number in range(len(document.levels))]


def _ticks(document: SweepDocument) -> list[Tick]:
    return [(place, level.level) for place, level in zip(_places(document), document.levels, strict=True)]
