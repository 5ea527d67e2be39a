"""One run beside one, and fifty figures at once, on simulated machines with fixed seeds."""

import pytest

from benchmarks.pairs import MANY, many, one_pair, show
from loadstone.judge.difference import Answer


@pytest.mark.parametrize("profile", ["quiet", "ci", "shared"])
def test_two_equal_runs_are_not_called_worse_and_a_doubled_time_never_passes(profile: str) -> None:
    trials = range(25)
    assert sum(one_pair(profile, 0.95, 0.0, number).answer is Answer.WORSE for number in trials) <= 1
    doubled = [one_pair(profile, 0.95, 1.0, number).answer for number in trials]
    assert Answer.NOT_WORSE not in doubled
    assert doubled.count(Answer.WORSE) >= 12


def test_of_fifty_equal_figures_none_is_worse_in_nearly_every_comparison() -> None:
    trials = range(80)
    assert sum(bool(many(number, 0.0).worse) for number in trials) <= 4  # 1 % of 80, and three deviations of a binomial share
    seen = [{each.figure for each in many(number, 0.15).worse} for number in trials]
    assert sum("figure 0" in found for found in seen) >= 0.75 * len(trials)
    assert len(many(0, 0.0).differences) == MANY


def test_a_trial_is_shown_with_its_sections_and_is_the_same_each_time() -> None:
    text = show(3, "ci", 1.0)
    assert text.count("ms by section") == 2
    assert "\nworse: " in text
    assert "the first +100.0%: figure 0" in text
    assert show(3, "ci", 1.0) == text
