"""Why gates failed, what to do about it, and how failures lie in time: only where there is something to say."""

from __future__ import annotations

from loadstone.report.document import Document, FailurePattern
from loadstone.report.sheet import Sheet, Span, Style
from loadstone.units import format_count, format_duration, format_share

MOST_CAUSES = 4
MOST_PATTERNS = 4


def why_failed(document: Document, sheet: Sheet) -> None:
    """The causes for which most speaks, each with its evidence and its gates."""
    if document.verdict == "fail" and not document.causes:
        sheet.heading("WHY")
        sheet.prose("Nothing that was measured stands out as the cause.", indent="  ")
    if not document.causes:
        return
    sheet.heading("WHY", "most evidence first")
    for cause in document.causes[:MOST_CAUSES]:
        mark = Span(f"  {cause.evidence:.2f}  ", Style.BOLD)
        sheet.prose(cause.text, indent=" " * 8, first=mark)
        several = len(document.gates) > 1 and 0 < len(cause.gates) < sum(gate.status == "fail" for gate in document.gates)
        if several:
            sheet.prose(f"for {', '.join(cause.gates[:2])}", Style.DIM, indent=" " * 8)
    more = len(document.causes) - MOST_CAUSES
    if more > 0:
        sheet.line(Span(f"  … and {more} more, all in the JSON document", Style.DIM))


def recommendations(document: Document, sheet: Sheet) -> None:
    """What to do, in the order of the causes that ask for it."""
    if not document.recommendations:
        return
    sheet.heading("WHAT TO DO")
    for one in document.recommendations:
        sheet.prose(one.text, indent="    ", first=Span("  → ", Style.WARN))
        sheet.prose(f"because of {one.cause}; from: {one.threshold}", Style.DIM, indent="    ")


def failure_patterns(document: Document, sheet: Sheet) -> None:
    """How the failures of each type and step lie in time, and for which payloads they come more often."""
    if not document.failure_patterns:
        return
    sheet.heading("FAILURE PATTERNS")
    for pattern in document.failure_patterns[:MOST_PATTERNS]:
        where = f" in {pattern.step}" if pattern.step else f": {pattern.text}"
        counted = f"{format_count(pattern.count)} × {pattern.kind}{where} ({format_share(pattern.share)} of the failures)"
        sheet.prose(f"{counted}: {when(pattern)}", indent="    ", first=Span("  · "))
        for one in pattern.tags:
            if one.ratio is not None and one.low is not None and one.high is not None:
                text = f"{one.ratio:.1f} times as often with {one.tag}={one.value} as without (99%: {one.low:.1f} to {one.high:.1f})"
                sheet.prose(text, Style.DIM, indent="      ")


def when(pattern: FailurePattern) -> str:
    """When in the run failures of a pattern came, as part of a sentence."""
    if pattern.timing == "periodic" and pattern.period_s is not None:
        return f"about every {format_duration(pattern.period_s)}"
    if pattern.from_s is None or pattern.to_s is None:
        return {"steady": "all along"}.get(pattern.timing, "too few to say when")
    if pattern.timing == "from then on":
        return f"from {format_duration(pattern.from_s)} on"
    if pattern.timing == "at first":
        return f"until {format_duration(pattern.to_s)}"
    return f"a burst from {format_duration(pattern.from_s)} to {format_duration(pattern.to_s)}"
