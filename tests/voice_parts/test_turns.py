"""Turn detectors: what they are fed, and what they did in each silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadstone.stats.turn_taking import Silence, balance
from loadstone.voice_parts.sound import Sound
from loadstone.voice_parts.turns import LONGEST_MS, SHORTEST_MS, silences, turn

RATE = 16_000
MS = 1_000_000


def sound(*spans_ms: tuple[int, int]) -> Sound:
    return Sound(b"", RATE, tuple((16 * first, 16 * last) for first, last in spans_ms))


def test_a_detector_that_waits_too_short_is_seen_to_cut_off_the_pause() -> None:
    taken = [False] * 100
    taken[14] = taken[64] = True  # 300 ms and 1,300 ms
    assert silences(taken, sound((0, 200), (600, 1_000))) == [Silence(400 * MS, 100 * MS), Silence(None, 300 * MS)]


def test_an_end_that_is_never_taken_is_unanswered_and_not_answered_at_once() -> None:
    found = balance(silences([False] * 100, sound((0, 200))))
    assert (found.ends, found.unanswered) == (1, 1)


@given(wait=st.integers(1, 40), pause=st.integers(1, 60))
def test_a_pause_is_cut_off_exactly_when_it_lasts_longer_than_the_wait(wait: int, pause: int) -> None:
    """A perfect detector of speech, in steps of one frame: taken `wait` frames after the end of speech."""
    voiced = [True] * 10 + [False] * pause + [True] * 10 + [False] * 80
    taken, silent = [], wait
    for each in voiced:
        silent = 0 if each else silent + 1
        taken.append(silent == wait)
    first, last = silences(taken, sound((0, 200), (20 * (10 + pause), 20 * (20 + pause))))
    assert first.cut() == (wait < pause)
    assert last == Silence(None, 20 * wait * MS)


def test_every_turn_has_two_pauses_of_its_own_and_the_same_seed_the_same_ones() -> None:
    turns = [turn(seed) for seed in range(6)]
    lengths = {(after[0] - before[1]) // 16 for each in turns for before, after in zip(each.voiced, each.voiced[1:], strict=False)}
    assert len(lengths) > 6
    assert max(lengths) <= LONGEST_MS + 1
    assert min(lengths) >= SHORTEST_MS - 1
    assert turn(3) == turns[3]
