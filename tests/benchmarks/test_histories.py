"""The benchmark of histories: a trial can be shown again, and its numbers are the same for the same seed."""

import numpy as np

from benchmarks.histories import MACHINE, history, share, show, stored
from loadstone.judge.alike import Likeness, alikeness


def test_one_trial_is_shown_with_its_numbers_and_answers() -> None:
    text = show(3, "quiet", 0.25)
    assert "baseline, ms" in text
    assert "three runs: worse" in text
    assert "change at run 25" in text


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert np.array_equal(history(1, 2, 0.03, 0.5, 0.1), history(1, 2, 0.03, 0.5, 0.1))
    assert stored(1, 2, "ci", 0.1) == stored(1, 2, "ci", 0.1)


def test_a_share_is_of_the_trials_in_which_something_was_found() -> None:
    assert share([[], [25], [3, 25], []]) == 50.0


def test_the_simulated_runs_are_made_on_one_machine() -> None:
    assert alikeness(MACHINE, MACHINE).likeness is Likeness.SAME  # else every interval is widened
