"""Functions timed in turns: how they are found, how long a batch is, what is off meanwhile."""

from __future__ import annotations

import asyncio
import gc

import pytest

from loadstone.inside.calls import PER_CALLS, batch_of, calls_for, found, resolution_ns, turn


def test_a_function_is_found_by_module_and_name() -> None:
    assert found("math:gcd")(12, 18) == 6  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "why"), [("math", "names no function"), ("math:", "names no function"), ("no_such:f", "no_such"), ("math:no", "no attribute")]
)
def test_what_is_not_there_is_said(text: str, why: str) -> None:
    with pytest.raises(LookupError, match=why):
        found(text)


def test_what_cannot_be_called_is_said() -> None:
    with pytest.raises(LookupError, match="cannot be called"):
        found("math:pi")


def test_the_clock_tells_something_apart() -> None:
    assert 0 < resolution_ns(10) < 1_000_000_000


def test_a_batch_is_doubled_until_it_takes_long_enough() -> None:
    asked: list[int] = []

    def batch(calls: int) -> int:
        asked.append(calls)
        return calls * 100

    assert calls_for(batch, 1_000) == 16
    assert asked[:5] == [1, 2, 4, 8, 16]
    assert set(asked[5:]) == {16}


def test_timings_are_of_a_thousand_calls_and_nothing_is_collected_inside() -> None:
    collecting: list[bool] = []

    def batch(calls: int) -> int:
        collecting.append(gc.isenabled())
        return calls * 7

    assert turn(batch, 64, 3) == [7 * PER_CALLS] * 3
    assert collecting == [False] * 3
    assert gc.isenabled()


def test_coroutines_are_awaited_in_one_loop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def call() -> None:
        loops.append(asyncio.get_running_loop())

    with asyncio.Runner() as runner:
        batch = batch_of(call, runner)
        assert batch(3) > 0
        assert batch(2) > 0
    assert len(loops) == 5
    assert len(set(loops)) == 1
