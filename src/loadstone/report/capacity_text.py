"""A search for capacity for people: the answer first, then the levels, the curve, the law, and the way back down."""

from __future__ import annotations

from loadstone.measure.plain_text import plain
from loadstone.report.capacity_document import CapacityDocument, CapacityLevel, StepDown
from loadstone.report.plot import Mark, plot
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.report.text import Look
from loadstone.report.text_latency import figure
from loadstone.stats.quantiles import enough
from loadstone.units import format_count, format_duration, format_load, format_rate, format_share

STYLES = {
    "met": Style.GOOD,
    "not met": Style.BAD,
    "unclear": Style.WARN,
    "generator's limit": Style.WARN,
    "host busy": Style.WARN,
    "no data": Style.WARN,
}
SIGNS = {"met": "o", "not met": "x", "unclear": "?", "generator's limit": "!", "host busy": "!", "no data": "!"}
WORDS = {
    "found": ("FOUND", Style.GOOD),
    "at least": ("AT LEAST", Style.GOOD),
    "never met": ("NEVER MET", Style.BAD),
    "generator's limit": ("GENERATOR'S LIMIT", Style.WARN),
    "cannot tell": ("CANNOT TELL", Style.WARN),
}
SHORT = {"generator's limit": "own limit"}
PLOT_HEIGHT = 10
LONGEST_REASON = 160
LOOSE = 0.15  # deviation from the law beyond which it describes nothing


def render_capacity_text(document: CapacityDocument, look: Look) -> str:
    """The page for a search."""
    sheet = _headed(document, look)
    sheet.line(Span(plain(document.plan), Style.BOLD), Span(f" → {plain(document.target)}" if document.target else ""))
    for objective in document.objectives:
        sheet.prose(plain(objective), Style.DIM, indent="    ", first=Span("  · ", Style.DIM))
    _levels(document, sheet)
    _curve(document, sheet)
    _law(document, sheet)
    if document.step_down is not None:
        sheet.heading("BACK DOWN")
        sheet.prose(recovery_text(document.step_down, document.unit), indent="  ")
    notices = notices_of(document)
    if notices:
        sheet.heading("NOTICES")
        for notice in notices:
            sheet.prose(plain(notice), Style.WARN, indent="    ", first=Span("  ! ", Style.WARN))
    return str(sheet)


def render_answer(document: CapacityDocument, look: Look) -> str:
    """The head of the page alone: the outcome and the answer."""
    return str(_headed(document, look))


def _headed(document: CapacityDocument, look: Look) -> Sheet:
    sheet = Sheet(look.width, color=look.color, unicode=look.unicode)
    word, style = WORDS[document.outcome]
    sheet.rule(Span(f" {word} ", style), f"exit code {document.exit_code}")
    sheet.prose(plain(answer_of(document)), Style.BOLD)
    return sheet


def answer_of(document: CapacityDocument) -> str:
    """The answer in one line: `98.7/s (95.1–101.9) meets all 2 objectives; p95(…) breaks first; target.cpu bends first`."""
    count = len(document.objectives) - len(document.not_measured)
    every = f"all {count} objectives" if count > 1 else "the objective"
    parts = [_capacity(document, every)]
    if document.outcome in ("found", "never met"):
        if document.breaks_first:
            parts.append(f"{document.breaks_first.rpartition(') ')[0] or document.breaks_first}) breaks first")
        elif document.queue_grows:
            parts.append("beyond it the queue grows without end")
    if document.bends_first is not None:
        parts.append(f"{document.bends_first.resource} bends first ({document.bends_first.reason})")
    if document.per_core is not None:
        parts.append(f"{format_rate(document.per_core)} per core")
    return "; ".join(parts)


def _capacity(document: CapacityDocument, every: str) -> str:
    low, high = document.low, document.high
    met = document.met
    unit = document.unit
    if document.outcome == "found" and low is not None and high is not None and document.capacity is not None:
        return f"{format_load(document.capacity)}{unit} ({format_load(low)}–{format_load(high)}) {_meets(document)} {every}"
    if document.outcome == "at least" and met is not None:
        return f"at least {format_load(met)}{unit} {_meets(document)} {every}, the most that was tried"
    if document.outcome == "generator's limit":
        least = f"at least {format_load(met)}{unit} {_meets(document)} {every}; " if met is not None else ""
        return f"{least}beyond that the generator, not the target, was at its limit"
    if document.outcome == "never met" and high is not None:
        return f"no load meets {every}: not even {format_load(high)}{unit}"
    least = f"at least {format_load(met)}{unit} {_meets(document)} {every}, but " if met is not None else ""
    return f"{least}how much more cannot be told" if met is not None else "what load meets the objectives cannot be told"


def _meets(document: CapacityDocument) -> str:
    """`80/s meets`, but `80 users meet`."""
    one = document.unit.startswith("/") or (document.met if document.capacity is None else document.capacity) == 1
    return "meets" if one else "meet"


def row_text(level: CapacityLevel, unit: str) -> str:
    """A level in one line, for those who wait."""
    errors = format_share(level.errors / level.requests) if level.requests else "—"
    times = "  ".join(f"{name} {_time(value)}" for name, value in (("p50", level.p50), ("p95", level.p95)))
    early = f" (after {format_duration(level.seconds)})" if level.ended_early else ""
    return f"{format_load(level.load)}{unit}  {times}  errors {errors}  {level.answer}{early}"


