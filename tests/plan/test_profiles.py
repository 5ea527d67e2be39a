"""Laws of arrivals and users over time."""

from __future__ import annotations

import math
from itertools import chain, islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import loadstone as ls
from loadstone.errors import PlanError
from loadstone.plan.any_profile import read_profile
from loadstone.plan.profile import ClosedProfile, OpenProfile, generator, share

S = 10**9


def due(profile: OpenProfile, seed: int = 1) -> NDArray[np.int64]:
    chunks = list(profile.arrivals(np.random.default_rng(seed)))
    assert all(0 < len(chunk) <= 4096 for chunk in chunks)
    return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int64)


rates = st.floats(0.01, 500)
stage = st.fixed_dictionaries(
    {"duration": st.floats(0.1, 20), "rate": st.one_of(st.just(0.0), rates), "shape": st.sampled_from(["ramp", "step"])}
)
open_profiles = st.one_of(
    st.builds(lambda rate, duration, poisson: ls.constant_rate(rate, duration, poisson=poisson), rates, st.floats(0.1, 30), st.booleans()),
    st.builds(lambda a, b, duration: ls.ramping_rate(a, b, duration, hold=1), rates, rates, st.floats(0.1, 30)),
    st.builds(lambda stages, poisson: ls.stages(*stages, poisson=poisson), st.lists(stage, min_size=1, max_size=5), st.booleans()),
    st.builds(
        lambda rate, peak, repeat: ls.spike(rate=rate, peak=peak, at=1, hold=0.5, ramp=0.25, repeat=repeat),
        st.floats(0.1, 50),
        st.floats(0.1, 20),
        st.integers(1, 4),
    ),
    st.builds(ls.burst, st.integers(1, 5000), st.floats(0.1, 5), st.floats(0.1, 10)),
    st.builds(lambda rate: ls.soak(10, ramp_up=3, rate=rate), rates),
)


@given(open_profiles)
def test_even_arrivals_are_as_many_as_the_integral_of_the_rate(profile: OpenProfile) -> None:
    times = due(profile)
    if not profile.poisson:
        assert len(times) == profile.expected_arrivals
    assert np.all(np.diff(times) >= 0)
    assert len(times) == 0 or (times[0] >= 0 and times[-1] <= profile.duration_s * S + 1)


