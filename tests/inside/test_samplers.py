"""The samplers of a process, each on something that is known."""

import asyncio
import gc
import subprocess
import sys

import pytest

from loadstone.errors import UsageError
from loadstone.inside import Watcher, register_pool, watching
from loadstone.inside.heap import read_heap, trim_heap
from loadstone.inside.loop import EVERY_S, LoopLag
from loadstone.inside.pauses import Pauses
from loadstone.inside.pools import PoolLevel, read_pools
from loadstone.inside.ring import Ring


class Ticks:
    """A clock that goes on by 5 ns whenever it is read."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 5
        return self.now_ns


def test_a_ring_keeps_the_newest_and_tells_the_longest_after_a_moment() -> None:
    ring = Ring(3)
    assert ring.longest_since(0) is None
    for at_ns, took_ns in ((10, 900), (20, 7), (30, 9), (40, 8)):
        ring.add(at_ns, took_ns)
    assert ring.longest_since(0) == 9, "the longest of all has given way"
    assert ring.longest_since(30) == 8
    assert ring.longest_since(40) is None


def test_collections_are_counted_by_generation_and_timed() -> None:
    pauses = Pauses(Ticks())
    pauses.start()
    pauses.start()
    try:
        gc.collect(0)
        gc.collect()
    finally:
        pauses.stop()
    counted = list(pauses.collections)
    gc.collect()
    assert pauses.collections == counted, "after stop nothing is counted"
    assert counted[0] >= 1
    assert counted[2] == 1
    assert pauses.total_ns == 5 * sum(counted)
    assert pauses.longest_since(0) == 5


def test_a_loop_that_is_kept_busy_is_late() -> None:
    clock = Ticks()
    lag = LoopLag(clock)

    async def blocked() -> int | None:
        lag.start(asyncio.get_running_loop())
        clock.now_ns += 300_000_000
        return lag.longest_since(0)

    longest = asyncio.run(blocked())
    assert longest is not None
    assert longest >= 300_000_000 - EVERY_S * 1e9
    assert lag.longest_since(0) is None, "the loop has gone, and so has its lag"


def test_tasks_of_the_loop_are_counted() -> None:
    watcher = Watcher()

    async def with_tasks() -> object:
        watcher.start(asyncio.get_running_loop())
        tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(7)]
        levels = watcher.levels()
        for task in tasks:
            task.cancel()
        watcher.stop()
        return levels["loop"]["tasks"]

    assert asyncio.run(with_tasks()) == 8


def test_without_a_loop_there_is_no_lag_and_no_number_of_tasks() -> None:
    assert Watcher().levels()["loop"] == {"tasks": None, "longest_lag_ns": None}


class QueuePool:
    def size(self) -> int:
        return 5

    def checkedout(self) -> int:
        return 3


class IdlePool:
    def get_size(self) -> int:
        return 10

    def get_idle_size(self) -> int:
        return 4


class BrokenPool:
    def __init__(self) -> None:
        self.broken = False

    @property
    def size(self) -> int:
        if self.broken:
            raise RuntimeError("closed")
        return 1


def test_pools_say_their_size_and_use_for_as_long_as_they_live() -> None:
    queue, idle = QueuePool(), IdlePool()
    register_pool("database", queue)
    register_pool("postgres", idle)
    assert list(read_pools()) == [PoolLevel("database", 5, 3), PoolLevel("postgres", 10, 6)]
    del queue, idle
    assert list(read_pools()) == []


def test_an_object_without_a_size_is_no_pool() -> None:
    with pytest.raises(UsageError, match="'x' is a object, which does not say its size"):
        register_pool("x", object())


@pytest.mark.skipif(read_heap() is None, reason="nobody tells the heap of this system: glibc 2.33 or newer, or psutil 7.2")
def test_the_heap_grows_by_what_was_asked_for() -> None:
    before = read_heap()
    kept = bytearray(3_000_000)
    after = read_heap()
    assert before is not None
    assert after is not None
    assert 2_900_000 < after.used_bytes - before.used_bytes < 3_300_000
    assert trim_heap()
    del kept


class Session:
    def __init__(self) -> None:
        self.me = self


def test_what_grew_inside_a_block_is_named_by_type_and_line() -> None:
    kept: list[Session] = []
    with watching(trace=True) as report:
        kept.extend(Session() for _ in range(500))  # the line
    assert report.types[0].name.endswith("Session")
    assert report.types[0].more == 500
    assert __file__ in report.sites[0].site
    assert report.blocks_more >= 500
    assert "Session: +500" in str(report)


def test_what_was_given_back_has_not_grown() -> None:
    with watching() as report:
        kept = [Session() for _ in range(500)]
        del kept
    assert not any("Session" in each.name for each in report.types), "cycles are collected before one looks"
    assert report.sites == []


def test_closures_and_coroutines_go_by_the_function_that_made_them() -> None:
    def subscribe() -> object:
        def on_event() -> None: ...

        return on_event

    with watching() as report:
        kept = [subscribe() for _ in range(50)]
    assert any(each.name.startswith("function ") and each.name.endswith("subscribe.<locals>.on_event") for each in report.types)
    del kept


def test_cyclic_garbage_comes_back_when_it_is_collected() -> None:
    gc.disable()
    try:
        for _ in range(2000):
            Session()
        found = Watcher().trim()
    finally:
        gc.enable()
    assert found["unreachable_objects"] >= 2000
    assert found["before"]["allocated_blocks"] - found["collected"]["allocated_blocks"] >= 2000


def modules_after(statement: str) -> set[str]:
    code = f"import sys, typing, asyncio, __future__; before = set(sys.modules)\n{statement}\nprint(*sorted(set(sys.modules) - before))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_room_loads_nothing_else() -> None:
    assert modules_after("import loadstone.inside") == {"loadstone", "loadstone.inside"}


def test_the_middleware_brings_no_library_with_it() -> None:
    loaded = modules_after("from loadstone.inside import Inside; Inside(None, token='12345678')")
    assert not loaded & {"numpy", "psutil", "pydantic", "click", "starlette", "ctypes"}
    ours = {name for name in loaded if name.startswith("loadstone")}
    assert all(name in {"loadstone", "loadstone.errors"} or name.startswith("loadstone.inside") for name in ours), ours
