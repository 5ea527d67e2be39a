"""A benchmark that could not measure must never look like one that was reached."""

import pytest

from benchmarks.environments import Missing
from benchmarks.figures import Bound, Figure, table
from benchmarks.peers import Rate, median_of_counts
from benchmarks.rounds import Outcome, attempt, ratio


def test_a_figure_is_reached_when_its_median_is_inside_the_bound() -> None:
    assert Figure("ratio", "", Bound(least=0.55), [0.5, 0.6, 0.7]).reached is True
    assert Figure("ratio", "", Bound(least=0.55), [0.5, 0.5, 0.7]).reached is False
    assert Figure("rate", "", Bound(least=0.995, most=1.005), [1.006]).reached is False


def test_a_figure_without_a_round_is_neither_reached_nor_missed_and_says_why() -> None:
    figure = Figure("ratio", "", Bound(least=2))
    figure.add(Outcome(None, "hey is not installed. Try: apt-get install hey"))
    assert figure.reached is None
    text = table([figure])
    assert "NOT MEASURED" in text
    assert "apt-get install hey" in text


def test_the_table_shows_bound_median_range_and_verdict() -> None:
    text = table([Figure("lag", "ms", Bound(most=0.3), [0.1, 0.2, 0.4]), Figure("ratio", "", Bound(least=0.55, aim=0.7), [0.4])])
    assert "<= 0.3" in text
    assert "0.2 ms (0.1–0.4, 3 rounds)" in text
    assert ">= 0.55 (aim 0.7)" in text
    assert text.splitlines()[-1].endswith("NO")


def test_a_ratio_of_a_missing_peer_has_the_peers_reason(capsys: pytest.CaptureFixture[str]) -> None:
    def absent() -> Rate:
        raise Missing("wrk is not installed. Try: apt-get install wrk")

    mine = attempt(lambda: Rate(100.0, 10.0))
    outcome = ratio(mine, attempt(absent), lambda own: own.per_s, lambda peer: peer.per_s)
    assert outcome == Outcome(None, "wrk is not installed. Try: apt-get install wrk")
    assert "apt-get install wrk" in capsys.readouterr().err


def test_a_ratio_divides_ours_by_the_peers() -> None:
    assert ratio(Outcome(3.0), Outcome(2.0), lambda own: own, lambda peer: peer) == Outcome(1.5)


def test_the_median_of_counted_values_is_the_first_that_half_do_not_exceed() -> None:
    assert median_of_counts({"10": 1, "9": 5, "100": 1}) == 9
    assert median_of_counts({"20": 4, "30": 6}) == 30
