"""One run against one run: hardly ever worse, unless it is beyond what runs of a shared machine differ by."""

import numpy as np
import pytest

from loadstone.judge.alike import Likeness, alikeness
from loadstone.judge.difference import Answer, Difference
from loadstone.judge.recorded import Figure, Sections, Share
from loadstone.judge.run_pair import compare_runs
from loadstone.stats.histogram import Histogram
from loadstone.testing.noise import one_run, profile_named

P50 = Figure("p50(http.response_time)", "ms")
ERRORS = Figure("error_rate", "%", is_share=True)


def sections(seed: int, profile: str, effect: float = 0.0) -> Sections:
    made = []
    for part in np.array_split(one_run(np.random.default_rng([5, seed]), profile_named(profile), 1000, effect=effect), 10):
        histogram = Histogram()
        histogram.record_many(part)
        made.append(histogram)
    return Sections(times=made)


def compared(before: Sections, after: Sections, figure: Figure = P50) -> Difference:
    return compare_runs({figure.name: before}, {figure.name: after}, [figure])[0]


@pytest.mark.parametrize("profile", ["quiet", "ci", "shared"])
def test_two_equal_runs_are_hardly_ever_worse(profile: str) -> None:
    trials = range(200)
    worse = sum(compared(sections(2 * at, profile), sections(2 * at + 1, profile)).answer is Answer.WORSE for at in trials)
    assert worse <= 6  # 1 % of 200 and three deviations of a binomial share


def test_a_doubled_time_is_worse_even_beside_one_run() -> None:
    one = compared(sections(1, "ci"), sections(2, "ci", 1.0))
    assert one.answer is Answer.WORSE
    assert "assumed" in one.reason


def test_ten_percent_of_one_run_each_cannot_be_told() -> None:
    one = compared(sections(1, "ci"), sections(2, "ci", 0.1))
    assert one.answer is Answer.CANNOT_TELL
    assert "duet" in one.reason


def test_failures_are_compared_in_points() -> None:
    clean, broken = Sections(shares=[Share(0, 100)] * 10), Sections(shares=[Share(20, 100)] * 10)
    one = compared(clean, broken, ERRORS)
    assert (one.answer, one.before, one.after, one.effect) == (Answer.WORSE, 0.0, 20.0, None)


def test_a_service_that_fails_most_requests_is_worse_even_after_few_seconds() -> None:
    clean, broken = Sections(shares=[Share(0, 50)] * 4), Sections(shares=[Share(33, 50), Share(40, 50), Share(45, 50), Share(40, 50)])
    assert compared(clean, broken, ERRORS).answer is Answer.WORSE
    few, some_more = Sections(shares=[Share(1, 100)] * 10), Sections(shares=[Share(3, 100)] * 10)
    assert compared(few, some_more, ERRORS).answer is not Answer.WORSE


def test_a_missing_figure_or_another_plan_cannot_be_told() -> None:
    side = {P50.name: sections(1, "ci")}
    assert compare_runs(side, {}, [P50])[0].answer is Answer.CANNOT_TELL
    unlike = alikeness({"plan_hash": "a"}, {"plan_hash": "b"})
    assert unlike.likeness is Likeness.REFUSED
    assert compare_runs(side, side, [P50], unlike=unlike)[0].answer is Answer.CANNOT_TELL


def test_the_clock_frequency_is_no_difference_but_memory_classes_are() -> None:
    here = {
        "plan_hash": "a",
        "cpu": "Xeon @ 2.20GHz",
        "cores": 2,
        "memory": 7.8e9,
        "kernel": "6.1.5",
        "python": "3.11.1",
        "version": "1",
    }
    assert alikeness(here, here | {"cpu": "Xeon @ 2.60GHz", "memory": 8.2e9, "kernel": "6.1.9"}).likeness is Likeness.SAME
    assert alikeness(here, here | {"memory": 32e9}).likeness is Likeness.REFUSED
    assert alikeness(here, here | {"memory": 32e9}, despite_machine=True).likeness is Likeness.WIDER


def test_what_each_run_has_is_told_also_where_it_is_too_little_to_compare() -> None:
    whole = sections(1, "quiet")
    few = Sections(times=whole.times[:2], q=whole.q)
    found = compared(whole, few)
    assert found.answer is Answer.CANNOT_TELL
    assert "at least 4 are needed" in found.reason
    assert found.before is not None
    assert found.after is not None
