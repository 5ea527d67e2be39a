"""A plan played on demand: connections are kept between slices, failures are told apart, user classes work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from loadstone.clients.wire import Wire
from loadstone.load.slices import Figure, SliceRecorder, Slices
from loadstone.measure.rows import ROWS_PER_FOLD
from loadstone.plan.model import Plan
from loadstone.testing.server import ScriptedServer, always, answer, response

OK = answer(response(b"ok"))


def played(plan: Plan, play: Callable[[Slices], Awaitable[None]]) -> None:
    async def run() -> None:
        wire = Wire(asyncio.get_running_loop())
        slices = Slices(plan, wire)
        try:
            await play(slices)
        finally:
            await slices.close()
            wire.close()

    asyncio.run(run())


def get(url: str, *paths: str) -> Plan:
    steps = [{"name": path, "path": path, "method": "GET", "think": "10s"} for path in paths]
    scenario = {"profile": {"kind": "constant-users", "users": 1, "duration": "1s"}, "steps": steps, "warm_up": "1m", "think": "1h"}
    return Plan.model_validate({"target": url, "scenarios": {"s": scenario}})


def test_slices_keep_their_connections_and_leave_think_times_out() -> None:
    with ScriptedServer([always(OK)]) as server:

        async def play(slices: Slices) -> None:
            for _ in range(3):
                taken = await slices.play(5)
                assert (taken.asked, taken.failed) == (5, 0), taken.reasons
                (times,) = taken.times.values()
                assert len(times) == 5
                assert times.min() > 0

        played(get(server.url, "/"), play)
        assert len(server.requests) == 15
        assert server.connections == 1


def test_each_step_is_a_figure_of_its_own() -> None:
    with ScriptedServer([always(OK)]) as server:

        async def play(slices: Slices) -> None:
            taken = await slices.play(4)
            assert {figure: len(times) for figure, times in taken.times.items()} == {
                Figure("http.service_time", "s", "/a"): 4,
                Figure("http.service_time", "s", "/b"): 4,
            }
            assert str(next(iter(taken.times))) == "http.service_time{step=/a}"

        played(get(server.url, "/a", "/b"), play)


def test_iterations_are_shared_evenly_by_the_users() -> None:
    with ScriptedServer([always(OK)]) as server:

        async def play(slices: Slices) -> None:
            assert (await slices.play(15, users=4)).asked == 16

        played(get(server.url, "/"), play)
        assert server.connections == 4


def test_failures_are_counted_by_step_and_are_not_among_the_times() -> None:
    bad = answer(response(b"no", status=500))
    with ScriptedServer([always(OK, bad)]) as server:

        async def play(slices: Slices) -> None:
            taken = await slices.play(4)
            assert (taken.asked, taken.failed, taken.unreached) == (4, 2, 0)
            assert taken.errors == {("s", "/"): 2}
            assert [len(times) for times in taken.times.values()] == [2]
            assert taken.reasons == {"status 500": 2}

        played(get(server.url, "/"), play)


def test_nobody_there_is_told_apart_from_an_error() -> None:
    with ScriptedServer([OK]) as server:
        url = server.url

    async def play(slices: Slices) -> None:
        taken = await slices.play(3)
        assert (taken.asked, taken.failed, taken.unreached, taken.times) == (3, 3, 3, {})

    played(get(url, "/"), play)


def test_classes_of_users_run_and_what_they_raise_counts_as_failed(tmp_path: Path) -> None:
    file = tmp_path / "suite.py"
    file.write_text(
        "import loadstone as ls\n\n\nclass Visitor(ls.User):\n    @ls.task\n    async def look(self):\n"
        "        await self.http.get('/', name='look')\n        self.vars['n'] = self.vars.get('n', 0) + 1\n"
        "        if self.vars['n'] == 2:\n            raise ValueError('twice')\n"
    )
    scenario = {"profile": {"kind": "constant-users", "users": 1, "duration": "1s"}, "code": {"file": str(file), "classes": ["Visitor"]}}
    with ScriptedServer([always(OK)]) as server:

        async def play(slices: Slices) -> None:
            taken = await slices.play(3)
            assert (taken.asked, taken.failed) == (3, 1)
            assert list(taken.times) == [Figure("http.service_time", "v", "look")]

        played(Plan.model_validate({"target": server.url, "scenarios": {"v": scenario}}), play)


@pytest.mark.parametrize("users", [1, 3])
def test_a_calibration_gives_every_user_at_least_one_iteration(users: int) -> None:
    with ScriptedServer([always(OK)]) as server:

        async def play(slices: Slices) -> None:
            taken, iterations = await slices.play_for(0.0, users)
            assert iterations == taken.asked == users

        played(get(server.url, "/"), play)


@pytest.mark.parametrize("prefix", ["http", "call"])
def test_a_slice_of_more_requests_than_a_step_has_rows_keeps_all_their_times(prefix: str) -> None:
    recorder = SliceRecorder()
    step = recorder.exchanges("s", "/", {}, prefix)
    for number in range(ROWS_PER_FOLD + 10):
        step.rows.add(0, 0, 0, 1_000 + number % 2, 1_001, 0, 1, 1)
    step.failed.add(0, 0, 0, 9_000_000, 9_000_001, 0, 1, 1)
    taken = recorder.cut_slice(1.0)
    (times,) = taken.times.values()
    assert (taken.asked, len(times)) == (ROWS_PER_FOLD + 11, ROWS_PER_FOLD + 10)
    assert abs(times - 1_000).max() <= 4
    assert recorder.cut_slice(1.0).times == {}
