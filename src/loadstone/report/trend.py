"""The history of a figure on one page, and as a document: its course, where it changed, and where it leads."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.difference import Answer, gravest
from loadstone.judge.history import DAY_S, Change, History
from loadstone.report.difference_table import Answered, DifferencePart, part_of
from loadstone.report.difference_table import value as shown
from loadstone.report.plot import Mark, plot
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.telling import finite, sound
from loadstone.report.text import Look
from loadstone.stats.forecast import Crossing

SCHEMA: Final = "loadstone.trend/1"
PLOT_HEIGHT = 10
MOST_LOG = 700.0  # above it e**x is no float
RUN, CHANGED, LIMIT = "·", "x", "-"
STYLES = {Answer.WORSE: Style.BANNER_BAD, Answer.BETTER: Style.BANNER_GOOD, Answer.NOT_WORSE: Style.BANNER_GOOD}


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """Histories of one figure, one for each machine, and the limit that it should keep, in its unit."""

    histories: Sequence[History]
    limit: float | None = None

    @property
    def answer(self) -> Answer:
        """The gravest of all machines; without runs, nobody can tell."""
        return gravest([history.answer for history in self.histories])

    def crossing(self, history: History) -> Crossing | None:
        """When a history crosses the limit."""
        return history.crossing(self.limit) if self.limit is not None else None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class ChangePart(_Part):
    """A change of level."""

    run: str = Field(description="the first run after it")
    started: datetime | None
    commit: str
    ratio: FiniteFloat | None = Field(description="after ÷ before, of the medians of the stretches next to it")
    low: FiniteFloat | None
    high: FiniteFloat | None
    worse: bool
    confidence: FiniteFloat


class AheadPart(_Part):
    """What the line through the runs since the last change says of a day."""

    days: FiniteFloat = Field(description="after the newest run; negative before it")
    level: FiniteFloat
    low: FiniteFloat = Field(description="90 % band of the level, not of single runs")
    high: FiniteFloat


class OutlookPart(_Part):
    """Where the runs since the last change lead."""

    certain: bool = Field(description="does the level move at all?")
    change_per_day: FiniteFloat | None = Field(description="as a share: 0.01 is 1 % a day")
    low: FiniteFloat | None
    high: FiniteFloat | None
    crosses_in_days: FiniteFloat | None = Field(description="until it meets the limit; null when it does not")
    earliest_days: FiniteFloat | None
    latest_days: FiniteFloat | None = Field(description="null when it may never meet it")
    ahead: list[AheadPart] = Field(description="from the first run since the last change on; empty when it does not move for certain")


class HistoryPart(_Part):
    """The figure on one machine."""

    machine: str
    runs: list[str]
    values: list[FiniteFloat]
    answer: Answered
    reason: str
    changes: list[ChangePart]
    newest: DifferencePart | None = Field(description="the newest runs beside those before; null with too few")
    season_days: FiniteFloat | None
    outlook: OutlookPart | None = Field(description="null below twelve runs since the last change")


class TrendDocument(_Part):
    """What a history tells."""

    schema_: Literal["loadstone.trend/1"] = Field(alias="schema")
    figure: str
    unit: str
    limit: FiniteFloat | None
    answer: Answered
    histories: list[HistoryPart]


def trend_document_of(figure: str, unit: str, trend: Trend) -> TrendDocument:
    """Everything that a history tells."""
    return TrendDocument(
        schema=SCHEMA,
        figure=sound(figure),
        unit=unit,
        limit=trend.limit,
        answer=trend.answer.value,
        histories=[_history_part(history, trend) for history in trend.histories],
    )


def render_trend_json(documents: Sequence[TrendDocument]) -> str:
    """One document, or a list of them where several figures were asked for."""
    found = [document.model_dump(mode="json") for document in documents]
    return json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_trend(figure: str, trend: Trend, look: Look) -> str:
    """The page of a figure."""
    sheet = Sheet(look.width, color=look.color, unicode=look.unicode)
    sheet.rule(Span(f" {str(trend.answer).upper()} ", STYLES.get(trend.answer, Style.BANNER_WARN)), figure)
    if not trend.histories:
        sheet.prose("No run has it.")
    for history in trend.histories:
        _history(sheet, history, trend)
    return str(sheet)


def _history(sheet: Sheet, history: History, trend: Trend) -> None:
    sheet.heading(history.machine, f"{len(history.runs)} runs")
    sheet.prose(f"{history.reason[:1].upper()}{history.reason[1:]}.")
    for line in _plot(sheet, history, trend.limit):
        sheet.line(Span(f"  {line}"))
    if history.changes:
        columns = (Column("changed at", left=True), Column("run", left=True), Column("commit", left=True), Column("by"), Column("95%"))
        sheet.blank()
        sheet.table((*columns, Column("confidence")), [_change(change) for change in history.changes])
    if history.season is not None:
        sheet.prose(f"It swings back every {history.season:g} days; that is taken out before changes are looked for.", Style.DIM)
    sheet.prose(outlook_text(history, trend), Style.DIM)


def _plot(sheet: Sheet, history: History, limit: float | None) -> list[str]:
    """Runs in order, a column or more each; a change is marked, the limit is a line."""
    values = history.values[-max(20, sheet.width - 20) :]
    skipped = len(history.values) - len(values)
    changed = {change.index - skipped for change in history.changes}
    marks = [Mark(at, value, CHANGED if at in changed else RUN) for at, value in enumerate(values)]
    if len(marks) < 2:
        return []
    if limit is not None and limit <= 3 * max(values):
        marks += [Mark(at, limit, LIMIT) for at in range(len(values)) if not math.isclose(values[at], limit, rel_tol=0.05)]
    width = max(20, min(100, sheet.width - 18))

    def begun(at: float) -> str:
        started = history.runs[skipped + min(len(values) - 1, round(at))].started
        return f"{started:%Y-%m-%d}" if started else f"run {skipped + round(at) + 1}"

    return plot(marks, width, PLOT_HEIGHT, begun, lambda value: shown(value, history.figure.unit))


def _change(change: Change) -> list[Span]:
    effect = change.effect
    return [
        Span(f"{change.started:%Y-%m-%d %H:%M} UTC" if change.started else f"run {change.index + 1}"),
        Span(change.run),
        Span(change.commit[:9]),
        Span(f"{effect.ratio - 1:+.1%}", Style.BAD if change.worse else Style.GOOD),
        Span(f"{effect.low - 1:+.1%} … {effect.high - 1:+.1%}"),
        Span(f"{change.confidence:.1%}"),
    ]


def outlook_text(history: History, trend: Trend) -> str:
    """Where it leads since the last change, and when it crosses the limit."""
    unit = history.figure.unit
    outlook = history.outlook
    if outlook is None:
        return f"No forecast: it {'was 0 in some runs' if 0 in history.values else 'needs 12 runs since the last change'}."
    if not outlook.certain:
        return "It does not move for certain since the last change, so nothing is forecast."
    slopes = (math.expm1(slope) for slope in (outlook.slope, outlook.low, outlook.high))
    text = "Since the last change it moves by {:+.2%} a day ({:+.2%} … {:+.2%}).".format(*slopes)
    if trend.limit is None:
        return f"{text} With --limit it is told when that would be too much."
    crossing = trend.crossing(history)
    if crossing is None:
        worsens = (outlook.slope > 0) == (history.figure.better == "lower")
        past = (trend.limit < math.exp(outlook.now)) == (outlook.slope > 0)
        so = "is past" if worsens and past else "does not move towards"
        return f"{text} It {so} {shown(trend.limit, unit)}{' already' if worsens and past else ''}."
    newest = history.runs[-1].started
    if crossing.after <= 0:
        return f"{text} It is past {shown(trend.limit, unit)} already."
    latest = f"{crossing.latest:.0f}" if math.isfinite(crossing.latest) else "never"
    on = f", about {newest + timedelta(days=crossing.after):%Y-%m-%d}" if newest and crossing.after < 10_000 else ""
    return f"{text} It crosses {shown(trend.limit, unit)} in {crossing.after:.0f} days ({crossing.earliest:.0f} … {latest}){on}."


def ahead_of(history: History) -> list[AheadPart]:
    """The line and its band at the runs since the last change, then half as far on; empty when it does not move for certain."""
    outlook = history.outlook
    if outlook is None or not outlook.certain:
        return []
    begin = history.changes[-1].index if history.changes else 0
    starts = [run.started.timestamp() / DAY_S - outlook.last_time for run in history.runs[begin:] if run.started is not None]
    if len(starts) < 2:
        return []
    step = (starts[-1] - starts[0]) / (len(starts) - 1)
    found = []
    for days in (*starts, *(step * (at + 1) for at in range(len(starts) // 2))):
        level, low, high = (math.exp(min(value, MOST_LOG)) for value in outlook.band(days))
        found.append(AheadPart(days=days, level=level, low=low, high=high))
    return found


def _history_part(history: History, trend: Trend) -> HistoryPart:
    return HistoryPart(
        machine=sound(history.machine),
        runs=[sound(run.name) for run in history.runs],
        values=list(history.values),
        answer=history.answer.value,
        reason=sound(history.reason),
        changes=[
            ChangePart(
                run=sound(change.run),
                started=change.started,
                commit=sound(change.commit),
                ratio=finite(change.effect.ratio),
                low=finite(change.effect.low),
                high=finite(change.effect.high),
                worse=change.worse,
                confidence=change.confidence,
            )
            for change in history.changes
        ],
        newest=part_of(history.newest) if history.newest else None,
        season_days=history.season,
        outlook=_outlook_part(history, trend.crossing(history)),
    )


def _outlook_part(history: History, crossing: Crossing | None) -> OutlookPart | None:
    outlook = history.outlook
    if outlook is None:
        return None
    return OutlookPart(
        ahead=ahead_of(history),
        certain=outlook.certain,
        change_per_day=finite(math.expm1(outlook.slope)),
        low=finite(math.expm1(outlook.low)),
        high=finite(math.expm1(outlook.high)),
        crosses_in_days=finite(crossing.after) if crossing else None,
        earliest_days=finite(crossing.earliest) if crossing else None,
        latest_days=finite(crossing.latest) if crossing else None,
    )
