"""A pass that forgets `await` asks nothing; it fails, and its line is named."""

from typing import Any

from loadstone.load.never_awaited import watched
from loadstone.measure.exchanges import anything_measured
from loadstone.plan.user import User, task
from loadstone.testing.simulation import simulate

PROFILE = {"kind": "per-user-iterations", "users": 2, "iterations": 3, "max_duration": "1m"}


async def ask() -> int:
    return 1


class Forgets(User):
    @task
    async def look(self) -> None:
        await self.sleep(0.1)
        ask()  # type: ignore[unused-coroutine]


class Keeps(User):
    @task
    async def look(self) -> None:
        reply = ask()
        await self.sleep(0.1)
        self.vars["seen"] = bool(reply)


class Awaits(User):
    @task
    async def look(self) -> None:
        await self.sleep(0.1)
        await ask()


def play(make_plan: Any, user: type[User]) -> Any:
    with watched():
        return simulate(make_plan(PROFILE), users={"main": [user]})


def test_each_pass_that_drops_a_coroutine_failed_with_its_name_and_line(make_plan: Any) -> None:
    judged = play(make_plan, Forgets).judged
    assert judged.count("iteration.errors") == 6
    assert not anything_measured(judged)
    (failure,) = judged.failures
    line = Forgets.look.__code__.co_firstlineno + 3
    assert "ask() did nothing, `await` is missing" in failure.text
    assert f"(test_never_awaited.py:{line})" in failure.text


def test_a_coroutine_that_is_kept_and_never_awaited_is_found_where_it_was_made(make_plan: Any) -> None:
    judged = play(make_plan, Keeps).judged
    assert judged.count("iteration.errors") == 6
    line = Keeps.look.__code__.co_firstlineno + 2
    assert any(f"(test_never_awaited.py:{line})" in failure.text for failure in judged.failures)


def test_a_pass_that_awaits_is_a_good_one(make_plan: Any) -> None:
    judged = play(make_plan, Awaits).judged
    assert not judged.count("iteration.errors")
    assert anything_measured(judged)