@given(open_profiles, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_arrivals(profile: OpenProfile, seed: int) -> None:
    assert np.array_equal(due(profile, seed), due(profile, seed))


@given(open_profiles, st.integers(1, 7))
def test_workers_together_make_every_arrival_once(profile: OpenProfile, workers: int) -> None:
    whole = due(profile)
    found: dict[int, int] = {}
    for worker in range(workers):
        for first, chunk in share(profile.arrivals(np.random.default_rng(1)), worker, workers):
            found |= {first + workers * position: int(time) for position, time in enumerate(chunk)}
    assert [found[index] for index in sorted(found)] == whole.tolist()
    assert sorted(found) == list(range(len(whole)))


@given(open_profiles, st.floats(0, 1))
def test_arrivals_up_to_any_time_follow_the_integral(profile: OpenProfile, part: float) -> None:
    if profile.poisson:
        return
    until_s = profile.duration_s * part
    made = int(np.searchsorted(due(profile), until_s * S, side="right"))
    slack = 1.001 if profile.kind != "burst" else profile.model_dump()["size"] + 0.001
    assert abs(made - profile.expected_until(until_s)) <= slack


def test_a_constant_rate_starts_at_once_and_is_evenly_spaced() -> None:
    profile = ls.constant_rate("10/s", "10s")
    assert due(profile).tolist() == [index * S // 10 for index in range(100)]


def test_a_rate_below_one_per_second_works() -> None:
    assert due(ls.constant_rate("0.3/s", "20s")).tolist() == pytest.approx([k / 0.3 * S for k in range(6)], abs=1)


def test_a_tenth_per_second_for_thirty_seconds_is_three_arrivals() -> None:
    assert len(due(ls.constant_rate(0.1, 30))) == 3


def test_ten_hours_drift_by_less_than_a_nanosecond() -> None:
    profile = ls.constant_rate("7/s", "10h")
    last = due(profile)[-1]
    count = 7 * 36_000
    assert profile.expected_arrivals == count
    assert abs(int(last) - round((count - 1) * S / 7)) <= 1


def test_an_endless_profile_never_stops() -> None:
    profile = ls.constant_rate("1000/s")
    assert math.isinf(profile.expected_arrivals)
    assert len(list(islice(chain.from_iterable(profile.arrivals(np.random.default_rng(1))), 10_000))) == 10_000


def test_no_arrival_falls_into_a_pause() -> None:
    profile = ls.stages(
        {"duration": 10, "rate": "10/s", "shape": "step"},
        {"duration": 10, "rate": 0, "shape": "step"},
        {"duration": 10, "rate": "10/s", "shape": "step"},
    )
    assert isinstance(profile, OpenProfile)
    times = due(profile) / S
    assert not np.any((times >= 10) & (times < 20))
    assert len(times) == 200


def test_a_ramp_from_nothing_is_a_square_root_in_time() -> None:
    times = due(ls.ramping_rate(0, "10/s", "10s")) / S
    assert times.tolist() == pytest.approx([math.sqrt(2 * k) for k in range(50)], abs=1e-8)


def test_poisson_gaps_are_exponential() -> None:
    times = due(ls.poisson_rate("1000/s", "100s"), seed=3) / S
    gaps = np.diff(times)
    assert len(times) == pytest.approx(100_000, abs=4 * math.sqrt(100_000))
    # Kolmogorov-Smirnov distance; 1.95 / sqrt(n) is exceeded with probability 0.001
    ranks = np.arange(1, len(gaps) + 1) / len(gaps)
    assert float(np.max(np.abs(1 - np.exp(-1000 * np.sort(gaps)) - ranks))) < 1.95 / math.sqrt(len(gaps))


def test_a_burst_puts_its_arrivals_at_the_same_instant() -> None:
    assert due(ls.burst(3, "2s", "5s")).tolist() == [0, 0, 0, 2 * S, 2 * S, 2 * S, 4 * S, 4 * S, 4 * S]


def test_scenarios_draw_different_numbers_from_one_seed() -> None:
    profile = ls.poisson_rate(10, 10)
    first, other = (next(profile.arrivals(generator(1, name))) for name in ("browse", "ask"))
    assert not np.array_equal(first[:5], other[:5])


closed_profiles = st.one_of(
    st.builds(ls.constant_users, st.integers(1, 50), st.floats(0.1, 30)),
    st.builds(lambda a, b, duration: ls.ramping_users(a, b, duration, hold=2), st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 30)),
    st.builds(
        lambda stages: ls.stages(*stages),
        st.lists(
            st.fixed_dictionaries(
                {"duration": st.floats(0.1, 20), "users": st.integers(0, 40), "shape": st.sampled_from(["ramp", "step"])}
            ),
            min_size=1,
            max_size=5,
        ),
    ),
    st.builds(lambda users, peak: ls.spike(users=users, peak=peak, at=1, hold=1, repeat=2), st.integers(1, 10), st.floats(0.1, 10)),
    st.builds(lambda users: ls.soak(10, ramp_up=3, users=users), st.integers(1, 40)),
    st.builds(ls.shared_iterations, st.integers(1, 100), st.integers(1, 20)),
)


@given(closed_profiles)
def test_users_start_and_stop_one_by_one_and_all_stop_at_the_end(profile: ClosedProfile) -> None:
    active, before, most = 0, 0, 0
    for time, step in profile.changes():
        assert step in {1, -1}
        assert time >= before
        active, before = active + step, time
        most = max(most, active)
        assert active >= 0
    assert active == 0
    assert most == profile.max_users
    assert before <= round(profile.duration_s * S)


@given(closed_profiles, st.floats(0.001, 0.999))
def test_changes_add_up_to_the_users_at_every_time(profile: ClosedProfile, part: float) -> None:
    t_s = profile.duration_s * part
    changes = [(time, step) for time, step in profile.changes()]
    if all(abs(time - t_s * S) > 10 for time, _ in changes):
        assert sum(step for time, step in changes if time <= t_s * S) == profile.users_at(t_s)


def test_endless_users_never_stop() -> None:
    assert list(ls.constant_users(3).changes()) == [(0, 1)] * 3


def test_shared_iterations_need_no_more_users_than_iterations() -> None:
    profile = ls.shared_iterations(3, users=10)
    assert profile.max_users == 3
    assert profile.iterations.shared
    assert profile.iterations.count == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ({"rate": "5/s", "duration": "1s"}, "constant-rate"),
        ({"users": 5, "duration": "1s"}, "constant-users"),
        ({"iterations": 5}, "shared-iterations"),
        ({"stages": [{"duration": 1, "rate": 5}]}, "stages"),
    ],
)
def test_a_short_form_means_the_obvious_kind(text: dict[str, Any], kind: str) -> None:
    assert read_profile(text).kind == kind


def test_stages_know_their_family_by_their_keys() -> None:
    assert isinstance(ls.stages({"duration": 1, "rate": 5}), OpenProfile)
    assert isinstance(ls.stages({"duration": 1, "users": 5}), ClosedProfile)


def test_a_wrong_profile_in_python_says_what_to_write() -> None:
    with pytest.raises(PlanError, match="must be more than 0 requests/s"):
        ls.constant_rate("-1/s", "10s")
    with pytest.raises(PlanError, match="unknown unit 'parsecs'"):
        ls.constant_users(5, "5 parsecs")
