"""Where sound begins and ends, in material whose edges are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.stats.voiced import Edge, Voiced, level_dbfs, voiced
from loadstone.synth.speech import names, noise, utterance, with_noise
from loadstone.synth.speech.noise import Kind

RATES = (8_000, 16_000, 24_000, 48_000)


def tone(rate_hz: int, ms: int, dbfs: float = -20.0, hertz: float = 440.0) -> bytes:
    """A sine of a level."""
    turns = 2 * np.pi * hertz * np.arange(rate_hz * ms // 1_000) / rate_hz
    wave: bytes = np.rint(np.sqrt(2) * 32768 * 10 ** (dbfs / 20) * np.sin(turns)).astype("<i2").tobytes()
    return wave


def silence(rate_hz: int, ms: int) -> bytes:
    return bytes(2 * rate_hz * ms // 1_000)


def added(pcm: bytes, shift: float) -> bytes:
    return (np.frombuffer(pcm, dtype="<i2") + shift).astype("<i2").tobytes()


def heard(rate_hz: int, pcm: bytes, piece: int) -> list[Edge]:
    detector = Voiced(rate_hz)
    return [edge for at in range(0, len(pcm), piece) for edge in detector.add(pcm[at : at + piece])] + detector.end()


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("start_ms", [0, 13, 500])
def test_a_tone_is_heard_from_its_first_to_its_last_millisecond(rate_hz: int, start_ms: int) -> None:
    ((first, last),) = voiced(silence(rate_hz, start_ms) + tone(rate_hz, 700) + silence(rate_hz, 400), rate_hz)
    assert abs(first * 1_000 / rate_hz - start_ms) <= 1
    assert abs(last * 1_000 / rate_hz - start_ms - 700) <= 1


@given(piece=st.integers(1, 3_000), start_ms=st.integers(0, 60))
@settings(max_examples=30, deadline=None)
def test_edges_do_not_depend_on_the_pieces_sound_comes_in(piece: int, start_ms: int) -> None:
    pcm = silence(8_000, start_ms) + utterance("goodbye", 8_000).pcm + silence(8_000, 333)
    assert heard(8_000, pcm, piece) == heard(8_000, pcm, len(pcm))


@pytest.mark.parametrize("rate_hz", RATES)
def test_edges_of_shipped_speech_are_found_in_silence(rate_hz: int) -> None:
    for name in names():
        said = utterance(name, rate_hz).within(300, 300)
        found = voiced(said.pcm, rate_hz)
        assert abs(found[0][0] - said.voiced[0][0]) <= rate_hz // 1_000, name
        assert abs(found[-1][1] - said.voiced[-1][1]) <= rate_hz // 1_000, name


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize(("snr_db", "most_ms"), [(30, 10), (20, 10), (15, 10)])
def test_onsets_are_found_within_ten_milliseconds_in_steady_noise(kind: Kind, snr_db: float, most_ms: int) -> None:
    for rate_hz in (8_000, 16_000):
        for name in names():
            said = utterance(name, rate_hz).within(700, 500)
            found = voiced(with_noise(said.pcm, snr_db, 3, rate_hz=rate_hz, kind=kind), rate_hz)
            assert abs(found[0][0] - said.voiced[0][0]) <= most_ms * rate_hz // 1_000, name


@pytest.mark.parametrize("offset", [-3_000, 500, 3_000])
def test_a_constant_offset_is_no_sound(offset: int) -> None:
    assert voiced(added(silence(16_000, 1_000), offset), 16_000) == []
    ((first, last),) = voiced(added(silence(16_000, 300) + tone(16_000, 500) + silence(16_000, 300), offset), 16_000)
    assert (first, last) == (300 * 16, 800 * 16)


def test_dither_and_comfort_noise_are_no_sound() -> None:
    hiss = noise(1, 32_000, kind="white") * 32768
    for dbfs in (-90, -70, -55):
        assert voiced(np.rint(hiss * 10 ** (dbfs / 20)).astype("<i2").tobytes(), 16_000) == []
    assert voiced(np.random.default_rng(2).integers(-1, 2, 32_000).astype("<i2").tobytes(), 16_000) == []


def test_a_click_is_no_sound_but_ten_milliseconds_are() -> None:
    quiet = silence(16_000, 100)
    assert voiced(quiet + tone(16_000, 3, -6.0) + quiet, 16_000) == []
    assert voiced(quiet + tone(16_000, 10, -6.0) + quiet, 16_000) == [(1_600, 1_760)]


def test_a_steady_background_is_learnt_in_three_seconds_and_a_voice_over_it_is_heard() -> None:
    background = noise(3, 16_000 * 6, kind="white") * 32768 * 10 ** (-44 / 20)
    background[16_000 * 5 : 16_000 * 5 + 16_000] += np.frombuffer(tone(16_000, 1_000), dtype="<i2")
    edges = heard(16_000, np.rint(background).astype("<i2").tobytes(), 640)
    assert edges[0] == Edge(0, onset=True)
    assert edges[1] == pytest.approx((48_000, False), abs=16 * 40)
    assert edges[2:] == [Edge(80_000, onset=True), Edge(96_000, onset=False)]


def test_a_loud_tone_that_never_pauses_is_never_taken_for_background() -> None:
    pcm = tone(8_000, 10_000, -26.0)
    assert heard(8_000, pcm, 320) == [Edge(0, onset=True), Edge(80_000, onset=False)]


def test_an_end_is_told_after_the_hangover_but_the_last_sound_at_once() -> None:
    detector = Voiced(8_000)
    assert detector.add(tone(8_000, 100)) == [Edge(0, onset=True)]
    assert detector.last_voiced == 800
    assert detector.add(silence(8_000, 180)) == []
    assert detector.active
    assert detector.add(silence(8_000, 20)) == [Edge(800, onset=False)]
    assert not detector.active
    assert detector.end() == []


def test_nothing_was_heard_before_anything_was() -> None:
    detector = Voiced(8_000)
    assert detector.last_voiced is None
    assert detector.end() == []
    assert voiced(b"", 8_000) == []


def test_pauses_shorter_than_the_hangover_part_nothing() -> None:
    beep = tone(16_000, 100)
    assert len(voiced(beep + silence(16_000, 180) + beep, 16_000)) == 1
    assert len(voiced(beep + silence(16_000, 240) + beep, 16_000)) == 2


def test_a_rate_that_has_no_whole_milliseconds_is_refused() -> None:
    with pytest.raises(ValueError, match="22050"):
        Voiced(22_050)


def test_levels_are_relative_to_full_scale() -> None:
    assert level_dbfs(tone(16_000, 1_000, -26.0)) == pytest.approx(-26.0, abs=0.01)
    assert level_dbfs(b"") == level_dbfs(silence(8_000, 10)) == -96.0
