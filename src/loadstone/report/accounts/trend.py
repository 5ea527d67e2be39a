"""Histories of figures as an account: each run, where the level changed, the limit, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from statistics import median

from loadstone.charts.figures.across import Across, Dots, Rule, Tick, Trace, Zone, axis_over
from loadstone.errors import ExitCode
from loadstone.judge.difference import Answer, gravest
from loadstone.judge.history import History
from loadstone.report.account import Account, Cell, Fact, Table
from loadstone.report.accounts.beside import TONES
from loadstone.report.csv import history_lines
from loadstone.report.difference_table import value as shown
from loadstone.report.junit import answered
from loadstone.report.trend import AheadPart, Trend, ahead_of, outlook_text, render_trend, render_trend_json, trend_document_of

EXIT_CODES = {Answer.WORSE: ExitCode.GATE_FAILED, Answer.CANNOT_TELL: ExitCode.INCONCLUSIVE}
MOST_CHARTS = 12
MOST_CHANGES = 6  # that have a name in a chart, the newest
NEAR = 3.0  # a limit farther than this from all values is not drawn


def account_of_trends(trends: Mapping[str, Trend], units: Mapping[str, str], title: str = "") -> Account:
    """What `loadstone trend` came to for every report, by figure; `units` are those of the figures."""
    answer = gravest([trend.answer for trend in trends.values()])
    histories = [history for trend in trends.values() for history in trend.histories]
    reasons = [f"{name}: {trend.answer}" for name, trend in trends.items()]
    runs = {run.name for history in histories for run in history.runs}
    moments = [run.started for history in histories for run in history.runs if run.started is not None]
    return Account(
        "trend",
        title or ", ".join(trends),
        "",
        answer.value.capitalize(),
        TONES[answer],
        _sentence(histories[0].reason) if len(histories) == 1 else f"{'; '.join(reasons)}." if reasons else "No run has it.",
        int(EXIT_CODES.get(answer, ExitCode.PASS)),
        max(moments, default=None),
        [answered(name, "trend", trend.answer.value, "; ".join(each.reason for each in trend.histories)) for name, trend in trends.items()],
        list(history_lines(trends)),
        render_trend_json([trend_document_of(name, units.get(name, ""), trend) for name, trend in trends.items()]).encode(),
        lambda look: "\n".join(render_trend(name, trend, look) for name, trend in trends.items()),
        [Fact("Runs", str(len(runs)), _span(moments)), *_newest(trends)],
        list(_tables(trends)),
        list(_charts(trends))[:MOST_CHARTS],
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _span(moments: list[datetime]) -> str:
    return f"{min(moments):%Y-%m-%d} to {max(moments):%Y-%m-%d}" if moments else ""


def _newest(trends: Mapping[str, Trend]) -> Iterator[Fact]:
    for name, trend in list(trends.items())[:3]:
        if trend.histories and trend.histories[0].values:
            history = trend.histories[0]
            yield Fact(
                name, shown(history.values[-1], history.figure.unit), "the newest run", TONES[history.answer] if trend.histories else ""
            )


def _tables(trends: Mapping[str, Trend]) -> Iterator[Table]:
    rows, changes = [], []
    for name, trend in trends.items():
        for history in trend.histories:
            words = Cell(history.answer.value, TONES[history.answer])
            ahead = outlook_text(history, trend)
            rows.append(
                [Cell(name), Cell(history.machine), words, Cell(str(len(history.runs))), Cell(_sentence(history.reason)), Cell(ahead)]
            )
            for each in history.changes:
                began = f"{each.started:%Y-%m-%d %H:%M} UTC" if each.started else f"run {each.index + 1}"
                by = Cell(f"{each.effect.ratio - 1:+.1%}", "bad" if each.worse else "good")
                sure = f"{each.effect.low - 1:+.1%} … {each.effect.high - 1:+.1%}"
                more = (Cell(each.run), Cell(each.commit[:9]), Cell(name), by, Cell(sure), Cell(f"{each.confidence:.1%}"))
                changes.append([Cell(began), *more])
    yield Table("Histories", ("figure", "machine", "answer", "runs", "why", "outlook"), rows, words=frozenset({1, 2, 4, 5}))
    if changes:
        columns = ("changed at", "run", "commit", "figure", "by", "95%", "confidence")
        yield Table("Where it changed", columns, changes, words=frozenset({1, 2, 3}))


def _charts(trends: Mapping[str, Trend]) -> Iterator[Across]:
    for number, (name, trend) in enumerate(trends.items()):
        for place, history in enumerate(trend.histories):
            if history.values:
                title = f"{name}, {history.machine}" if len(trend.histories) > 1 else name
                yield _chart(f"trend-{number + 1}-{place + 1}", title, history, trend.limit)


def _chart(name: str, title: str, history: History, limit: float | None) -> Across:
    unit, values = history.figure.unit, history.values
    times = 100.0 if history.figure.is_share else 1.0
    ys = [value * times for value in values]
    unit = "%" if history.figure.is_share else {"/s": "1/s"}.get(unit, unit)
    xs = [float(at) for at in range(len(values))]
    notes = [
        f"{run.name}{f', {run.started:%Y-%m-%d %H:%M} UTC' if run.started else ''}: {shown(value, history.figure.unit)}"
        for run, value in zip(history.runs, values, strict=True)
    ]
    rules = [Rule("y", each.index - 0.5, f"{each.effect.ratio - 1:+.1%}", "bad" if each.worse else "good") for each in history.changes]
    near = limit is not None and limit <= NEAR * max(values) and limit >= min(values) / NEAR
    if limit is not None and near:
        rules.append(Rule("x", limit * times, f"limit {shown(limit, history.figure.unit)}", "bad"))
    dots = [Dots("a run", "1", xs, ys, "dot", notes)]
    ahead = _ahead(history, max(ys), times)
    held = [*ys, *([limit * times] if limit is not None and near else []), *(ahead.highs if ahead else ())]
    last = ahead.xs[-1] if ahead else len(values) - 1.0
    x = axis_over([-0.5, last + 0.5], "", from_zero=False)
    levels = [*([_medians(history, ys)] if len(values) > 1 else []), *([ahead] if ahead else [])]
    zones = [Zone(len(values) - 0.5, last + 0.5)] if ahead else []
    return Across(
        name,
        title,
        x,
        axis_over(held, unit, from_zero=_from_zero(ys)),
        "runs",
        dots,
        levels,
        rules[-MOST_CHANGES - 1 :],
        zones,
        [*_ticks(history), *([(last, _days_later(history))] if ahead else [])],
    )


def _ahead(history: History, most: float, times: float) -> Trace | None:
    """The line through the runs since the last change and on, with its 90 % band, which is cut where it would dwarf the runs."""
    found = ahead_of(history)
    if not found:
        return None
    first = len(history.values) - sum(each.days <= 0 for each in found)
    ys, lows, highs = ([min(NEAR * most, value * times) for value in values] for values in zip(*map(_levels, found), strict=True))
    return Trace("where it leads, 90%", "3", [float(first + at) for at in range(len(found))], ys, "dot", lows, highs)


def _levels(each: AheadPart) -> tuple[float, float, float]:
    return each.level, each.low, each.high


def _days_later(history: History) -> str:
    return f"+{ahead_of(history)[-1].days:.3g} days"


def _from_zero(ys: list[float]) -> bool:
    """A figure that hardly moves would be a flat line at the top."""
    return max(ys) - min(ys) > 0.5 * max(ys)


def _medians(history: History, ys: list[float]) -> Trace:
    """The level between changes."""
    edges = [0, *(change.index for change in history.changes), len(ys)]
    xs: list[float] = []
    levels: list[float | None] = []
    for begin, end in pairwise(edges):
        if end > begin:
            level = median(ys[begin:end])
            xs += [begin - 0.5, end - 0.5, end - 0.5]
            levels += [level, level, None]
    return Trace("median between changes", "2", xs, levels)


def _ticks(history: History) -> list[Tick]:
    """The first run of each day that has one."""
    found: list[Tick] = []
    for at, run in enumerate(history.runs):
        text = f"{run.started:%Y-%m-%d}" if run.started else f"run {at + 1}"
        if not found or text != found[-1][1]:
            found.append((float(at), text))
    return found