def recovery_text(step: StepDown, unit: str) -> str:
    """What an overload left behind, in a sentence or two."""
    after = f"After {format_duration(step.overload_s)} at {format_load(step.overload)}{unit}"
    if step.recovered_s is None:
        first = (
            f"{after} the objectives were not met again within {format_duration(step.watched_s)} at {format_load(step.rest_load)}{unit}."
        )
    else:
        first = f"{after} every objective was met again {format_duration(step.recovered_s)} into {format_load(step.rest_load)}{unit}."
    if step.again_met is None:
        return f"{first} Whether {format_load(step.again_load)}{unit} is met again cannot be told."
    if step.again_met:
        return f"{first} {format_load(step.again_load)}{unit} is met again: no hysteresis."
    return f"{first} {format_load(step.again_load)}{unit}, met on the way up, is not met on the way down: hysteresis."


def _levels(document: CapacityDocument, sheet: Sheet) -> None:
    if not document.levels:
        return
    sheet.heading("LEVELS", f"{document.levels[0].latency} in ms; in the order they were tried")
    names = ("for", "rate", "p50", "p95", "p99", "errors")
    columns = [Column(document.knob), Column("", left=True), Column("", left=True), *(Column(name) for name in names)]
    sheet.table(columns, [_row(level) for level in document.levels])
    below = [level for level in document.levels if level.answer == "unclear" and document.met is not None and level.load < document.met]
    if below:
        loads = ", ".join(dict.fromkeys(format_load(level.load) for level in below))
        sheet.prose(
            plain(f"{loads}{document.unit}: too little to tell, and a greater load is met"), Style.DIM, indent="    ", first=Span("  ")
        )
    told = [level for level in document.levels if level.reason and level not in below]
    reasons = {f"{format_load(level.load)}{document.unit}": level.reason or "" for level in told}
    for load, reason in reasons.items():
        short = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
        sheet.prose(plain(f"{load}: {short}"), Style.DIM, indent="    ", first=Span("  "))


def _row(level: CapacityLevel) -> list[Span]:
    share = format_share(level.errors / level.requests) if level.requests else "—"
    return [
        Span(format_load(level.load), Style.BOLD),
        Span(SHORT.get(level.answer, level.answer), STYLES[level.answer]),
        Span(level.purpose, Style.DIM),
        Span(format_duration(level.seconds)),
        Span(format_rate(level.rate)),
        *(_quantile(value, q, level) for value, q in ((level.p50, 0.5), (level.p95, 0.95), (level.p99, 0.99))),
        Span(share, Style.BAD if level.errors else Style.PLAIN),
    ]


def _quantile(value: float | None, q: float, level: CapacityLevel) -> Span:
    if not level.samples:
        return Span("—", Style.DIM)
    if value is None:
        return Span("beyond", Style.BAD)
    return Span(figure(value)) if enough(q, level.samples) else Span(f"~{figure(value)}", Style.DIM)


def _curve(document: CapacityDocument, sheet: Sheet) -> None:
    marks = [Mark(level.load, level.p95, SIGNS[level.answer]) for level in document.levels if level.p95 is not None]
    if len({mark.x for mark in marks}) < 2:
        return
    sheet.heading("CURVE", "p95 over load; o met, x not met, ? unclear")
    width = max(20, min(90, sheet.width - 16))
    for line in plot(marks, width, PLOT_HEIGHT, lambda load: f"{format_load(load)}{document.unit}", lambda ms: format_duration(ms / 1e3)):
        sheet.line(Span(f"  {line}"))


def _law(document: CapacityDocument, sheet: Sheet) -> None:
    if document.law is None:
        return
    sheet.heading("SCALABILITY", "Universal Scalability Law over the levels whose queues stood still")
    for text in law_texts(document):
        sheet.prose(text, indent="  ")


def law_texts(document: CapacityDocument) -> list[str]:
    """The law in a sentence, and what it foretells; that nothing is foretold where levels do not follow it."""
    law = document.law
    if law is None:
        return []
    if law.noise > LOOSE:
        return [f"The levels do not follow the law (deviation {format_share(law.noise)}), so nothing is foretold."]
    fall = (
        f"throughput peaks at {format_count(law.peak_concurrency)} at once"
        if law.peak_concurrency is not None
        else "throughput never falls"
    )
    said = (
        f"{format_load(law.rate)}/s of one at a time, contention {law.contention:.2%}, coherency {law.coherency:.4%}: {fall}. "
        f"Measured from {format_count(law.concurrency_low)} to {format_count(law.concurrency_high)} at once, "
        f"deviation {format_share(law.noise)}."
    )
    foretold = "; ".join(
        f"{format_count(each.concurrency)} at once: {format_load(each.rate)}/s ({format_load(each.low)}–{format_load(each.high)})"
        for each in law.predictions
    )
    return [said, f"Foretold beyond that: {foretold}."]


def notices_of(document: CapacityDocument) -> list[str]:
    """What a reader should know before believing it."""
    notices = list(document.remarks)
    if document.not_measured:
        notices.append(f"nothing was measured of {', '.join(document.not_measured)}: these are not among what is met")
    if document.ended:
        notices.insert(0, f"the search ended early: {document.ended}")
    if not any(level.resources for level in document.levels):
        notices.append("no probe read the target's resources: add --probe, or --pid of one that runs")
    return notices


def _time(value: float | None) -> str:
    return format_duration(value / 1e3) if value is not None else "beyond"
