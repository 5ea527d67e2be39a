"""The model of noisy machines: seeded, shared by both sides of a duet, and as noisy as it says."""

import math

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.testing.noise import PROFILES, NoiseProfile, duet_pairs, one_run, profile_named, slowdown

SILENT = NoiseProfile(machine_sd=0.0, drift_sd=0.0, burst_factor=1.0, burst_share=0.0, spike_share=0.0, request_sd=0.0)


def test_the_same_seed_gives_the_same_requests() -> None:
    first, again = (one_run(np.random.default_rng(7), PROFILES["ci"], 500) for _ in range(2))
    assert (first == again).all()
    assert (first != one_run(np.random.default_rng(8), PROFILES["ci"], 500)).any()


def test_a_silent_machine_shows_the_effect_the_addition_and_the_place_alone() -> None:
    pairs = duet_pairs(np.random.default_rng(1), SILENT, 6, 3, effect=0.1, added_ns=5, position=0.5)
    for pair in pairs:
        assert set(pair.a.tolist()) == {20_000_000 if pair.first == "a" else 30_000_000}
        assert set(pair.b.tolist()) == {33_000_005 if pair.first == "a" else 22_000_005}


def test_each_two_pairs_have_both_orders() -> None:
    firsts = [pair.first for pair in duet_pairs(np.random.default_rng(2), SILENT, 40, 1)]
    assert all(set(firsts[i : i + 2]) == {"a", "b"} for i in range(0, 40, 2))
    assert len(set(firsts[::2])) == 2


def test_both_sides_of_a_pair_share_the_machine() -> None:
    noise = NoiseProfile(machine_sd=0.0, drift_sd=0.3, burst_factor=1.0, burst_share=0.0, spike_share=0.0, request_sd=0.01)
    medians = np.array([(np.median(p.a), np.median(p.b)) for p in duet_pairs(np.random.default_rng(3), noise, 400, 4)])
    assert np.corrcoef(np.log(medians.T))[0, 1] > 0.95


def test_drift_has_its_size_and_its_memory() -> None:
    noise = NoiseProfile(machine_sd=0.0, drift_sd=0.2, burst_factor=1.0, burst_share=0.0, spike_share=0.0, drift_s=10.0)
    level = slowdown(np.random.default_rng(4), noise, np.arange(200_000) / 2)  # 10,000 memories long: far more than one piece
    assert np.std(level) == pytest.approx(0.2, rel=0.05)
    assert np.corrcoef(level[:-20], level[20:])[0, 1] == pytest.approx(math.exp(-1), abs=0.05)


def test_bursts_take_their_share_of_the_time() -> None:
    noise = NoiseProfile(machine_sd=0.0, drift_sd=0.0, burst_factor=1.5, burst_share=0.15, spike_share=0.0, burst_s=5.0)
    level = slowdown(np.random.default_rng(5), noise, np.arange(400_000) / 4)
    assert set(np.round(level, 9)) == {0.0, round(math.log(1.5), 9)}
    assert np.mean(level > 0) == pytest.approx(0.15, abs=0.02)


def test_runs_differ_by_the_level_of_their_machine() -> None:
    medians = [np.median(one_run(np.random.default_rng(seed), PROFILES["shared"], 400)) for seed in range(200)]
    # 8 % of the run and what drift and bursts leave in a median of 20 s
    assert 0.08 < np.std(np.log(medians)) < 0.22


def test_a_control_is_a_third_block_of_the_baseline() -> None:
    pairs = duet_pairs(np.random.default_rng(6), PROFILES["quiet"], 10, 20, effect=1.0, control=True)
    for pair in pairs:
        assert pair.a2 is not None
        assert np.median(pair.a2) < 0.8 * np.median(pair.b)


def test_an_unknown_profile_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="quiet or ci or shared"):
        profile_named("noisy")
