from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.reference.faults import read_faults
from loadstone.reference.injector import Injector
from loadstone.reference.instances import Instances, read_scaling_faults
from loadstone.reference.pool import ConnectionPool, read_pool_faults
from loadstone.reference.stations import Stalls

GAPS = st.lists(st.floats(0.0, 0.5), min_size=1, max_size=60)


def pool_of(size: int, *, stalls: Stalls | None = None, **asked: Any) -> ConnectionPool:
    return ConnectionPool(read_pool_faults(asked, "faults"), size, 1, stalls or Stalls())


def replayed(arrivals: list[float], size: int, hold: float, wait: float) -> list[float | None]:
    """When each request is done, by playing events one after another instead of deciding at the arrival; None gave up."""
    done: list[float | None] = [None] * len(arrivals)
    events = [(at, 1, number) for number, at in enumerate(arrivals)]
    heapq.heapify(events)
    free, queue = size, list[int]()
    while events:
        now, kind, number = heapq.heappop(events)
        if kind == 0:
            free += 1
        else:
            queue.append(number)
        while free and queue:
            first = queue.pop(0)
            if now - arrivals[first] <= wait:
                done[first] = now + hold
                free -= 1
                heapq.heappush(events, (now + hold, 0, -1))
    return done


@settings(deadline=None)
@given(GAPS, st.integers(1, 4))
def test_what_is_decided_at_the_arrival_is_what_a_replay_of_events_gives(gaps: list[float], size: int) -> None:
    arrivals = [round(sum(gaps[:index]), 3) for index in range(len(gaps))]
    pool = pool_of(size, pool_hold=0.375, pool_wait=0.53125)
    passages = [pool.serve(at) for at in arrivals]
    expected = replayed(arrivals, size, 0.375, 0.53125)
    for at, passage, done in zip(arrivals, passages, expected, strict=True):
        assert bool(passage.refused) is (done is None)
        assert passage.at == pytest.approx(at + 0.53125 if done is None else done)


def test_a_request_that_waits_too_long_is_answered_503_when_it_gives_up() -> None:
    injector = Injector(read_faults({"pool": 2, "pool_hold": "1s", "pool_wait": "500ms"}), 0.0)
    admitted = [injector.admit("/api/ask", 0.0) for _ in range(3)]
    assert [(admission.deadline, admission.status) for admission in admitted if admission] == [(1.0, None), (1.0, None), (0.5, 503)]
    assert injector.injected.pool_exhausted == 1
    assert injector.pool is not None
    assert (injector.pool.in_use(0.2), injector.pool.waiting(0.2), injector.pool.waiting(0.6), injector.pool.in_use(1.0)) == (2, 1, 0, 0)


def test_connections_that_are_never_given_back_exhaust_the_pool() -> None:
    pool = pool_of(3, pool_hold="10ms", pool_wait="0s", pool_lose="10%")
    refused = [bool(pool.serve(float(second)).refused) for second in range(100)]
    assert pool.pooled.lost == 3
    assert refused == sorted(refused)  # once it is empty it stays empty
    assert 20 <= pool.pooled.served <= 40
    assert pool.in_use(1e9) == 3


def test_a_connection_is_held_through_a_stall() -> None:
    pool = pool_of(1, pool_hold="1s", pool_wait="9s", stalls=Stalls([(0.5, 2.5)]))
    first, second = pool.serve(0.0), pool.serve(0.0)
    assert (first.at, first.held) == (3.0, True)
    assert (second.at, second.held) == (4.0, False)


def test_an_exhausted_pool_says_so_in_its_answer(start: Callable[..., Any]) -> None:
    backend = start(faults=read_faults({"pool": 1, "pool_wait": "1s", "pool_lose": "100%"}))
    assert backend.ask("GET", "/api/items").status == 200
    before = backend.timer.now()
    answer = backend.ask("GET", "/api/items")
    assert (answer.status, answer.error["code"], answer.error["type"]) == (503, "pool_exhausted", "server_error")
    assert backend.timer.now() - before == pytest.approx(1.0)
    stats = backend.ask("GET", "/stats").json
    assert stats["pool"]["in_use"] == stats["pool"]["lost"] == stats["pool"]["served"] == stats["pool"]["refused"] == 1
    assert "loadstone_reference_pool_exhausted_total 1\n" in backend.ask("GET", "/metrics").body.decode()


def instances_of(limits: str, **asked: Any) -> Instances:
    faults = read_scaling_faults({"instances": limits, **asked}, "faults")
    assert faults.instances is not None
    return Instances(faults, faults.instances, 0.0, Stalls())


