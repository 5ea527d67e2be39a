from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.reference.faults import read_faults
from loadstone.reference.injector import Injector
from loadstone.reference.memory_shapes import PIN_BYTES, Plateau


def held(injector: Injector, shape: str) -> int:
    count: int = injector.memory.as_json()[shape]["held_bytes"]
    return count


def freed(injector: Injector, shape: str) -> int:
    count: int = injector.memory.as_json()[shape]["freed_bytes"]
    return count


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 50), st.integers(0, 100))
def test_a_cache_fills_entry_by_entry_and_never_beyond_its_limit(limit: int, each: int, requests: int) -> None:
    each = min(each, limit)
    cache = Plateau(limit, each)
    for _ in range(requests):
        cache.request(0.0)
    assert cache.held == min(requests, limit // each) * each
    assert cache.held + cache.freed == requests * each


def test_a_hole_for_each_request_and_a_small_block_that_keeps_it(faulty: Callable[..., Injector]) -> None:
    injector = faulty(fragment="20kB")
    for _ in range(10):
        injector.admit("/api/ask", 0.0)
    assert held(injector, "fragment") >= 10 * PIN_BYTES
    assert freed(injector, "fragment") == sum(20_000 + 16 * number for number in range(10))


def test_holes_stop_growing_where_the_heap_would_map_blocks_one_by_one(faulty: Callable[..., Injector]) -> None:
    injector = faulty(fragment="120kB")
    for _ in range(10):
        injector.admit("/api/ask", 0.0)
    assert freed(injector, "fragment") == 120_000


def test_holes_come_to_rest_where_they_are_bounded_together(faulty: Callable[..., Injector]) -> None:
    injector = faulty(fragment="20kB,100kB")
    for _ in range(10):
        injector.admit("/api/ask", 0.0)
    assert freed(injector, "fragment") == sum(20_000 + 16 * number for number in range(4))


def test_a_saw_tooth_follows_the_clock_with_and_without_requests(faulty: Callable[..., Injector]) -> None:
    injector = faulty(sawtooth="10MB@10s")
    seen = []
    for now in (0.0, 2.5, 5.0, 9.99, 10.0, 15.0, 40.15):
        injector.pass_time(now)
        seen.append(held(injector, "sawtooth"))
    assert seen == [0, 2_500_000, 5_000_000, 9_900_000, 0, 5_000_000, 100_000]
    assert freed(injector, "sawtooth") == 14_900_000


def test_what_lingers_is_let_go_when_no_request_has_come_for_that_long(faulty: Callable[..., Injector]) -> None:
    injector = faulty(linger="100kB@10s")
    for second in range(20):
        injector.admit("/api/ask", float(second))
    injector.pass_time(28.9)
    assert held(injector, "linger") == 2_000_000
    injector.pass_time(29.0)
    assert held(injector, "linger") == 0
    assert freed(injector, "linger") == 2_000_000


def test_shapes_end_with_their_faults_and_leaks_do_not(faulty: Callable[..., Injector]) -> None:
    injector = faulty(plateau="1MB,10kB", leak="1kB")
    injector.admit("/api/ask", 0.0)
    injector.replace(read_faults({"latency": "1ms"}), 1.0)
    assert injector.memory.as_json().keys() == {"leaked"}
    assert injector.memory.leaks.leaked.bytes == 1_000


def test_latency_that_drifts_grows_by_the_time_since_the_faults_took_effect() -> None:
    injector = Injector(read_faults({"drift": "60ms/m", "latency": "10ms"}), 100.0)
    admitted = [injector.admit("/api/ask", at) for at in (100.0, 160.0, 220.0)]
    assert [admission.deadline for admission in admitted if admission] == pytest.approx([100.01, 160.07, 220.13])
    assert injector.injected.drift_s == pytest.approx(0.12)


@pytest.mark.parametrize(
    "asked",
    [
        {"plateau": "50MB"},
        {"plateau": "1kB,50kB"},
        {"plateau": "1kB,0"},
        {"fragment": "1MB"},
        {"fragment": "20kB,1kB"},
        {"fragment": "20kB,many"},
        {"sawtooth": "20MB"},
        {"sawtooth": "20MB@0s"},
        {"linger": 5},
        {"drift": "5ms"},
        {"drift": "5ms/fortnight"},
    ],
)
def test_a_shape_that_cannot_be_is_refused_and_says_where(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        read_faults(asked)
    assert refused.value.where == f"faults.{next(iter(asked))}"


def test_all_of_them_read_back_as_themselves() -> None:
    asked = {"plateau": "50MB,50kB", "fragment": "20kB,8MB", "sawtooth": "20MB@10s", "linger": "100kB@10s", "drift": "5ms/m"}
    counted = {"leak": 1, "leak_kind": "threads", "leak_every": 10, "pool": 5, "pool_hold": "20ms", "pool_wait": 2, "pool_lose": "1%"}
    scaled = {"instances": "1-8", "instance_rate": "10/s", "scale": "queue:4", "scale_every": 1, "scale_delay": 3}
    faults = read_faults({**asked, **counted, **scaled})
    assert read_faults(faults.as_json()) == faults
