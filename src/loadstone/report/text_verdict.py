"""The top of the page: what the run came to, why, and gate by gate."""

from __future__ import annotations

from loadstone.judge.score import BECAUSE, Decision
from loadstone.judge.verdict import show_value
from loadstone.report.document import Band, Document, Gate
from loadstone.report.sheet import Column, Sheet, Span, Style
from loadstone.units import format_count, format_duration, format_share

BANNERS = {
    "pass": ("PASS", Style.BANNER_GOOD),
    "fail": ("FAIL", Style.BANNER_BAD),
    "inconclusive": ("NO DATA", Style.BANNER_WARN),
    "untrustworthy": ("UNTRUSTWORTHY", Style.BANNER_WARN),
    "unreachable": ("UNREACHABLE", Style.BANNER_BAD),
    "interrupted": ("INTERRUPTED", Style.BANNER_WARN),
}
WANTED_SCORE = 90
MARKS = {"pass": Span("✓", Style.GOOD), "fail": Span("✗", Style.BAD), "no_data": Span("?", Style.WARN)}


def headline(document: Document, sheet: Sheet) -> None:
    """The verdict as large as a terminal can say it, what was tested, and one sentence why."""
    word, style = BANNERS[document.verdict]
    sheet.rule(Span(f" {word} ", style), f"exit code {document.exit_code}")
    origin = document.provenance
    sheet.line(Span(origin.plan, Style.BOLD), Span(f" → {origin.target}" if origin.target else ""))
    sheet.prose(why(document))


def why(document: Document) -> str:
    """One sentence that says what the verdict rests on."""
    early = f" The run ended early: {document.load.aborted_by}." if document.load.aborted_by else ""
    match document.verdict:
        case "pass":
            few = ["No gate was set, so nothing was judged.", "The gate holds.", "Both gates hold."]
            return (
                (few[len(document.gates)] if len(document.gates) < len(few) else f"All {len(document.gates)} gates hold.")
                + _held(document)
                + early
            )
        case "fail":
            return _failed(document) + early
        case "inconclusive":
            return _inconclusive(document) + early
        case "untrustworthy":
            return _untrustworthy(document) + early
        case "unreachable":
            return f"Nothing answers at {document.provenance.target or 'the target'}."
        case "interrupted":
            return _interrupted(document.load.seconds, document.load.warm_up_s)


def _held(document: Document) -> str:
    held = document.decision is not None and document.decision.answer == "hold"
    return f" But {document.decision.because}." if document.decision and held else ""


def _untrustworthy(document: Document) -> str:
    reason = document.generator.reasons[0] if document.generator.reasons else "the load was not reached"
    if not document.load.seconds:
        return f"The load generator ended before anything was judged: {reason}."
    return f"The load generator, not the target, limits these numbers: {reason}."


def _interrupted(judged_s: float, warm_up_s: float) -> str:
    if not judged_s:
        return f"Interrupted {'during warm-up' if warm_up_s else 'before its first second was told'}, nothing judged."
    return f"Broken off after {format_duration(judged_s)} of judged time; this is what was measured until then."


def _failed(document: Document) -> str:
    failed = [gate for gate in document.gates if gate.status == "fail"]
    named = ", ".join(_label(gate) for gate in failed[:2]) + (f" and {len(failed) - 2} more" if len(failed) > 2 else "")
    total = len(document.gates)
    return f"{len(failed)} of {total} gates failed: {named}." if total > 1 else f"The gate failed: {named}."


def _inconclusive(document: Document) -> str:
    lacking = [gate for gate in document.gates if gate.status == "no_data"]
    because = document.decision.because if document.decision is not None else ""
    if because and because != BECAUSE[Decision.INCONCLUSIVE]:
        return f"{because[0].upper()}{because[1:]}, so nothing can be said of the target."
    if not lacking:
        return "Nothing was measured, so nothing can be said."
    named = ", ".join(_label(gate) for gate in lacking[:2]) + (f" and {len(lacking) - 2} more" if len(lacking) > 2 else "")
    return f"{len(lacking)} of {len(document.gates)} gates lack data, which is never a pass: {named}."


