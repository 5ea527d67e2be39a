"""Differences as rows of a page and as parts of a document: for duets, comparisons and gates alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.verdict import show_value
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.telling import finite, sound
from loadstone.units import format_share

Answered = Literal["worse", "better", "not worse", "cannot tell"]
STYLES = {Answer.WORSE: Style.BAD, Answer.BETTER: Style.GOOD, Answer.CANNOT_TELL: Style.WARN}
ROOMY = 100  # cells of a page that has room for what could have been seen
MOST_REASONS = 12
ORDER = (Answer.WORSE, Answer.BETTER, Answer.CANNOT_TELL, Answer.NOT_WORSE)


class DifferencePart(BaseModel):
    """One figure beside that of what it is compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure: str
    unit: str
    before: FiniteFloat | None
    after: FiniteFloat | None
    ratio: FiniteFloat | None = Field(description="after ÷ before; null without data")
    low: FiniteFloat | None = Field(description="lower end of the ratio's interval; null when open")
    high: FiniteFloat | None
    level: FiniteFloat | None = Field(description="confidence of the interval")
    answer: Answered
    limit: FiniteFloat = Field(description="the share that is tolerated; of shares, points")
    severity: str
    suspected: str = Field(description="the severity that only the point reaches")
    visible: FiniteFloat | None = Field(description="smallest worsening these data could have shown, as a share")
    samples_before: int
    samples_after: int
    reason: str
    method: str


def part_of(difference: Difference) -> DifferencePart:
    """A difference, told."""
    effect = difference.effect
    return DifferencePart(
        figure=sound(difference.figure),
        unit=difference.unit,
        before=finite(difference.before),
        after=finite(difference.after),
        ratio=finite(effect.ratio) if effect else None,
        low=finite(effect.low) if effect else None,
        high=finite(effect.high) if effect else None,
        level=effect.level if effect else None,
        answer=difference.answer.value,
        limit=difference.limit,
        severity=difference.severity.value,
        suspected=difference.suspected.value,
        visible=finite(difference.visible),
        samples_before=difference.samples_before,
        samples_after=difference.samples_after,
        reason=sound(difference.reason),
        method=difference.method,
    )


def add_table(sheet: Sheet, differences: Sequence[Difference], before: str, after: str, shown: Sequence[Difference] = ()) -> None:
    """A row for each figure, the gravest first; those that are only shown, and judge nothing, come last."""
    judged = sorted(differences, key=lambda each: ORDER.index(each.answer))
    roomy = sheet.width >= ROOMY
    titles = (before, after, "change", "interval", "limit", *(("sees",) if roomy else ()))
    columns = [Column("", left=True, flexible=True, middle=True), *(Column(title) for title in titles), Column("answer", left=True)]
    rows = [_row(each, roomy=roomy) for each in judged]
    rows += [[*_row(each, roomy=roomy)[:-1], Span("not judged", Style.DIM)] for each in shown]
    sheet.table(columns, rows)


def add_reasons(sheet: Sheet, differences: Iterable[Difference]) -> None:
    """Why figures are worse, better or unclear; each reason once, with the figures that it is true of."""
    told: dict[str, list[str]] = {}
    for each in sorted(differences, key=lambda each: ORDER.index(each.answer)):
        if each.answer is not Answer.NOT_WORSE and each.reason:
            suspected = "" if sheet.width >= ROOMY or each.suspected is Severity.NONE else f"; {each.suspected} suspected"
            told.setdefault(each.reason + suspected, []).append(each.figure)
    for reason, figures in list(told.items())[:MOST_REASONS]:
        whose = figures[0] if len(figures) == 1 else f"{len(figures)} figures"
        sheet.prose(f"{whose}: {reason}", Style.DIM, indent="  ")
    if len(told) > MOST_REASONS:
        sheet.prose(f"… and {len(told) - MOST_REASONS} more; --json has all", Style.DIM, indent="  ")


def counted(differences: Iterable[Difference]) -> str:
    """How many figures have which answer: `1 worse, 3 not worse`."""
    answers = [each.answer for each in differences]
    return ", ".join(f"{answers.count(answer)} {answer}" for answer in ORDER if answer in answers) or "nothing was compared"


def value(amount: float | None, unit: str) -> str:
    """A value of a figure as people read it."""
    return "—" if amount is None else show_value(amount, unit)


def change(difference: Difference) -> str:
    """By how much it differs: `+12%`."""
    return "—" if difference.effect is None else _percent(difference.effect.ratio - 1)


def interval(difference: Difference) -> str:
    """Both ends of the change's interval: `+9 … +15%`."""
    effect = difference.effect
    if effect is None or (effect.low <= 0 and math.isinf(effect.high)):
        return "—"
    return f"{_percent(effect.low - 1).removesuffix('%')} … {_percent(effect.high - 1)}"


def _percent(share: float) -> str:
    """A change with its sign, in two digits, tenths below ten."""
    percent = share * 100
    if math.isinf(percent) or abs(percent) >= 1000:
        return ">+1000%"
    return f"{percent:+.1f}%" if abs(percent) < 10 else f"{percent:+.0f}%"


def _row(each: Difference, *, roomy: bool) -> list[Span]:
    answer = str(each.answer)
    if each.severity is not Severity.NONE:
        answer += f", {each.severity}"
    elif roomy and each.suspected is not Severity.NONE:
        answer += f", {each.suspected} suspected"
    cells = [value(each.before, each.unit), value(each.after, each.unit), change(each), interval(each), format_share(each.limit)]
    if roomy:
        cells.append("—" if each.visible is None else _percent(each.visible))
    return [Span(each.figure), *(Span(cell) for cell in cells), Span(answer, STYLES.get(each.answer, Style.PLAIN))]
