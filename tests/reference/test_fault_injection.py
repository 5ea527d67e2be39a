from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.reference.faults import read_faults
from loadstone.reference.injector import Admission, Injector
from loadstone.reference.shares import ExactShare


def injector(**faults: Any) -> Injector:
    return Injector(read_faults(faults), 0.0)


def deadlines(under_test: Injector, arrivals: list[float]) -> list[float]:
    admitted = [under_test.admit("/api/ask", arrival) for arrival in arrivals]
    return [admission.deadline for admission in admitted if admission]


@settings(deadline=None)
@given(st.fractions(min_value=0, max_value=1, max_denominator=1000), st.integers(min_value=1, max_value=2000), st.integers())
def test_after_any_number_of_requests_the_failures_are_the_share_of_them_give_or_take_one(share: Fraction, count: int, seed: int) -> None:
    errors = ExactShare(*share.as_integer_ratio(), rng=Random(seed))
    failed = 0
    for seen in range(1, count + 1):
        failed += errors.pick()
        assert abs(failed - floor(seen * share)) <= 1


def test_a_share_of_nothing_never_fails_and_of_everything_always() -> None:
    assert [injector(error_rate=1).admit("/api/ask", 0.0) for _ in range(3)] == [Admission(0.0, 500)] * 3
    assert injector(error_rate=0).admit("/api/ask", 0.0) is None


def test_failures_do_not_keep_step_with_a_load_that_alternates() -> None:
    errors = ExactShare(1, 2, rng=Random(0))
    picks = [errors.pick() for _ in range(1000)]
    assert 200 < sum(picks[::2]) < 300


def test_the_error_has_the_status_that_was_asked_for() -> None:
    admission = injector(error_rate="100%", error_status="429").admit("/api/ask", 0.0)
    assert admission is not None
    assert admission.status == 429


def test_latency_counts_from_the_arrival() -> None:
    assert deadlines(injector(latency="20ms"), [1.0, 1.005]) == pytest.approx([1.02, 1.025])


def test_the_same_seed_gives_the_same_delays_and_another_seed_others() -> None:
    first, again, other = (deadlines(injector(latency="lognormal:20ms,0.3", seed=seed), [0.0] * 5) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_below_capacity_each_request_takes_one_service_time() -> None:
    assert deadlines(injector(capacity="100/s"), [0.0, 0.1, 0.2]) == pytest.approx([0.01, 0.11, 0.21])


def test_above_capacity_requests_queue_and_leave_at_exactly_the_capacity() -> None:
    left = deadlines(injector(capacity="100/s"), [i / 200 for i in range(400)])
    assert left == pytest.approx([(i + 1) / 100 for i in range(400)])


def test_the_queue_takes_as_many_as_it_should_and_refuses_the_next() -> None:
    under_test = injector(capacity="10/s", queue=3)
    admitted = [under_test.admit("/api/ask", 0.0) for _ in range(6)]
    assert [admission.status for admission in admitted if admission] == [None, None, None, None, 503, 503]
    assert under_test.injected.rejected == 2
    later = under_test.admit("/api/ask", 0.1)
    assert later is not None
    assert later.status is None


def test_in_a_stall_every_answer_waits_for_its_end_and_none_before_or_after_does() -> None:
    under_test = injector(stall="5s@30s")
    assert deadlines(under_test, [29.999, 30.0, 32.0, 34.999, 35.0]) == [29.999, 35.0, 35.0, 35.0, 35.0]
    assert under_test.injected.stalled == 3


def test_an_answer_that_latency_moves_into_a_stall_waits_too() -> None:
    assert deadlines(injector(stall="5s@30s", latency="2s"), [27.0, 29.0, 34.0]) == [29.0, 35.0, 36.0]


def test_a_stalled_queue_goes_on_where_it_stood() -> None:
    left = deadlines(injector(capacity="10/s", stall="1s@0.25s"), [0.0] * 4)
    assert left == pytest.approx([0.1, 0.2, 1.3, 1.4])


def test_stalls_count_from_the_moment_the_faults_took_effect() -> None:
    under_test = injector()
    under_test.replace(read_faults({"stall": "1s@2s"}), 100.0)
    assert deadlines(under_test, [101.0, 102.5]) == [101.0, 103.0]


@pytest.mark.parametrize(
    ("paths", "path", "faulty"),
    [
        ([], "/api/ask", True),
        ([], "/health", False),
        ([], "/faults", False),
        (["/api/"], "/api/ask", True),
        (["/api/"], "/v1/models", False),
        (["/health"], "/health", True),
        (["/"], "/stats", False),
        ("/api/,/v1/", "/v1/models", True),
    ],
)
def test_faults_apply_to_the_paths_asked_for_and_never_lock_the_switch(paths: object, path: str, faulty: bool) -> None:
    under_test = injector(error_rate=1, paths=paths)
    assert (under_test.admit(path, 0.0) is not None) is faulty
    assert under_test.injected.requests == int(faulty)


def test_faults_written_out_read_back_as_themselves() -> None:
    asked = {"latency": "normal:20ms,5ms", "error_rate": "1%", "capacity": "100/s", "queue": 5, "stall": "5s@30s,1s@50s", "leak": "10kB"}
    faults = read_faults({**asked, "paths": ["/api/"], "error_status": 503, "seed": 3})
    assert read_faults(faults.as_json()) == faults
    assert read_faults(read_faults({}).as_json()) == read_faults({})


@pytest.mark.parametrize(
    "asked",
    [
        {"eror_rate": 1},
        {"error_rate": "150%"},
        {"error_rate": [1]},
        {"error_status": 200},
        {"error_status": True},
        {"capacity": "0/s"},
        {"capacity": "-1/s"},
        {"queue": -1},
        {"queue": 1.5},
        {"stall": "5s"},
        {"stall": 5},
        {"stall": "5s@1s,5s@3s"},
        {"leak": "10 parsecs"},
        {"leak": {}},
        {"paths": ["api"]},
        {"paths": 3},
        {"seed": "x"},
        {"latency": "soon"},
    ],
)
def test_a_fault_that_cannot_be_is_refused_and_says_where(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        read_faults(asked)
    assert refused.value.where.startswith("faults")
