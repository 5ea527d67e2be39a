"""A search for capacity as an account: the answer, latency over load, and throughput over concurrency with the law that it follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from loadstone.charts.figures.across import Across, Dots, Rule, Trace, Zone, axis_over
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.limit_text import Dimension
from loadstone.report.account import Account, Case, Cell, Fact, Line, Table, Tone
from loadstone.report.capacity_document import CapacityDocument, CapacityLevel, Law, render_capacity_json
from loadstone.report.capacity_text import LOOSE, WORDS, answer_of, law_texts, notices_of, recovery_text, render_capacity_text
from loadstone.report.csv import tag_text
from loadstone.report.text_latency import figure
from loadstone.stats.quantiles import enough
from loadstone.units import format_count, format_duration, format_load, format_rate, format_share

TONES: dict[str, Tone] = {
    "found": "good",
    "at least": "good",
    "never met": "bad",
    "generator's limit": "warn",
    "cannot tell": "warn",
}
ANSWERS: dict[str, tuple[str, Tone]] = {"met": ("3", "good"), "not met": ("bad", "bad")}
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def account_of_capacity(document: CapacityDocument, began: datetime | None = None) -> Account:
    """The answer of `loadstone capacity` for every report."""
    return Account(
        "capacity",
        document.plan,
        document.target,
        WORDS[document.outcome][0].capitalize(),
        TONES[document.outcome],
        f"{answer_of(document)}.",
        document.exit_code,
        began,
        list(_cases(document)),
        list(_lines(document)),
        render_capacity_json(document),
        lambda look: render_capacity_text(document, look),
        list(_facts(document)),
        list(_tables(document)),
        list(_charts(document)),
        notices_of(document),
    )


def _cases(document: CapacityDocument) -> Iterator[Case]:
    """The search, and each objective: one that no load meets fails, one that nothing was measured of is skipped."""
    unsure = document.outcome in ("generator's limit", "cannot tell")
    yield Case("capacity", "capacity", "error" if unsure else "", document.outcome, answer_of(document) if unsure else "")
    for objective in document.objectives:
        if objective in document.not_measured or unsure:
            yield Case(objective, "objectives", "skipped", "no data", "nothing was measured of it" if not unsure else "nobody can tell")
        elif document.outcome == "never met" and document.breaks_first in (None, objective):
            yield Case(objective, "objectives", "failure", "never met", answer_of(document))
        else:
            yield Case(objective, "objectives")


def _lines(document: CapacityDocument) -> Iterator[Line]:
    unit = "1/s" if document.unit.startswith("/") else document.unit.strip() or "1"
    for statistic, value in (("estimate", document.capacity), ("low", document.low), ("high", document.high), ("met", document.met)):
        if value is not None:
            yield Line(None, "capacity", "", statistic, value, unit)
    for level in document.levels:
        tags = tag_text(((document.knob, f"{level.load:.6g}"), ("for", level.purpose), ("answer", level.answer)))
        yield Line(None, "rate", tags, "value", level.rate, "1/s")
        yield Line(None, "requests", tags, "count", level.requests, "1")
        yield Line(None, "errors", tags, "count", level.errors, "1")
        for name, _ in QUANTILES:
            value = getattr(level, name)
            if value is not None:
                yield Line(None, level.latency, tags, name, value, "ms")
        for name, value in level.resources.items():
            yield Line(None, name, tags, "mean", value, "")


def _facts(document: CapacityDocument) -> Iterator[Fact]:
    if document.outcome == "found" and document.capacity is not None:
        between = (
            f"{format_load(document.low)} to {format_load(document.high)}" if document.low is not None and document.high is not None else ""
        )
        yield Fact("Capacity", f"{format_load(document.capacity)}{document.unit}", between)
    elif document.met is not None:
        yield Fact("Met", f"{format_load(document.met)}{document.unit}", "the greatest load that was shown to meet everything")
    if document.per_core is not None:
        yield Fact("Per core of the target", format_rate(document.per_core))
    if document.bends_first is not None:
        yield Fact("Bends first", document.bends_first.resource, document.bends_first.reason)
    law = document.law
    if law is not None and law.noise <= LOOSE and law.peak_concurrency is not None and law.peak_rate is not None:
        yield Fact("Throughput peaks at", f"{format_count(law.peak_concurrency)} at once", f"{format_load(law.peak_rate)}/s")
    yield Fact("Levels", format_count(len(document.levels)), f"in {format_duration(document.seconds)}")


def _tables(document: CapacityDocument) -> Iterator[Table]:
    if document.levels:
        columns = (document.knob, "answer", "for", "judged", "achieved", "p50", "p95", "p99", "errors")
        note = f"{document.levels[0].latency} in ms; in the order they were tried"
        yield Table("Levels", columns, [_row(level) for level in document.levels], note, frozenset({1, 2}))
    found = [(Cell(text),) for text in document.objectives]
    yield Table("Objectives", ("objective",), found)
    texts = list(zip(("law", "foretold"), law_texts(document), strict=False))
    if document.step_down is not None:
        texts.append(("afterwards", recovery_text(document.step_down, document.unit)))
    reasons = {f"{format_load(level.load)}{document.unit}, {level.purpose}": level.reason for level in document.levels if level.reason}
    if reasons:
        why = [(Cell(load), Cell(reason)) for load, reason in reasons.items()]
        yield Table("Why levels were not met or unclear", ("level", "reason"), why, words=frozenset({1}))
    if texts:
        rows = [(Cell(name), Cell(text)) for name, text in texts]
        yield Table("Beyond the capacity", ("", ""), rows, words=frozenset({1}))


def _row(level: CapacityLevel) -> list[Cell]:
    share = format_share(level.errors / level.requests) if level.requests else "—"
    tone = ANSWERS.get(level.answer, ("", "warn"))[1]
    return [
        Cell(format_load(level.load)),
        Cell(level.answer, tone),
        Cell(level.purpose),
        Cell(format_duration(level.seconds)),
        Cell(format_rate(level.rate)),
        *(_quantile(level, name, q) for name, q in QUANTILES),
        Cell(share, "bad" if level.errors else ""),
    ]


def _quantile(level: CapacityLevel, name: str, q: float) -> Cell:
    value: float | None = getattr(level, name)
    if not level.samples:
        return Cell("—", "dim")
    if value is None:
        return Cell("beyond", "bad")
    return Cell(figure(value)) if enough(q, level.samples) else Cell(f"~{figure(value)}", "dim")


def _charts(document: CapacityDocument) -> Iterator[Across]:
    levels = [level for level in document.levels if level.p95 is not None]
    if levels:
        yield _latency(document, levels)
    points = [level for level in document.levels if level.concurrency is not None]
    if document.law is not None and points:
        yield _scalability(document.law, points)


def _latency(document: CapacityDocument, levels: list[CapacityLevel]) -> Across:
    dots = []
    for label, answers, colour, sign in (
        ("met", ("met",), "3", "dot"),
        ("not met", ("not met",), "bad", "cross"),
        ("cannot tell", None, "warn", "ring"),
    ):
        # A p95 among what never came back has no place in the chart.
        drawn = [each for each in levels if each.p95 is not None]
        mine = [each for each in drawn if (each.answer in answers if answers else each.answer not in ("met", "not met"))]
        if mine:
            notes = [f"{format_load(each.load)}{document.unit}: p95 {figure(each.p95 or 0.0)} ms, {each.answer}" for each in mine]
            ys = [each.p95 or 0.0 for each in mine]
            dots.append(Dots(f"p95, {label}", colour, [each.load for each in mine], ys, sign, notes))  # type: ignore[arg-type]
    calm = sorted({each.load: each.p50 for each in levels if each.p50 is not None}.items())
    traces = [Trace("p50", "quiet", [load for load, _ in calm], [p50 for _, p50 in calm], "dot")] if len(calm) > 1 else []
    limits = _limits(document, levels[0].latency)
    found = document.outcome == "found"
    zones = [Zone(document.low, document.high)] if found and document.low is not None and document.high is not None else []
    rules = [Rule("x", limit, f"limit of p95: {figure(limit)} ms", "bad") for limit in limits]
    if found and document.capacity is not None:
        rules.append(Rule("y", document.capacity, f"capacity {format_load(document.capacity)}{document.unit}", "ink"))
    return Across(
        "capacity",
        f"{levels[0].latency} over load",
        axis_over([each.load for each in levels], ""),
        axis_over([*(each.p95 or 0 for each in levels), *(each.p50 or 0 for each in levels), *limits], "ms", log=True),
        _noun(document),
        dots,
        traces,
        rules,
        zones,
    )


def _limits(document: CapacityDocument, metric: str) -> list[float]:
    """What objectives say of the p95 that is drawn, in ms."""
    specs = [parse_gate(objective) for objective in document.objectives]
    return [spec.limit * 1e3 for spec in specs if (spec.stat, spec.metric, spec.dimension) == ("p95", metric, Dimension.TIME)]


def _noun(document: CapacityDocument) -> str:
    return "requests/s" if document.unit.startswith("/") else document.unit.strip() or document.knob


def _scalability(law: Law, points: list[CapacityLevel]) -> Across:
    xs, ys = [each.concurrency or 0.0 for each in points], [each.finished or 0.0 for each in points]
    notes = [f"{format_load(each.load)}: {format_count(x)} at once, {format_load(y)}/s" for each, x, y in zip(points, xs, ys, strict=True)]
    traces = []
    if law.noise <= LOOSE and law.curve:
        at, rates = [each.concurrency for each in law.curve], [each.rate for each in law.curve]
        lows, highs = [each.low for each in law.curve], [each.high for each in law.curve]
        traces.append(Trace("scalability law, 95% interval", "1", at, rates, "solid", lows, highs))
    highest = [value for trace in traces for value in trace.highs]
    rules = [Rule("y", law.concurrency_high, "measured to here")] if traces else []
    if traces and law.peak_concurrency is not None and law.peak_concurrency <= 2 * law.concurrency_high:
        rules.append(Rule("y", law.peak_concurrency, f"peak at {format_count(law.peak_concurrency)}", "ink"))
    return Across(
        "scalability",
        "Throughput over requests at once",
        axis_over([*xs, *(trace_x for trace in traces for trace_x in trace.xs)], ""),
        axis_over([*ys, *highest], "1/s"),
        "at once",
        [Dots("levels", "2", xs, ys, "dot", notes)],
        traces,
        rules,
    )
