"""A run as JUnit XML: a case for the run, one per gate and one per requirement; CI services show it as tests.

A gate without data is skipped, which many services colour green; so the case of the run itself is an error whenever the run came to
no judgement: untrustworthy, unreachable, interrupted or without data. The attributes are those that the schemas of both Ant and
Jenkins take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from loadstone.measure.plain_text import plain
from loadstone.report.account import Account, Case
from loadstone.report.document import Document
from loadstone.report.text_verdict import why
from loadstone.report.told import Told

LONGEST = 2000
UNJUDGED = ("untrustworthy", "unreachable", "interrupted", "inconclusive")


def render_junit(told: Told | Account) -> bytes:
    """UTF-8, with an XML declaration, one suite."""
    if isinstance(told, Account):
        properties = {"answer": told.word, "exit_code": str(told.exit_code), "target": told.target or "none"}
        return _suite(told.title, list(told.cases), properties.items(), 0.0, told.began, told.remarks)
    run = told.document
    return _suite(run.provenance.plan, list(cases_of(told)), _properties(told), run.load.seconds, run.provenance.started_at, told.damage)


def _suite(
    title: str, cases: list[Case], named: Iterable[tuple[str, str]], seconds: float, at: datetime | None, said: Iterable[str]
) -> bytes:
    counted = {outcome: str(sum(case.outcome == outcome for case in cases)) for outcome in ("failure", "error", "skipped")}
    name, time = plain(title, LONGEST) or "loadstone", f"{seconds:.3f}"
    sums = {"tests": str(len(cases)), "failures": counted["failure"], "errors": counted["error"]}
    suites = ET.Element("testsuites", {"name": "loadstone", **sums, "time": time})
    began = {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%S")} if at else {}  # the schema has no place for a time zone: UTC
    more = {"skipped": counted["skipped"], "time": time, **began, "hostname": "localhost", "id": "0", "package": "loadstone"}
    suite = ET.SubElement(suites, "testsuite", {"name": name, **sums, **more})
    properties = ET.SubElement(suite, "properties")
    for key, value in named:
        ET.SubElement(properties, "property", {"name": key, "value": plain(value, LONGEST)})
    for case in cases:
        _add(suite, case, time)
    ET.SubElement(suite, "system-out").text = "\n".join(plain(line, LONGEST) for line in said) or None
    ET.SubElement(suite, "system-err")
    ET.indent(suites)
    found: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def cases_of(told: Told) -> Iterator[Case]:
    """The run, its gates, its requirements; in a comparison its figures, in a history one figure each."""
    document = told.document
    if told.view == "trend":
        yield _run(document)
        for figure, trend in told.trends.items():
            reasons = tuple(history.reason for history in trend.histories)
            yield answered(figure, "trend", trend.answer.value, "; ".join(reasons), reasons)
        return
    yield from document_cases(document)
    for each in told.compared.found.differences if told.compared is not None else ():
        yield answered(each.figure, "comparison", each.answer.value, each.reason, ())


def document_cases(document: Document) -> Iterator[Case]:
    """The run, its gates and its requirements."""
    yield _run(document)
    for gate in document.gates:
        name = f"{gate.name}: {gate.gate}" if gate.name else gate.gate
        yield _judged(name, "gates", gate.status, gate.reason, tuple(cause.text for cause in document.causes if gate.gate in cause.gates))
    for requirement, found in document.requirements.items():
        wanting = [line for line in found.details if ": pass, " not in line]
        yield _judged(requirement, "requirements", found.status, "; ".join(wanting), tuple(found.details))


def _run(document: Document) -> Case:
    outcome = "error" if document.verdict in UNJUDGED else ""
    details = tuple(f"{notice.code}: {notice.text}. {notice.advice}" for notice in document.notices)
    return Case("verdict", "run", outcome, document.verdict, why(document) if outcome else "", details)


def _judged(name: str, of: str, status: str, reason: str, details: tuple[str, ...]) -> Case:
    outcome = {"pass": "", "fail": "failure"}.get(status, "skipped")
    return Case(name, of, outcome, status, reason if outcome else "", details)


def answered(name: str, of: str, answer: str, reason: str, details: tuple[str, ...] = ()) -> Case:
    """A case for the answer of a comparison: what got worse failed, and what nobody can tell is skipped."""
    outcome = {"worse": "failure", "cannot tell": "skipped"}.get(answer, "")
    return Case(name, of, outcome, answer, reason if outcome else "", details)


def _add(suite: ET.Element, case: Case, run_time: str) -> None:
    time = run_time if case.of == "run" else "0.000"  # gates are judged on the run, and take no time of their own
    element = ET.SubElement(suite, "testcase", {"name": plain(case.name, LONGEST), "classname": f"loadstone.{case.of}", "time": time})
    if not case.outcome:
        return
    message = {"message": plain(case.message, LONGEST)}
    found = ET.SubElement(element, case.outcome, message if case.outcome == "skipped" else {**message, "type": plain(case.type, LONGEST)})
    if case.outcome != "skipped":  # some schemas let a skipped case have nothing inside
        found.text = "\n".join(plain(line, LONGEST) for line in case.details or (case.message,))


def _properties(told: Told) -> Iterator[tuple[str, str]]:
    run = told.document
    yield from (("verdict", run.verdict), ("exit_code", str(run.exit_code)), ("target", run.provenance.target or "none"))
    yield from (("generator", run.generator.trust), ("seed", str(run.provenance.seed)), ("version", run.provenance.version))
    if run.score is not None:
        yield "score", f"{run.score:g}"
    if run.decision is not None:
        yield "decision", run.decision.answer
    if told.run_id:
        yield "run", told.run_id