def gates(document: Document, sheet: Sheet) -> None:
    """Each gate with its value, its limit and how far apart they are; the reason below, where it is not a plain pass."""
    if not document.gates:
        return
    passed = sum(gate.status == "pass" for gate in document.gates)
    score = ""
    if document.score is not None:
        short = "" if document.score > WANTED_SCORE else f", not over the wanted {WANTED_SCORE}%"
        score = f", score {format_count(round(document.score, 1))}%{short}"
    sheet.heading("GATES", f"Gates Passed: {passed}/{len(document.gates)}{score}")
    columns = [Column("", left=True), Column("", left=True, flexible=True), Column("value"), Column("limit"), Column("margin", left=True)]
    sheet.table(columns, [_row(gate) for gate in document.gates])
    for gate in document.gates:
        # A plain "2.3 s is not < 2 s" is what the row says already; what adds to it stands in brackets.
        if gate.status == "no_data" or (gate.status == "fail" and "(" in gate.reason):
            sheet.prose(f"{_label(gate)}: {gate.reason}", indent="    ", first=Span("  ! ", Style.WARN))


def requirements(document: Document, sheet: Sheet) -> None:
    """The requirements that gates name, each with its answer."""
    if not document.requirements:
        return
    sheet.heading("REQUIREMENTS")
    for name, requirement in document.requirements.items():
        sheet.line(Span("  "), MARKS[requirement.status], Span(f"  {name}"), Span(f"  {_answer(requirement.status)}", Style.DIM))
        if requirement.status != "pass":
            for line in requirement.details:
                if ": pass, " not in line:
                    sheet.prose(line, indent="       ", first=Span("     ", Style.DIM))


def decision(document: Document, sheet: Sheet) -> None:
    """Deploy or blocked, with the gates that block; only where there are gates, because without one nothing was decided."""
    if document.decision is None or not document.gates:
        return
    sheet.heading("DECISION")
    if document.decision.answer == "deploy":
        sheet.line(Span("  "), Span("deploy", Style.GOOD))
        return
    if document.decision.answer == "hold":
        sheet.prose(document.decision.because, indent=" " * 7, first=Span("  hold ", Style.WARN))
        return
    by = ", ".join(document.decision.blocking) or "no gate"
    because = document.decision.because
    text = f"{because}; the gates say nothing of the target" if because else f"by {by}"
    sheet.prose(text, indent=" " * 10, first=Span("  blocked ", Style.BAD))


GRADES = {"good": Style.GOOD, "fair": Style.PLAIN, "concern": Style.WARN, "issue": Style.BAD, "no_data": Style.WARN}


def bands(document: Document, sheet: Sheet) -> None:
    """How good each value is that the plan grades, and where the grades change."""
    if not document.bands:
        return
    sheet.heading("BANDS", "good | concern | issue")
    columns = [Column("", left=True, flexible=True), Column("value"), Column("grade", left=True), Column("edges", left=True)]
    sheet.table(columns, [_graded(band) for band in document.bands])


def _graded(band: Band) -> list[Span]:
    value = "—" if band.value is None else show_value(band.value, band.unit)
    grade = Span(_answer(band.grade), GRADES[band.grade])
    return [Span(band.name or band.value_of), Span(value), grade, Span(" | ".join(band.edges), Style.DIM)]


def _row(gate: Gate) -> list[Span]:
    value = Span("beyond", Style.BAD) if gate.beyond else Span("—", Style.DIM)
    if gate.value is not None:
        value = Span(show_value(gate.value, gate.unit), Style.BAD if gate.status == "fail" else Style.PLAIN)
    limit = "none" if gate.gate.endswith("= none") else show_value(gate.limit, gate.unit) if gate.limit is not None else "—"
    return [MARKS[gate.status], Span(_label(gate)), value, Span(limit), Span(margin(gate), Style.DIM)]


def margin(gate: Gate) -> str:
    """How far the value is from the limit, as a share of the limit."""
    if gate.value is None or not gate.limit:
        return _answer(gate.status) if gate.status == "no_data" else ""
    away = abs(gate.value - gate.limit) / abs(gate.limit)
    rounded = round(away, 3)  # 98.04 % to spare say no more than 98 %
    share = format_share(away if rounded in (0.0, 1.0) else rounded)
    if gate.status == "pass":
        return f"{share} to spare"
    return f"{share} {'over' if gate.value > gate.limit else 'under'}" if gate.value != gate.limit else "at the limit"


def _label(gate: Gate) -> str:
    return f"{gate.name}: {gate.gate}" if gate.name else gate.gate


def _answer(status: str) -> str:
    return status.replace("_", " ")
