"""Objectives of single requests, and the gates that count who meets them."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.model import Plan
from loadstone.plan.slo import KNOWN, Slo, parse_slo

MS = 1_000_000
FAST = parse_slo("ttft < 500ms and tpot < 50ms")


def test_an_objective_keeps_times_in_nanoseconds_under_whole_names() -> None:
    assert Slo((("llm.ttft", "<", 500 * MS), ("llm.tpot", "<", 50 * MS))) == FAST


@pytest.mark.parametrize(
    ("values", "ok", "good"),
    [
        ({"llm.ttft": 499 * MS, "llm.tpot": 49 * MS}, True, True),
        ({"llm.ttft": 500 * MS, "llm.tpot": 49 * MS}, True, False),
        ({"llm.ttft": 1 * MS, "llm.tpot": 50 * MS}, True, False),
        ({"llm.ttft": 1 * MS, "llm.tpot": None}, True, False),
        ({"llm.ttft": 1 * MS}, True, False),
        ({"llm.ttft": 1 * MS, "llm.tpot": 1 * MS}, False, False),
        ({"llm.ttft": 0, "llm.tpot": 0, "llm.e2e": 10**15}, True, True),
    ],
)
def test_a_good_request_keeps_every_limit_and_lacks_no_value(values: dict[str, float | None], ok: bool, good: bool) -> None:
    assert FAST.met(values, ok) is good


def test_an_objective_has_one_spelling_however_it_is_written() -> None:
    parts = ("ttft < 0.5s", "llm.tpot<50 ms", "output_rate >= 20/s")
    spellings = {str(parse_slo(" and ".join(each))) for each in permutations(parts)}
    assert spellings == {"ttft < 500ms and tpot < 50ms and output_rate >= 20.0/s"}


@given(st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.sampled_from(["<", "<=", ">", ">="]), st.floats(1e-6, 1e5)), min_size=1))
def test_the_one_spelling_is_read_back_as_the_same_objective(parts: list[tuple[str, str, float]]) -> None:
    unit = {name: {"a duration": "s", "a rate": "/s"}.get(str(kind), "") for name, kind in KNOWN.items()}
    unlike = {(name, op): f"{name} {op} {value:.6f}{unit[name]}" for name, op, value in parts}
    slo = parse_slo(" and ".join(unlike.values()))
    assert parse_slo(str(slo)) == slo


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("goodput(ttfb < 500ms) > 95%", "'ttfb' is no metric of single requests"),
        ("goodput(tftt < 500ms) > 95%", "did you mean 'ttft'"),
        ("goodput(itl < 50ms) > 95%", "did you mean 'token_gap'"),
        ("goodput(http.response_time < 50ms) > 95%", "is no metric of single requests"),
        ("goodput() > 95%", "expected a metric of single requests"),
        ("goodput(ttft < 500) > 95%", "ttft is a duration, and '500' is a number"),
        ("goodput(ttft < 5 parsecs) > 95%", "unknown unit 'parsecs'"),
        ("goodput(ttft < ) > 95%", "expected a limit such as 500ms"),
        ("goodput(ttft 500ms) > 95%", "expected one of"),
        ("goodput(ttft < 500ms or tpot < 1s) > 95%", "expected ')' or 'and' after a limit, found 'or tpot"),
        ("goodput(ttft < 500ms, tpot < 1s) > 95%", "expected ')' or 'and' after a limit"),
        ("goodput(ttft < 500ms and ttft < 1s) > 95%", "ttft < is given twice"),
        ("goodput(ttft < 500ms > 95%", "')' or 'and'"),
        ("goodput(ttft < 500ms) > 2s", "goodput is a share of the requests"),
        ("goodputt(ttft < 500ms) > 95%", "did you mean 'goodput'"),
    ],
)
def test_a_wrong_goodput_gate_names_the_place_and_the_nearest_word(text: str, what: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_gate(text)
    assert what in raised.value.what or what in str(raised.value)
    assert "character " in raised.value.where


def test_a_goodput_gate_is_the_rate_of_good_answers() -> None:
    gate = parse_gate("goodput(tpot < 50ms and ttft < 500ms){step=ask} > 95% over 10s abort")
    assert (gate.stat, gate.metric, gate.slo) == ("rate", "llm.good", FAST)
    assert gate.tags == (("slo", "ttft < 500ms and tpot < 50ms"), ("step", "ask"))
    assert str(gate) == "goodput(ttft < 500ms and tpot < 50ms){step=ask} > 95% over 10s abort"
    assert parse_gate(str(gate)) == gate


def test_goodput_per_second_is_the_throughput_of_good_answers() -> None:
    assert parse_gate("goodput(ttft < 500ms) > 5/s").stat == "throughput"


def test_a_plan_gives_each_objective_of_its_gates_once() -> None:
    gates = ["goodput(ttft < 1s) > 90%", "goodput(llm.ttft < 1000ms) > 5/s over 10s", "goodput(e2e < 9s) > 90%", "count(http.errors) == 0"]
    scenario = {"name": "a", "profile": {"users": 1, "duration": 1}, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"scenarios": [scenario], "gates": gates})
    assert [str(slo) for slo in plan.slos()] == ["ttft < 1s", "e2e < 9s"]
    assert Plan.from_wire(plan.wire()).slos() == plan.slos()
