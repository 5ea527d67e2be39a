"""A duet on one page: the answer, the table of figures, and what it rests on."""

from __future__ import annotations

from loadstone.judge.difference import Answer, Difference, Severity
from loadstone.judge.duet_outcome import Outcome
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.text import Look
from loadstone.units import format_count, format_duration, format_rate, format_share

BANNERS = {
    Answer.WORSE: ("B IS WORSE", Style.BANNER_BAD),
    Answer.BETTER: ("B IS BETTER", Style.BANNER_GOOD),
    Answer.NOT_WORSE: ("B IS NOT WORSE", Style.BANNER_GOOD),
    Answer.CANNOT_TELL: ("CANNOT TELL", Style.BANNER_WARN),
}
STYLES = {Answer.WORSE: Style.BAD, Answer.CANNOT_TELL: Style.WARN}
ENDED = {
    "clear": "stopped early, because it was clear",
    "pairs": "all pairs that were asked for",
    "time": "stopped when its time was over",
    "interrupted": "stopped by hand",
}
COLUMNS = (
    Column("", left=True, flexible=True, middle=True),
    Column("A"),
    Column("B"),
    Column("B/A"),
    Column("interval"),
    Column("answer", left=True),
)


def render_duet(outcome: Outcome, look: Look) -> str:
    """The page of a duet that has ended."""
    sheet, facts = Sheet(look.width, color=look.color, unicode=look.unicode), outcome.facts
    word, style = BANNERS[outcome.answer]
    sheet.rule(Span(f" {word} ", style), f"exit code {int(outcome.exit_code)}")
    for arm in ("A", "B"):
        sheet.line(Span(f"{arm}  "), Span(facts.names.get(arm, ""), Style.BOLD))
    if outcome.why:
        sheet.prose(outcome.why)
    if outcome.differences:
        sheet.heading("FIGURES", f"more than {format_share(outcome.differences[0].limit)} is worse; the interval is of the ratio")
        shown = [[*_row(difference)[:-1], Span("not judged", Style.DIM)] for difference in outcome.shown]
        sheet.table(COLUMNS, [*map(_row, outcome.differences), *shown])
        for difference in outcome.differences:
            if difference.answer is not Answer.NOT_WORSE and difference.reason and difference.reason not in outcome.why:
                sheet.prose(f"{difference.figure}: {difference.reason}", Style.DIM, indent="  ")
    sheet.heading("MEASURED")
    for line in measured(outcome):
        sheet.prose(line, indent="  ")
    if outcome.notices:
        sheet.heading("NOTICES")
        for notice in outcome.notices:
            sheet.prose(notice, indent="    ", first=Span("  ! ", Style.WARN))
    return str(sheet)


def measured(outcome: Outcome) -> list[str]:
    """How long, how much, at what load, and how much longer."""
    facts, pace = outcome.facts, outcome.facts.pace
    lines = [f"{format_count(outcome.pairs)} pairs in {format_duration(facts.seconds)}: {ENDED.get(outcome.ended, 'it goes on')}"]
    users = f"{pace.users} user{'s' if pace.users != 1 else ''} at once"
    if pace.capacity_per_s:
        users += f", at most {format_rate(pace.rate_per_s)}; measured capacity {format_rate(pace.capacity_per_s)}"
    lines.append(f"load on an arm in its turn: {users}")
    if facts.restarts:
        lines.append(f"{facts.restarts + 1} instances of each target, one after another")
    if facts.cpu is not None:
        lines.append(f"processors {facts.cpu:.0%} busy")
    if outcome.more_s is not None:
        lines.append(f"about {format_duration(outcome.more_s)} more would probably do: --max-time and --pairs")
    return lines


def progress(outcome: Outcome) -> str:
    """One line of how it stands."""
    text = f"{outcome.pairs} pairs, {outcome.facts.seconds:.0f} s"
    for difference in outcome.differences[:2]:
        if difference.effect is not None:
            text += f" · {difference.figure} ×{difference.effect.ratio:.3f} ({interval(difference)})"
    return text


def interval(difference: Difference) -> str:
    """Both ends of the ratio's interval."""
    effect = difference.effect
    return f"{effect.low:.3f}–{effect.high:.3f}" if effect is not None else "none"


def _row(difference: Difference) -> list[Span]:
    answer = str(difference.answer)
    if difference.severity is not Severity.NONE:
        answer += f", {difference.severity}"
    elif difference.suspected is not Severity.NONE:
        answer += f", {difference.suspected} suspected"
    return [
        Span(difference.figure),
        Span(_value(difference.before, difference.unit)),
        Span(_value(difference.after, difference.unit)),
        Span(f"{difference.effect.ratio:.3f}" if difference.effect is not None else "-"),
        Span(interval(difference)),
        Span(answer, STYLES.get(difference.answer, Style.GOOD)),
    ]


def _value(value: float | None, unit: str) -> str:
    return "no data" if value is None else f"{value:.3g} {unit}"
