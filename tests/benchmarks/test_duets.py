"""The rows of the benchmark of duets, at smaller counts and with fixed seeds.

A count of n trials strays: each bound leaves four standard errors of a binomial share at the figure that must be reached, so a
procedure that is just as good as it must be passes, and one that is clearly worse does not.
"""

import math

import numpy as np
import pytest

from benchmarks import duets
from loadstone.judge.difference import Answer
from loadstone.judge.duet import DuetJudge
from loadstone.testing.noise import PROFILES, duet_pairs

SEED = 77


def slack(percent: float, trials: int) -> float:
    share = percent / 100
    return 400 * math.sqrt(share * (1 - share) / trials)


@pytest.mark.parametrize(
    ("design", "most", "trials"), [(duets.MEDIAN_CI, 1.0, 300), (duets.MEDIAN_SHARED, 1.5, 300), (duets.TAIL_CI, 2.0, 100)], ids=str
)
def test_equal_sides_are_rarely_called_worse(design: duets.Design, most: float, trials: int) -> None:
    found = duets.tally(design, 0.0, trials, SEED)
    assert found.share(Answer.WORSE) <= most + slack(most, trials)
    assert found.covered >= 0.9 * trials


@pytest.mark.parametrize(
    ("design", "effect", "least"),
    [(duets.MEDIAN_CI, 0.05, 80.0), (duets.MEDIAN_CI, 0.1, 99.0), (duets.MEDIAN_SHARED, 0.1, 95.0), (duets.TAIL_CI, 0.1, 90.0)],
    ids=str,
)
def test_a_worsening_is_seen_and_never_passed(design: duets.Design, effect: float, least: float) -> None:
    found = duets.tally(design, effect, 100, SEED)
    assert found.share(Answer.WORSE) >= least - slack(least, 100)
    if effect >= 0.1:
        assert found.answers[Answer.NOT_WORSE] + found.answers[Answer.BETTER] == 0


@pytest.mark.parametrize("effect", [0.095, 0.24, 0.48])
def test_severity_is_rarely_over_called_just_below_the_edge_of_a_band(effect: float) -> None:
    found = duets.tally(duets.MEDIAN_SHARED, effect, 150, SEED)
    assert found.percent(found.over_called) <= 2.0 + slack(2.0, 150)


@pytest.mark.parametrize("design", [duets.MEDIAN_CI, duets.TAIL_SHARED], ids=str)
def test_intervals_hold_the_truth(design: duets.Design) -> None:
    whole = duets.Design(design.profile, design.quantile, design.looks[-1:], design.per_block)
    found = duets.tally(whole, 0.1, 200, SEED)
    assert abs(found.percent(found.covered) - 95.0) <= slack(95.0, 200)


def test_a_sound_control_seldom_makes_the_judge_abstain() -> None:
    def abstains(seed: int) -> bool:
        judge = DuetJudge(limit=0.05, quantiles=(0.5,), looks=(80,))
        for pair in duet_pairs(np.random.default_rng([SEED, seed]), PROFILES["ci"], 80, 15, control=True):
            judge.take(pair)
        return "two copies" in judge.final().why

    assert sum(abstains(seed) for seed in range(100)) <= 1 + slack(1.0, 100)


def test_one_trial_is_shown_with_its_blocks_and_its_answer() -> None:
    shown = duets.show(3, "ci", 0.1)
    assert shown == duets.show(3, "ci", 0.1)
    assert "seed 3" in shown
    assert "p50(http.response_time): worse" in shown
