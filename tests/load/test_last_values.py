"""What a user records in the last moment of a run arrives, whatever kind of metric it is and wherever the second's grid lies."""

from typing import Any

import pytest

from loadstone.load.scene import OWN_SCALE
from loadstone.plan.user import User, task
from loadstone.testing.simulation import simulate

LEVEL, COUNT, DISTRIBUTION = "ws.server_memory_closed", "check.count", "own.time"
EACH = (LEVEL, COUNT, DISTRIBUTION)


def once_after(seconds: float, *, at_stop: bool, metric: str) -> type[User]:
    """A user that waits, and records at the end of its only iteration, or when it leaves."""

    class Once(User):
        @task
        async def wait(self) -> None:
            await self.sleep(seconds)
            if not at_stop:
                self.record(metric, 7)

        async def on_stop(self) -> None:
            if at_stop:
                self.record(metric, 7)

    return Once


def recorded(plan: Any, user: type[User], metric: str) -> Any:
    """The metric's one value over the judged part of a simulated run."""
    judged = simulate(plan, users={"main": [user]}).judged
    if metric == LEVEL:
        level = judged.gauge(metric)
        return level and level.last
    if metric == COUNT:
        return judged.count(metric)
    values = judged.distribution(metric)
    return values and values.total / OWN_SCALE


@pytest.mark.parametrize("metric", EACH)
@pytest.mark.parametrize("at_stop", [False, True])
@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.0, 2.0, 2.0005])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_last_value_of_a_user_that_ends_by_itself_arrives(
    make_plan: Any, *, workers: int, seconds: float, at_stop: bool, metric: str
) -> None:
    profile = {"kind": "per-user-iterations", "users": 1, "iterations": 1, "max_duration": "1m"}
    plan = make_plan(profile, plan={"workers": workers})
    assert recorded(plan, once_after(seconds, at_stop=at_stop, metric=metric), metric) == 7


@pytest.mark.parametrize("metric", EACH)
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_the_value_of_a_user_that_leaves_when_the_load_ends_arrives(make_plan: Any, seconds: float, metric: str) -> None:
    plan = make_plan({"users": 1, "duration": f"{seconds}s"}, plan={"graceful_stop": "1s"})
    assert recorded(plan, once_after(60, at_stop=True, metric=metric), metric) == 7


@pytest.mark.parametrize("metric", EACH)
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_the_value_of_a_user_that_leaves_while_it_thinks_arrives_although_nothing_else_was_recorded(
    make_plan: Any, seconds: float, metric: str
) -> None:
    plan = make_plan({"users": 1, "duration": f"{seconds}s"}, think="60s")
    assert recorded(plan, once_after(0, at_stop=True, metric=metric), metric) == 7
