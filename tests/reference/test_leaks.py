from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from loadstone.errors import UsageError
from loadstone.reference.faults import read_faults
from loadstone.reference.injector import Injector
from loadstone.reference.leaks import KINDS, SMALL_BYTES, Forgotten, Leaks


def serve(injector: Injector, requests: int, at: float = 0.0) -> None:
    for _ in range(requests):
        injector.admit("/api/ask", at)


@pytest.mark.parametrize("kind", ["large", "native", "mmap"])
def test_leaked_memory_is_counted_to_the_byte_and_given_back_when_cleared(faulty: Callable[..., Injector], kind: str) -> None:
    injector = faulty(leak="10kB", leak_kind=kind)
    serve(injector, 7)
    assert injector.memory.leaks.leaked.bytes == 70_000
    assert injector.memory.leaks.leaked.requests == 7
    injector.clear(0.0)
    assert injector.memory.leaks.leaked.bytes == 0
    serve(injector, 1)
    assert injector.memory.leaks.leaked.requests == 0


def test_small_objects_are_as_many_as_counted(faulty: Callable[..., Injector]) -> None:
    injector = faulty(leak=10 * SMALL_BYTES, leak_kind="small")
    serve(injector, 5)
    held = [each for each in gc.get_objects() if type(each) is Forgotten]
    assert len(held) == injector.memory.leaks.leaked.objects == 50
    assert injector.memory.leaks.leaked.bytes == 50 * SMALL_BYTES


def test_cycles_are_held_until_the_collector_runs_and_then_no_longer_counted(faulty: Callable[..., Injector]) -> None:
    assert gc.isenabled()
    injector = faulty(leak="1kB", leak_kind="cycles")
    assert not gc.isenabled()
    serve(injector, 2000)
    assert injector.memory.leaks.leaked.bytes == 2_000_000
    gc.collect()
    assert injector.memory.leaks.leaked.bytes == injector.memory.leaks.leaked.cycles == 0
    injector.replace(read_faults({}), 0.0)
    assert gc.isenabled()


def test_leaked_descriptors_and_sockets_are_open_in_this_process(faulty: Callable[..., Injector]) -> None:
    process = psutil.Process()
    before = process.num_fds()
    injector = faulty(leak=3, leak_kind="descriptors")
    serve(injector, 4)
    assert process.num_fds() - before == injector.memory.leaks.leaked.descriptors == 12
    others = process.net_connections("tcp")
    injector.replace(read_faults({"leak": 1, "leak_kind": "sockets"}), 0.0)
    serve(injector, 2)
    states = [connection.status for connection in process.net_connections("tcp") if connection not in others]
    assert states.count(psutil.CONN_CLOSE_WAIT) == injector.memory.leaks.leaked.sockets == 2
    assert process.num_fds() - before == 14
    injector.clear(0.0)
    assert process.num_fds() == before


def test_leaked_threads_run_until_they_are_given_back(faulty: Callable[..., Injector]) -> None:
    injector = faulty(leak=1, leak_kind="threads")
    serve(injector, 3)
    running = [thread for thread in threading.enumerate() if thread.name == "leaked"]
    assert len(running) == injector.memory.leaks.leaked.threads == 3
    injector.clear(0.0)
    for thread in running:
        thread.join(120)
        assert not thread.is_alive()


def test_leaked_tasks_wait_on_the_loop_until_they_are_given_back(faulty: Callable[..., Injector]) -> None:
    async def leak() -> tuple[int, int]:
        injector = faulty(leak=2, leak_kind="tasks")
        serve(injector, 3)
        held = sum(task.get_name() == "leaked" for task in asyncio.all_tasks())
        assert held == injector.memory.leaks.leaked.tasks
        injector.clear(0.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return held, sum(task.get_name() == "leaked" for task in asyncio.all_tasks())

    assert asyncio.run(leak()) == (6, 0)


def test_one_in_so_many_requests_leaks(faulty: Callable[..., Injector]) -> None:
    injector = faulty(leak="1kB", leak_every=10)
    serve(injector, 99)
    assert injector.memory.leaks.leaked.bytes == 9_000


def test_a_leak_of_another_kind_comes_on_top_of_what_has_leaked(faulty: Callable[..., Injector]) -> None:
    injector = faulty(leak="1kB")
    serve(injector, 2)
    injector.replace(read_faults({"leak": "2kB", "leak_kind": "mmap"}), 0.0)
    serve(injector, 1)
    assert injector.memory.leaks.leaked.bytes == 4_000


def test_a_backend_that_has_nothing_left_to_leak_lives_on_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_left(*_: object) -> int:
        raise OSError(24, "Too many open files")

    leaks = Leaks()
    leaks.use("descriptors", 1, 1)
    monkeypatch.setattr("os.open", nothing_left)
    leaks.request()
    assert (leaks.leaked.descriptors, leaks.leaked.requests, leaks.leaked.refused) == (0, 0, 1)


def test_giving_back_twice_closes_nothing_that_is_not_ours(faulty: Callable[..., Injector]) -> None:
    injector = faulty(leak=1, leak_kind="descriptors")
    serve(injector, 1)
    injector.clear(0.0)
    mine = os.open(os.devnull, os.O_RDONLY)
    injector.clear(0.0)
    os.close(mine)  # would raise if it had been closed


def test_every_kind_can_be_asked_for_in_json(faulty: Callable[..., Injector]) -> None:
    for kind in KINDS:
        assert faulty(leak=1, leak_kind=kind).faults.as_json()["leak_kind"] == kind


@pytest.mark.parametrize(
    "asked",
    [
        {"leak_kind": "gold"},
        {"leak_kind": "threads"},
        {"leak_every": 10},
        {"leak": "10kB", "leak_kind": "threads"},
        {"leak_every": 0},
        {"leak": True},
        {"leak": "-1kB"},
    ],
)
def test_a_leak_that_cannot_be_is_refused_and_says_where(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        read_faults(asked)
    assert refused.value.where.startswith("faults.leak")
