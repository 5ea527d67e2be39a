"""The page and the document of a search, made from simulated servers."""

import json
from functools import cache
from importlib.resources import files

import jsonschema
import pytest

from loadstone.capacity import search
from loadstone.judge.capacity import Capacity
from loadstone.report.accounts.capacity import account_of_capacity
from loadstone.report.capacity_document import CapacityDocument, capacity_document_of, render_capacity_json, schema_json
from loadstone.report.capacity_text import answer_of, render_answer, render_capacity_text
from loadstone.report.text import Look
from tests.capacity.simulated import BUSY, Simulation, question, queue

SHIPPED = files("loadstone.report") / "schema" / "capacity-1.json"
CASES = ("found", "users", "never", "dead", "busy")


@cache
def found(case: str) -> CapacityDocument:
    return capacity_document_of(_search(case))


def _search(case: str) -> Capacity:
    if case == "users":
        simulation = Simulation(per_user_s=lambda users: 0.01 * max(1.0, users / 4))
        asked = question("p95(http.response_time) < 50ms", users=True, start=1)
    else:
        simulation = Simulation(queue(100, base_s=0.5 if case == "never" else 0.0), cpu_of=lambda load: min(100.0, load))
        asked = question(budget_s=60 if case == "dead" else 180)
    look = (lambda: BUSY if simulation.loads[-1] > 70 else None) if case == "busy" else (lambda: None)
    return search(asked, run=simulation, look=look, clock=simulation.clock, rest=simulation.rest)


def test_the_shipped_schema_is_what_the_types_say() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_json(), (
        "run: python -m loadstone.report.capacity_document > src/loadstone/report/schema/capacity-1.json"
    )


@pytest.mark.parametrize("case", CASES)
def test_every_document_follows_the_schema_and_reads_back(case: str) -> None:
    raw = render_capacity_json(found(case))
    jsonschema.Draft202012Validator(json.loads(SHIPPED.read_text(encoding="utf-8"))).validate(json.loads(raw))
    assert CapacityDocument.model_validate_json(raw) == found(case)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_page(case: str, width: int) -> None:
    page = render_capacity_text(found(case), Look(width))
    assert max(map(len, page.splitlines())) <= width


def test_a_busy_machine_is_named_with_what_to_do() -> None:
    page = render_capacity_text(found("busy"), Look(120))
    assert "CANNOT TELL" in page
    assert "host busy" in page
    assert "other programs used 1.5 of" in page
    assert "repeat it when they are quiet" in page


def test_users_meet_and_a_rate_meets() -> None:
    assert " users (" in (users := render_capacity_text(found("users"), Look(120)))
    assert ") meet " in users
    assert ") meets " in render_capacity_text(found("found"), Look(120))


def test_loads_from_ten_thousand_on_are_never_told_in_powers_of_ten() -> None:
    told = capacity_document_of(
        search(question(start=12_000), run=(fast := Simulation(queue(30_000))), look=lambda: None, clock=fast.clock, rest=fast.rest)
    )
    page = render_capacity_text(told, Look())
    assert max(level.load for level in told.levels) >= 10_000
    for text in (page, answer_of(told), *told.remarks, *(fact.text for fact in account_of_capacity(told).facts)):
        assert "e+0" not in text


def test_the_answer_alone_is_told_to_its_end_on_a_narrow_screen() -> None:
    document = found("found")
    _, *answer = render_answer(document, Look(60)).splitlines()
    assert len(answer) > 1  # wrapped
    assert " ".join(answer) == answer_of(document)
