"""A plan whose clock runs faster: what is divided, what stays, and that it says so."""

from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.plan.compress import compressed, read_factor
from loadstone.plan.model import Plan
from loadstone.testing.simulation import simulate


def plan_of(profile: dict[str, Any], **scenario: Any) -> Plan:
    return Plan.model_validate(
        {
            "name": "shop",
            "target": "http://127.0.0.1:1",
            "gates": ["p95(http.response_time) < 2s over 10m abort", "rate(http.errors) < 1%"],
            "scenarios": {"a": {"profile": profile, "steps": [{"get": "/"}], **scenario}},
        }
    )


PROFILES: list[dict[str, Any]] = [
    {"rate": 5, "duration": "1h"},
    {"users": 5, "duration": "1h"},
    {"kind": "ramping-users", "to_users": 5, "duration": "40m", "hold": "20m"},
    {"kind": "soak", "rate": 5, "duration": "50m", "ramp_up": "10m"},
    {"kind": "spike", "rate": 5, "peak": 10, "at": "20m", "for": "10m", "ramp": "5m", "recovery": "20m"},
    {"stages": [{"duration": "30m", "users": 5}, {"duration": "30m", "users": 0}]},
]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_hour_at_sixty_times_takes_a_minute(profile: dict[str, Any]) -> None:
    plan = plan_of(profile)
    assert plan.scenarios[0].profile.duration_s == pytest.approx(3600.0)
    assert compressed(plan, 60.0).scenarios[0].profile.duration_s == pytest.approx(60.0)


@pytest.mark.parametrize(("scale_rates", "requests"), [(False, 300), (True, 18_000)])
def test_rates_stay_or_numbers_do(scale_rates: bool, requests: int) -> None:
    run = simulate(compressed(plan_of({"rate": 5, "duration": "1h"}), 60.0, scale_rates=scale_rates))
    assert run.everything.count("http.requests") == requests


def test_times_of_users_are_divided_and_those_of_the_target_are_not() -> None:
    plan = plan_of({"users": 5, "duration": "1h"}, think="30s..90s", warm_up="10m", start="5m")
    fast = compressed(plan, 60.0)
    scenario = fast.scenarios[0]
    assert scenario.think is not None
    assert (scenario.think.low_s, scenario.think.high_s, scenario.warm_up_s, scenario.start_s) == (0.5, 1.5, 10.0, 5.0)
    assert (fast.http, fast.patience_s, fast.graceful_stop_s) == (plan.http, plan.patience_s, plan.graceful_stop_s)


def test_windows_of_gates_are_divided_and_limits_are_not() -> None:
    window, whole = (line.spec() for line in compressed(plan_of({"users": 5, "duration": "1h"}), 60.0).gates)
    assert (window.window_s, window.limit, window.abort) == (10.0, 2.0, True)
    assert whole.window_s is None


def test_the_name_says_what_was_done() -> None:
    assert compressed(plan_of(PROFILES[0]), 60.0).name == "shop (compressed 60x)"
    assert compressed(plan_of(PROFILES[0]), 60.0, scale_rates=True).name == "shop (compressed 60x, rates too)"
    assert compressed(plan_of(PROFILES[0]), 1.0).name == "shop"


def test_a_compressed_plan_travels_to_workers() -> None:
    fast = compressed(plan_of(PROFILES[4], think="1m"), 60.0)
    assert Plan.from_wire(fast.wire()) == fast


@pytest.mark.parametrize("text", ["0x", "fast", "0.5x", "-3", "1e9"])
def test_a_factor_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a factor"):
        read_factor(text)


def test_a_factor_is_written_with_or_without_its_cross() -> None:
    assert read_factor("60x") == read_factor(" 60 ") == read_factor("60×") == 60.0
