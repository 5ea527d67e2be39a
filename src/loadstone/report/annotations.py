"""What a run came to, as workflow commands of GitHub Actions: lines that it shows beside a change.

source: the workflow commands' reference; a step shows ten errors and ten warnings, the rest is lost, so the last one counts it
"""

from __future__ import annotations

from loadstone.measure.plain_text import plain
from loadstone.report.text_verdict import why
from loadstone.report.told import Told

MOST = 10
LONGEST = 1000


def annotations_of(told: Told) -> list[str]:
    """Errors for what fails the run, warnings for what its reader should know; nothing for a plain pass."""
    run = told.document
    plan = plain(run.provenance.plan, 80)
    errors = [(f"{plan}: {gate.name or gate.gate}", gate.reason) for gate in run.gates if gate.status == "fail"]
    if run.verdict not in {"pass", "fail"}:
        errors.insert(0, (f"{plan}: {run.verdict}", why(run)))
    warnings = [(f"{plan}: no data for {gate.name or gate.gate}", gate.reason) for gate in run.gates if gate.status == "no_data"]
    warnings += [(f"{plan}: {notice.code}", f"{notice.text}. {notice.advice}") for notice in run.notices]
    warnings += [(f"{plan}: damaged", line) for line in told.damage]
    return [*_few("error", errors), *_few("warning", warnings)]


def command(kind: str, title: str, message: str) -> str:
    """One workflow command; whatever title and message hold, it stays one line and one command."""
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _few(kind: str, found: list[tuple[str, str]]) -> list[str]:
    shown = found if len(found) <= MOST else found[: MOST - 1]
    lines = [command(kind, title[:LONGEST], message[:LONGEST]) for title, message in shown]
    if len(shown) < len(found):
        lines.append(command(kind, f"{len(found) - len(shown)} more", "the report has all of them"))
    return lines


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
