"""Delays at known edges, what processing costs, and components by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.voice_parts import named
from loadstone.voice_parts.cost import Cost
from loadstone.voice_parts.edges import edges
from loadstone.voice_parts.sound import sentences

RATE = 16_000


def frames(text: str) -> list[bool]:
    return [letter == "x" for letter in text]


def test_a_detector_that_is_exact_has_an_onset_of_one_frame_and_no_tail() -> None:
    found = edges(frames("..xxx....."), [(640, 1600)], RATE)  # 40 ms to 100 ms
    assert (found.onset_ms, found.tail_ms, found.missed, found.false) == ((20.0,), (0.0,), 0, 0)


@given(late=st.integers(0, 5), long=st.integers(0, 5))
def test_frames_of_delay_are_found_as_they_were_made(late: int, long: int) -> None:
    said = frames("." * (5 + late) + "x" * (10 - late + long) + "." * 20)
    found = edges(said, [(5 * 320, 15 * 320)], RATE)
    assert found.onset_ms == (20.0 * (late + 1),)
    assert found.tail_ms == (20.0 * long,)


def test_a_stretch_without_speech_is_missed_and_speech_before_the_first_is_false() -> None:
    found = edges(frames("xx...................."), [(3200, 4800)], RATE)
    assert (found.onset_ms, found.missed, found.false) == ((), 1, 2)


def test_an_end_that_is_not_heard_has_a_tail_below_zero() -> None:
    found = edges(frames("xx........"), [(0, 1600)], RATE)
    assert found.tail_ms == (-60.0,)


def test_the_tail_of_one_stretch_ends_before_what_begins_anew() -> None:
    found = edges(frames("xxx..xxx"), [(0, 640), (1600, 2560)], RATE)
    assert found.tail_ms == (20.0, 0.0)


@pytest.mark.parametrize(
    ("processing_s", "audio_s", "text"),
    [(0.032, 1.0, "RTF 0.03 (31x real time)"), (2.0, 1.0, "RTF 2.00 (0.5x real time)"), (0.0004, 1.0, "RTF 0.0004 (2500x real time)")],
)
def test_the_real_time_factor_is_told_both_ways(processing_s: float, audio_s: float, text: str) -> None:
    cost = Cost(processing_s, audio_s)
    assert str(cost) == text
    assert cost.rtf * cost.speed == pytest.approx(1)


def test_no_audio_has_no_cost() -> None:
    with pytest.raises(ValueError, match="no audio"):
        Cost(1.0, 0.0)


def test_sound_is_the_same_each_time_and_is_quiet_outside_its_edges() -> None:
    sound = sentences(2.0, 8_000)
    sentences.cache_clear()
    assert sound == sentences(2.0, 8_000)
    (first, last), samples = sound.voiced[0], memoryview(sound.pcm).cast("h")
    assert max(abs(sample) for sample in samples[:first]) < 100
    assert max(abs(sample) for sample in samples[first:last]) > 2_000
    assert sum(map(len, sound.frames())) == len(sound.pcm)


def test_a_package_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert named.missing_for("webrtcvad") == "pip install webrtcvad-wheels"
    with pytest.raises(UsageError, match="webrtcvad, which is not installed"):
        named.factory_of("webrtcvad", "vad")
    assert named.missing_for("json:loads") == ""


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("webrtcvat", "no vad is called"),
        ("nanotts", "not a vad"),
        ("json:nothing", "cannot be called"),
        ("json:__name__", "is a str"),
    ],
)
def test_what_is_no_detector_is_refused(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        named.factory_of(part, "vad")


def test_a_component_of_the_users_own_is_found_by_module_and_attribute() -> None:
    assert named.factory_of("json:loads", "vad").__name__ == "loads"


@pytest.mark.parametrize("part", ["webrtcvad", "silero"])
def test_an_installed_detector_hears_every_stretch_or_is_skipped_loudly(part: str) -> None:
    if install := named.missing_for(part):
        pytest.skip(f"{part} is not installed: {install}")
    sound = sentences(2.0)
    detector = named.factory_of(part, "vad")(sound.rate_hz)
    said = [detector(frame) for frame in sound.frames()]
    assert edges(said, sound.voiced, sound.rate_hz).missed == 0


def test_the_recogniser_by_name_listens_for_the_sentences_that_ship_and_knows_no_word_that_it_cannot_hear() -> None:
    pytest.importorskip("pocketsphinx")
    from loadstone.synth.speech import utterance
    from loadstone.voice_parts.speech import SphinxRecogniser, shipped_recogniser

    assert shipped_recogniser()(utterance("window", RATE).within(300, 300).pcm) == "open the window in the kitchen now"
    assert SphinxRecogniser(RATE, ("yes i do", "xqzt blorp"))(utterance("yes", RATE).within(300, 300).pcm) == "yes i do"
