"""The playout buffer against a loudspeaker that is simulated sample by sample."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.voice.playout import Playout

RATE = 16_000
FRAME = 320
MS = 1_000_000


def test_an_answer_that_comes_in_one_burst_is_heard_for_as_long_as_it_lasts() -> None:
    playout = Playout(RATE)
    playout.add(RATE * 9, 100 * MS)
    playout.add(RATE, 150 * MS)
    assert playout.due_ns(0) == 100 * MS
    assert playout.due_ns(RATE * 9 + 16) == 9_101 * MS
    assert playout.until_ns == 10_100 * MS


def test_sound_begins_only_when_one_frame_is_there() -> None:
    playout = Playout(RATE)
    playout.add(FRAME - 1, 0)
    assert playout.due_ns(0) is None
    playout.add(1, 7 * MS)
    assert playout.due_ns(0) == 7 * MS
    assert playout.until_ns == 27 * MS


def test_a_buffer_that_ran_dry_says_for_how_long() -> None:
    playout = Playout(RATE)
    assert playout.add(FRAME, 5 * MS) == 0  # silence before the first sound is no stall
    assert playout.add(FRAME, 20 * MS) == 0
    assert playout.add(FRAME, 100 * MS) == 55 * MS
    assert playout.due_ns(2 * FRAME) == 100 * MS


def test_what_is_cleared_before_its_turn_is_never_heard() -> None:
    playout = Playout(RATE)
    playout.add(RATE, 0)
    playout.clear(250 * MS)
    assert playout.until_ns == 250 * MS
    assert playout.due_ns(RATE // 4 - 1) is not None
    assert playout.due_ns(RATE // 4) is None
    playout.add(FRAME, 300 * MS)
    assert playout.due_ns(RATE) == 300 * MS
    assert playout.due_ns(RATE // 2) is None


@given(st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 200)), min_size=1, max_size=30))
def test_samples_are_heard_in_order_one_at_a_time_and_never_before_they_came(pieces: list[tuple[int, int]]) -> None:
    playout, now, came = Playout(RATE), 0, []
    for count, wait_ms in pieces:
        now += wait_ms * MS
        playout.add(count, now)
        came += [now] * count
    dues = [due for sample in range(len(came)) if (due := playout.due_ns(sample)) is not None]
    gaps = [later - earlier for earlier, later in pairwise(dues)]
    assert all(gap >= 62_499 for gap in gaps)  # 62.5 µs each, rounded to ns
    assert all(due >= came[sample] for sample, due in enumerate(dues))
    assert len(came) - len(dues) < FRAME  # only less than a frame can still be waiting
