"""False cut-offs against delay: an agent that waits a fixed time has a curve that is known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import NoSamples
from loadstone.stats.turn_taking import Silence, balance, curve, least_delay

MS = 1_000_000


def of_fixed_wait(wait_ms: int, pauses_ms: list[int], ends: int) -> list[Silence]:
    """An agent that takes the turn after so much silence, whatever was said."""
    pauses = [Silence(pause * MS, wait_ms * MS if wait_ms < pause else None) for pause in pauses_ms]
    return pauses + [Silence(None, wait_ms * MS)] * ends


def test_an_agent_with_a_fixed_wait_cuts_off_the_pauses_that_are_longer() -> None:
    seen = balance(of_fixed_wait(500, [300, 499, 501, 700, 1_200], 4))
    assert (seen.pauses, seen.cut, seen.ends, seen.unanswered) == (5, 3, 4, 0)
    assert seen.median_ns == seen.p95_ns == 500 * MS
    assert seen.share is not None
    assert seen.share.low < 3 / 5 < seen.share.high


def test_more_patience_is_what_a_longer_wait_would_have_shown() -> None:
    pauses = [300, 450, 600, 900, 1_200]
    eager = of_fixed_wait(200, pauses, 3)
    for more in (0, 100, 400, 1_000):
        patient = balance(of_fixed_wait(200 + more, pauses, 3))
        moved = balance(eager, more * MS)
        assert (moved.cut, moved.median_ns, moved.share) == (patient.cut, patient.median_ns, patient.share)


def test_the_curve_ends_where_nobody_is_cut_off() -> None:
    points = curve(of_fixed_wait(200, [300, 600, 600, 900], 2))
    assert [(point.patience_ns // MS, point.cut) for point in points] == [(0, 4), (100, 3), (400, 1), (700, 0)]


@given(st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 2_000) | st.none()), min_size=1, max_size=20))
def test_more_patience_never_cuts_off_more(rows: list[tuple[int, int | None]]) -> None:
    points = curve([Silence(lasts, taken) for lasts, taken in rows])
    cuts = [point.cut for point in points]
    assert cuts == sorted(cuts, reverse=True)
    assert cuts[-1] == 0


def test_turns_that_were_never_answered_are_longer_than_any_wait() -> None:
    seen = balance([Silence(None, 100), Silence(None, 200), Silence(None, None)])
    assert seen.unanswered == 1
    assert seen.median_ns == 200
    assert seen.p95_ns == math.inf


def test_without_pauses_or_ends_there_is_no_share_and_no_delay() -> None:
    seen = balance([])
    assert seen.share is None
    assert math.isnan(seen.median_ns)
    with pytest.raises(NoSamples, match="0 pauses"):
        least_delay([seen], 0.05)


def test_the_least_delay_is_only_what_the_pauses_can_show() -> None:
    points = curve(of_fixed_wait(200, [300, 600] * 60, 5))
    assert least_delay(points, 0.05).patience_ns == 400 * MS
    assert least_delay(points, 0.60).patience_ns == 100 * MS
    with pytest.raises(NoSamples, match="4 pauses"):
        least_delay(curve(of_fixed_wait(200, [300] * 4, 5)), 0.05)


def test_a_wait_cannot_be_made_shorter() -> None:
    with pytest.raises(ValueError, match="longer"):
        balance([], -1)


def test_seventy_three_pauses_are_the_fewest_that_show_five_percent() -> None:
    assert least_delay([balance(of_fixed_wait(200, [100] * 73, 1))], 0.05).cut == 0
    with pytest.raises(NoSamples, match="72 pauses"):
        least_delay([balance(of_fixed_wait(200, [100] * 72, 1))], 0.05)
