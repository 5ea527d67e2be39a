"""What is said of a worker that did not end in time."""

from loadstone.clock import SECOND
from loadstone.load.fleet import how_it_was_late


def test_a_worker_that_still_told_its_seconds_was_too_busy_and_did_not_hang() -> None:
    assert "too busy" in how_it_was_late(SECOND)
    assert "hung" not in how_it_was_late(SECOND)


def test_a_worker_that_fell_silent_hung_in_the_code_of_the_suite() -> None:
    assert "hung in the suite's code" in how_it_was_late(6 * SECOND)