def load(instances: Instances, start: float, end: float, rate_per_s: float) -> None:
    for index in range(int((end - start) * rate_per_s)):
        instances.serve(start + index / rate_per_s)


STEADY = {"instance_rate": "10/s", "scale_every": "5s", "scale_delay": "10s", "scale_down_after": "30s"}


def test_a_load_that_one_instance_carries_starts_no_other() -> None:
    instances = instances_of("1-8", **STEADY)
    load(instances, 0, 120, 6)
    assert (instances.ready, instances.scaled.started, instances.scaled.overshoot) == (1, 0, 0)


def test_a_busy_pool_grows_at_the_next_look_and_is_ready_after_the_delay() -> None:
    instances = instances_of("1-8", **STEADY)
    load(instances, 0, 16, 40)
    assert [(change["at_s"], change["ready"], change["starting"]) for change in instances.changes][:3] == [(0, 1, 0), (5, 1, 1), (15, 2, 0)]
    assert instances.needed == 4
    assert instances.scaled.undershoot == 3


def test_a_rule_on_the_queue_overshoots_while_new_instances_start_and_comes_back_down() -> None:
    instances = instances_of("1-20", **STEADY, scale="queue:4")
    load(instances, 0, 60, 40)
    assert instances.scaled.ready_most == 20
    assert instances.scaled.overshoot == 16
    load(instances, 60, 200, 40)
    # In balance few requests are in work, so the rule wants far fewer than are needed, and later again too many: it swings.
    assert min(change["ready"] for change in instances.changes if change["at_s"] > 60) < instances.needed
    assert instances.scaled.ended > 0


def test_no_instance_ends_before_fewer_were_enough_for_long_enough() -> None:
    instances = instances_of("1-4", **STEADY)
    load(instances, 0, 60, 40)
    assert instances.ready == 4
    quiet_from = instances.changes[-1]["at_s"]
    instances.pass_time(60 + 29)
    assert instances.ready == 4
    instances.pass_time(200)
    assert instances.ready == 1
    ended = next(change["at_s"] for change in instances.changes if change["at_s"] > quiet_from and change["ready"] < 4)
    assert ended >= 60 + 30


@settings(deadline=None, max_examples=50)
@given(GAPS, st.integers(1, 3), st.integers(0, 5), st.sampled_from(["busy:70%", "queue:2"]), st.integers())
def test_ready_and_starting_are_never_outside_the_limits(gaps: list[float], least: int, more: int, rule: str, seed: int) -> None:
    instances = instances_of(f"{least}-{least + more}", instance_rate="3/s", scale=rule, scale_every="1s", scale_delay="2s")
    now, rng = 0.0, Random(seed)
    for gap in gaps:
        now += gap * rng.choice((1, 1, 20))
        assert instances.serve(now).at >= now + 1 / 3 - 1e-9
        assert least <= instances.ready
        assert instances.ready + instances.starting <= least + more


def test_looking_often_or_seldom_gives_the_same_history() -> None:
    seldom, often = (instances_of("1-8", **STEADY) for _ in range(2))
    for instances in (seldom, often):
        load(instances, 0, 30, 40)
    for tenth in range(300, 2000):
        often.pass_time(tenth / 10)
    seldom.pass_time(199.9)
    assert often.as_json(199.9) == seldom.as_json(199.9)


def test_the_instances_are_on_the_metrics_page_and_in_the_truth(start: Callable[..., Any]) -> None:
    backend = start(faults=read_faults({"instances": "2-4"}))
    assert backend.ask("GET", "/api/items").status == 200
    assert backend.ask("GET", "/stats").json["instances"]["ready"] == 2
    page = backend.ask("GET", "/metrics").body.decode()
    assert "# TYPE loadstone_reference_instances gauge\nloadstone_reference_instances 2\n" in page


@pytest.mark.parametrize(
    "asked",
    [
        {"pool": 0},
        {"pool_wait": "-1s"},
        {"pool_hold": "soon"},
        {"pool_hold": "1s"},
        {"scale": "queue:4"},
        {"instances": "8-1"},
        {"instances": "0-4"},
        {"instances": "1-2-3"},
        {"instance_rate": 0},
        {"scale": "busy"},
        {"scale": "mood:3"},
        {"scale": "queue:0"},
        {"scale": "busy:170%"},
        {"scale_every": 0},
        {"instances": 2, "capacity": "5/s"},
    ],
)
def test_a_pool_that_cannot_be_is_refused_and_says_where(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        read_faults(asked)
    assert refused.value.where == f"faults.{next(iter(asked))}"
