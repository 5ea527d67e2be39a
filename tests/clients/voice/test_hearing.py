"""What an ear makes of sound whose edges are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.clients.voice.hearing import Ear

RATE = 16_000
MS = 1_000_000


def tone(ms: int, level: int = 8_000) -> bytes:
    at = np.arange(ms * RATE // 1_000)
    return (level * np.cos(2 * np.pi * 500 * at / RATE)).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    return bytes(2 * ms * RATE // 1_000)


def ear() -> tuple[Ear, list[int]]:
    told: list[int] = []
    return Ear(RATE, lambda: told.append(1)), told


@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(20, 400), st.integers(20, 800))
def test_lead_silence_and_the_end_of_sound_are_found_however_it_is_cut(lead_ms: int, sound_ms: int, cut: int) -> None:
    hearing, _ = ear()
    pcm = silence(lead_ms) + tone(sound_ms) + silence(100)
    for at in range(0, len(pcm), 2 * cut):
        hearing.hear(pcm[at : at + 2 * cut], 1_000 * MS)
    answer = hearing.answer
    assert answer.lead_ns == 1_000 * MS
    assert abs(answer.onset_ns - answer.lead_ns - lead_ms * MS) <= 1 * MS
    assert abs(answer.until_ns - answer.onset_ns - sound_ms * MS) <= 5 * MS  # to the block


@pytest.mark.parametrize("level", [0, 4, 150])
def test_dither_and_line_noise_are_not_audible(level: int) -> None:
    hearing, told = ear()
    hearing.hear(np.random.default_rng(1).integers(-level, level + 1, RATE).astype("<i2").tobytes(), 0)
    assert hearing.answer.onset_ns == 0
    assert hearing.answer.byte_ns == 0
    assert told == []


def test_a_clear_cuts_what_was_heard_and_says_how_much_that_was() -> None:
    hearing, told = ear()
    hearing.hear(tone(4_000), 1_000 * MS)
    assert hearing.clear(1_650 * MS) == 650
    assert hearing.answer.until_ns == 1_650 * MS
    assert len(told) == 2


def test_a_dry_buffer_is_a_stall_within_an_answer_and_none_between_answers() -> None:
    hearing, _ = ear()
    hearing.hear(tone(40), 1_000 * MS)
    hearing.hear(tone(40), 1_140 * MS)
    assert hearing.answer.stalls == [100 * MS]
    hearing.answer.over = True
    hearing.hear(tone(40), 3_000 * MS)
    assert hearing.answer.stall_ns == 100 * MS
    assert hearing.begin_answer().stalls == []


def test_samples_at_full_scale_are_counted() -> None:
    hearing, _ = ear()
    hearing.hear(np.full(1_600, -32_768, "<i2").tobytes(), 5 * MS)
    assert hearing.answer.clipped == 1_600


def test_sound_that_is_taken_back_before_it_was_heard_is_no_answer() -> None:
    hearing, _ = ear()
    hearing.hear(silence(500) + tone(200), 1_000 * MS)  # all at once: audible from 1,500 ms on
    hearing.clear(1_200 * MS)
    assert (hearing.answer.onset_ns, hearing.answer.audible_ns) == (0, 0)
    hearing.hear(tone(100), 2_000 * MS)
    assert hearing.answer.onset_ns == 2_000 * MS
    assert hearing.answer.byte_ns == hearing.answer.lead_ns == 2_000 * MS


@pytest.mark.parametrize("before_ms", [0, 40])
def test_less_than_a_frame_that_is_taken_back_hides_nothing_that_follows(before_ms: int) -> None:
    hearing, _ = ear()
    if before_ms:
        hearing.hear(silence(before_ms), 1_000 * MS)
    hearing.hear(tone(10), 1_500 * MS)
    hearing.clear(1_600 * MS)
    hearing.hear(tone(100), 2_000 * MS)
    assert hearing.answer.onset_ns == 2_000 * MS
    assert hearing.answer.until_ns == pytest.approx(2_100 * MS, abs=5 * MS)


def test_a_clear_of_nothing_interrupts_nobody() -> None:
    hearing, _ = ear()
    assert hearing.clear(1_000 * MS) is None
    hearing.hear(tone(100), 2_000 * MS)
    assert hearing.clear(2_040 * MS) == 40
    assert hearing.clear(2_050 * MS) is None
    hearing.hear(tone(100), 3_000 * MS)
    assert hearing.clear(4_000 * MS) is None
