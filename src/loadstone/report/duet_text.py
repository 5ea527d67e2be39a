"""A duet on one page: the answer, the table of figures, and what it rests on."""

from __future__ import annotations

from loadstone.judge.difference import Answer, Difference
from loadstone.judge.duet_outcome import Outcome
from loadstone.report.difference_table import add_reasons, add_table, change, interval
from loadstone.report.sheet import Sheet, Span, Style
from loadstone.report.text import Look
from loadstone.units import format_count, format_duration, format_rate

BANNERS = {
    Answer.WORSE: ("B IS WORSE", Style.BANNER_BAD),
    Answer.BETTER: ("B IS BETTER", Style.BANNER_GOOD),
    Answer.NOT_WORSE: ("B IS NOT WORSE", Style.BANNER_GOOD),
    Answer.CANNOT_TELL: ("CANNOT TELL", Style.BANNER_WARN),
}
ENDED = {
    "clear": "stopped early, because it was clear",
    "futile": "stopped early, because more pairs of the plan would hardly have made it clear",
    "pairs": "all pairs that were asked for",
    "time": "stopped when its time was over",
    "interrupted": "stopped by hand",
}


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
        sheet.heading("FIGURES", "change and interval are of B against A")
        add_table(sheet, outcome.differences, "A", "B", [each for each in outcome.shown if each.effect is not None])
        add_reasons(sheet, [each for each in outcome.differences if each.reason not in outcome.why and not _without_failures(each)])
    sheet.heading("MEASURED")
    for line in measured(outcome):
        sheet.prose(line, indent="  ")
    if outcome.notices:
        sheet.heading("NOTICES")
        for notice in outcome.notices:
            sheet.prose(notice, indent="    ", first=Span("  ! ", Style.WARN))
    return str(sheet)


def _without_failures(each: Difference) -> bool:
    """Where nothing failed on either side, how little can be said of failures is no news."""
    return each.figure.startswith("errors") and not each.before and not each.after


def measured(outcome: Outcome) -> list[str]:
    """How long, how much, at what load, and how much longer."""
    facts, pace = outcome.facts, outcome.facts.pace
    lines = [f"{format_count(outcome.pairs)} pairs in {format_duration(facts.seconds)}: {ENDED.get(outcome.ended, 'it goes on')}"]
    users = f"{pace.users} user{'s' if pace.users != 1 else ''} at once"
    if pace.capacity_per_s:
        users += f"; of the {format_rate(pace.capacity_per_s)} that the slower side bears, {format_rate(pace.rate_per_s)} are used"
    if pace.users:
        lines.append(f"load on an arm in its turn: {users}")
    if facts.restarts:
        what = "instances of each target" if pace.users else "processes with hash seeds of their own"
        lines.append(f"{facts.restarts + 1} {what}, one after another")
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
            text += f" · {difference.figure} {change(difference)} ({interval(difference)})"
    return text
