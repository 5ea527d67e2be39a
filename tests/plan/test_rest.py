"""What is left of a plan of which a part was played."""

import pytest

from loadstone.errors import UsageError
from loadstone.plan.model import Plan
from loadstone.plan.rest import rest_of

STEPS = [{"get": "/"}]
CHAIN = {
    "first": {"profile": {"users": 2, "duration": "10s"}, "steps": STEPS, "warm_up": "4s"},
    "second": {"profile": {"rate": "5/s", "duration": "20s"}, "steps": STEPS, "after": "first"},
    "late": {"profile": {"rate": "5/s", "duration": "20s"}, "steps": STEPS, "start": "30s"},
}


def plan(**more: object) -> Plan:
    return Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": CHAIN, **more})


def test_a_scenario_goes_on_where_it_was_left_and_its_warm_up_is_not_repeated() -> None:
    first, second, late = rest_of(plan(), {"first": 3.0}, 3.0).scenarios
    assert (first.skip_s, first.warm_up_s, first.length_s) == (3.0, 1.0, 7.0)
    assert (second.after, second.skip_s) == ("first", 0.0)
    assert late.start_s == 27.0


def test_what_is_over_is_gone_and_what_waited_for_it_begins_at_once() -> None:
    second, late = rest_of(plan(), {"first": 9.8}, 11.0).scenarios
    assert (second.name, second.after, second.start_s) == ("second", None, 0.0)
    assert late.start_s == 19.0


def test_a_scenario_that_waited_for_another_has_waited_enough() -> None:
    second, late = rest_of(plan(), {"first": 10.0, "second": 12.0, "late": 1.0}, 31.0).scenarios
    assert (second.after, second.skip_s, late.skip_s, late.start_s) == (None, 12.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("given", "ran_s", "said"),
    [
        ({}, {"first": 10.0, "second": 20.0, "late": 20.0}, "nothing is left"),
        ({"pressure": {"cpu": 1, "for": "5s"}}, {}, "under pressure"),
        (
            {"scenarios": {"count": {"profile": {"kind": "shared-iterations", "users": 1, "iterations": 5}, "steps": STEPS}}},
            {"count": 2.0},
            "counts iterations",
        ),
    ],
)
def test_what_cannot_be_continued_is_said(given: dict[str, object], ran_s: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rest_of(plan(**given), ran_s, 40.0)


def test_a_skip_of_the_whole_profile_is_a_mistake() -> None:
    scenario = {"profile": {"users": 2, "duration": "10s"}, "steps": STEPS, "skip": "10s"}
    with pytest.raises(ValueError, match="skips its whole profile"):
        Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"a": scenario}})
