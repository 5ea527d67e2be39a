"""Speech with exact edges, at every rate, with and without noise."""

import importlib
import io
import json
import shutil
import subprocess
import wave
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speech_data import LARGEST, TEXTS, mu_law_bytes
from loadstone.clients.voice.mulaw import decode_samples
from loadstone.errors import UsageError
from loadstone.stats.voiced import level_dbfs
from loadstone.stats.word_error import words
from loadstone.synth.speech import CONVERSATIONS, from_sound, generated, joined, names, noise, resampled, spoken, utterance, with_noise
from loadstone.synth.speech.noise import Kind
from loadstone.synth.speech.shipped import PAUSES_MS
from loadstone.synth.speech.utterance import RATES_HZ, IntArray, Utterance

spoken_module = importlib.import_module("loadstone.synth.speech.spoken")


def outside(said: Utterance) -> IntArray:
    """Samples that should be silent."""
    kept = np.ones(len(said.pcm) // 2, dtype=np.bool_)
    for first, last in said.voiced:
        kept[first:last] = False
    return said.samples[kept]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", names())
def test_what_ships_sounds_between_its_edges_and_nowhere_else(name: str, rate_hz: int) -> None:
    said = utterance(name, rate_hz)
    assert said.rate_hz == rate_hz
    assert not outside(said).any()
    assert said.voiced[0][0] == 0
    assert said.voiced[-1][1] == len(said.pcm) // 2
    per_ms = rate_hz // 1_000
    for first, last in said.voiced:
        assert first % per_ms == last % per_ms == 0
        # The first and the last ten milliseconds can be heard: the edges are no wider than the sound.
        assert level_dbfs(said.pcm[2 * first : 2 * (first + 10 * per_ms)]) > -45
        assert level_dbfs(said.pcm[2 * (last - 10 * per_ms) : 2 * last]) > -45


def test_what_ships_is_small_has_texts_and_is_as_loud_as_telephony_has_it() -> None:
    data = files("loadstone.synth.speech") / "data"
    assert len((data / "speech.bin").read_bytes()) <= LARGEST
    rows = json.loads((data / "speech.json").read_text())["utterances"]
    assert {row["name"]: row["text"] for row in rows} == TEXTS
    assert set(names()) == {*TEXTS, *PAUSES_MS}
    for name in TEXTS:
        said = utterance(name)
        active = b"".join(said.pcm[2 * first : 2 * last] for first, last in said.voiced)
        assert level_dbfs(active) == pytest.approx(-26, abs=0.5), name
        assert words(said.text)


@pytest.mark.parametrize(("name", "pause_ms"), PAUSES_MS.items())
def test_a_pause_for_thought_lasts_exactly_as_its_name_says(name: str, pause_ms: int) -> None:
    said = utterance(name, 8_000)
    assert [(last - first) // 8 for first, last in said.pauses] == [pause_ms]
    assert said.text == f"{TEXTS['taxi']} {TEXTS['train']}"


def test_unknown_names_and_rates_are_told_what_there_is() -> None:
    with pytest.raises(UsageError, match="mm_hm"):
        utterance("shout")
    with pytest.raises(UsageError, match="48000"):
        utterance("yes", 44_100)


def test_frames_are_twenty_milliseconds_and_hold_everything() -> None:
    said = utterance("yes", 24_000)
    frames = said.frames()
    assert {len(frame) for frame in frames} == {960}
    assert b"".join(frames)[: len(said.pcm)] == said.pcm
    assert not any(b"".join(frames)[len(said.pcm) :])


def test_silence_around_moves_the_edges_and_trimming_moves_them_back() -> None:
    said = utterance("goodbye", 8_000)
    wide = said.within(100, 50)
    assert wide.seconds == pytest.approx(said.seconds + 0.15)
    assert wide.voiced == tuple((first + 800, last + 800) for first, last in said.voiced)
    assert wide.trimmed() == said


def test_parts_are_joined_only_at_one_rate_and_with_a_pause_between_each() -> None:
    with pytest.raises(ValueError, match="rates"):
        joined("x", [utterance("yes", 8_000), utterance("no", 16_000)], [100])
    with pytest.raises(ValueError, match="argument"):
        joined("x", [utterance("yes"), utterance("no")], [])


@pytest.mark.parametrize("to_hz", RATES_HZ)
@pytest.mark.parametrize("from_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("hertz", [50, 440, 1_000, 3_400])
def test_a_tone_is_the_same_tone_at_another_rate(from_hz: int, to_hz: int, hertz: int) -> None:
    source = 10_000 * np.sin(2 * np.pi * hertz * np.arange(from_hz // 2) / from_hz)
    result = resampled(np.rint(source).astype(np.int16), from_hz, to_hz).astype(np.float64)
    assert len(result) == -(-len(source) * to_hz // from_hz)
    wanted = 10_000 * np.sin(2 * np.pi * hertz * np.arange(len(result)) / to_hz)
    middle = slice(len(result) // 4, -len(result) // 4)
    error = np.sqrt(np.mean((result - wanted)[middle] ** 2)) / np.sqrt(np.mean(wanted[middle] ** 2))
    assert 20 * np.log10(error) < -65


@pytest.mark.parametrize("hertz", [4_500, 6_000, 7_900])
def test_what_a_lower_rate_cannot_carry_does_not_come_back_as_another_tone(hertz: int) -> None:
    source = np.rint(10_000 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)).astype(np.int16)
    result = resampled(source, 16_000, 8_000)[1_000:-1_000].astype(np.float64)
    assert np.sqrt(np.mean(result**2)) < 10_000 / np.sqrt(2) * 10 ** (-60 / 20)


def test_full_scale_and_nothing_survive_resampling() -> None:
    loud = np.where(np.arange(800) // 40 % 2, 32767, -32768).astype(np.int16)
    assert np.abs(resampled(loud, 8_000, 48_000).astype(np.int32)).max() <= 32768
    assert len(resampled(np.zeros(0, dtype=np.int16), 8_000, 16_000)) == 0


@given(seed=st.integers(0, 10_000), tenths=st.integers(1, 200))
@settings(max_examples=20, deadline=None)
def test_generated_speech_is_as_long_as_asked_and_the_same_at_every_rate(seed: int, tenths: int) -> None:
    low, high = generated(seed, tenths / 10, 8_000), generated(seed, tenths / 10, 24_000)
    assert len(low.pcm) == 2 * 800 * tenths
    assert len(high.pcm) == 3 * len(low.pcm)
    assert low.text == high.text
    assert tuple((3 * first, 3 * last) for first, last in low.voiced) == high.voiced
    assert not outside(low).any()
    assert all(0 <= first < last <= len(low.pcm) // 2 for first, last in low.voiced)


def test_seeds_give_different_speech_and_no_length_none() -> None:
    assert generated(1, 10) == generated(1, 10)
    assert generated(1, 10).text != generated(2, 10).text
    with pytest.raises(ValueError, match="0"):
        generated(1, 0)


@pytest.mark.parametrize("kind", ["cafe", "pink", "white"])
@pytest.mark.parametrize("snr_db", [0, 10, 25])
def test_noise_is_as_far_below_the_speech_as_asked(kind: Kind, snr_db: float) -> None:
    said = utterance("window")
    mixed = with_noise(said.pcm, snr_db, 7, kind=kind)
    rest = np.frombuffer(mixed, dtype="<i2").astype(np.float64) - said.samples
    assert level_dbfs(said.pcm) - level_dbfs(np.rint(rest).astype("<i2").tobytes()) == pytest.approx(snr_db, abs=0.5)
    assert with_noise(said.pcm, snr_db, 7, kind=kind) == mixed
    assert with_noise(said.pcm, snr_db, 8, kind=kind) != mixed


def test_noise_over_silence_and_over_nothing() -> None:
    assert level_dbfs(with_noise(bytes(32_000), 10)) == pytest.approx(-36, abs=0.2)
    assert with_noise(b"", 10) == b""
    with pytest.raises(UsageError, match="cafe"):
        noise(1, 100, kind="rain")  # type: ignore[arg-type]


def test_pink_noise_loses_three_decibels_an_octave() -> None:
    power = np.abs(np.fft.rfft(noise(1, 160_000, kind="pink"))) ** 2
    hertz = np.fft.rfftfreq(160_000, 1 / 16_000)
    bands = [10 * np.log10(np.mean(power[(hertz >= low) & (hertz < 2 * low)])) for low in (250, 500, 1_000, 2_000, 4_000)]
    assert np.diff(bands) == pytest.approx([-3.0] * 4, abs=0.4)


def test_a_recording_gets_edges_and_a_level_of_its_own() -> None:
    said = utterance("goodbye").within(250, 250)
    quiet = np.rint(said.samples * 0.2).astype(np.int16)
    found = from_sound("mine", quiet, 16_000, "Thank you. Goodbye.")
    assert [
        abs(a - b) <= 16 for pair, other in zip(found.voiced, said.trimmed().voiced, strict=True) for a, b in zip(pair, other, strict=True)
    ]
    assert found.seconds == pytest.approx(said.seconds - 0.5, abs=0.003)
    for nothing in (np.zeros(16_000, dtype=np.int16), np.zeros(0, dtype=np.int16)):
        with pytest.raises(UsageError, match="nothing can be heard"):
            from_sound("mine", nothing, 16_000, "")


def test_mu_law_is_that_of_the_standard() -> None:
    # The values of G.711's table at its ends, at its smallest steps, and for both codes of zero.
    assert decode_samples(np.array([0x00, 0x80, 0x7E, 0xFE, 0x7F, 0xFF, 0x8F], np.uint8)).tolist() == [-32124, 32124, -8, 8, 0, 0, 16764]
    levels = decode_samples(np.arange(256, dtype=np.uint8))
    assert (decode_samples(np.frombuffer(mu_law_bytes(levels), np.uint8)) == levels).all()


def test_every_exchange_says_what_there_is_and_expects_plain_words() -> None:
    for exchanges in CONVERSATIONS.values():
        assert exchanges
        for exchange in exchanges:
            assert exchange.text == utterance(exchange.says).text
            assert all(words(word) == [word] for word in exchange.expects)


def synthesizer_of(monkeypatch: pytest.MonkeyPatch, output: bytes) -> None:
    """A machine on which espeak-ng is installed and says `output`."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        if output:
            Path(command[command.index("-w") + 1]).write_bytes(output)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(spoken_module, "_is_installed", lambda name: name == "espeak-ng")
    monkeypatch.setattr(spoken_module.subprocess, "run", run)
    spoken_module._spoken.cache_clear()


def wav(pcm: bytes, rate_hz: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(pcm)
    return file.getvalue()


def test_a_text_is_spoken_by_what_is_installed_with_its_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    said = utterance("time").within(120, 80)
    rate_hz = 22_050
    synthesizer_of(monkeypatch, wav(resampled(said.samples, 16_000, rate_hz).astype("<i2").tobytes(), rate_hz))
    found = spoken("What is the time now?", rate_hz=8_000)
    assert found.rate_hz == 8_000
    assert found.text == "What is the time now?"
    assert found.seconds == pytest.approx(said.seconds - 0.2, abs=0.004)


@pytest.mark.parametrize("output", [b"", b"RIFF", b"no sound at all", wav(bytes(3_200), 16_000), wav(bytes(3_200), 16_000, channels=2)])
def test_a_synthesizer_that_says_nothing_usable_is_named(monkeypatch: pytest.MonkeyPatch, output: bytes) -> None:
    synthesizer_of(monkeypatch, output)
    with pytest.raises(UsageError, match=r"espeak-ng could not say|nothing can be heard"):
        spoken("hello")


def test_without_a_synthesizer_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken_module, "_is_installed", lambda _: False)
    with pytest.raises(UsageError, match=r"loadstone\[voice\]"):
        spoken("hello")
    with pytest.raises(UsageError, match="apt install flite"):
        spoken("hello", synthesizer="flite")
    with pytest.raises(UsageError, match="nanotts, espeak-ng, flite"):
        spoken("hello", synthesizer="parrot")


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "x" * 5_001])
def test_texts_that_nobody_can_say_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="characters"):
        spoken(text)


def test_a_real_synthesizer_speaks() -> None:
    pytest.importorskip("py_nanotts", reason="pip install 'loadstone[voice]'")
    found = spoken("Good morning, and welcome.", rate_hz=24_000, synthesizer="nanotts")
    assert 0.8 < found.seconds < 3.0
    assert not outside(found).any()


def test_the_page_lists_what_ships_with_its_texts() -> None:
    page = (Path(__file__).parents[2] / "docs" / "speech.md").read_text()
    for name, text in TEXTS.items():
        assert f"| `{name}` | {text} |" in page
    assert all(f"`{name}`" in page for name in PAUSES_MS)


def test_a_real_program_speaks() -> None:
    program = next((name for name in ("espeak-ng", "flite") if shutil.which(name)), None)
    if program is None:
        pytest.skip("neither espeak-ng nor flite is installed: apt install espeak-ng")
    found = spoken("Good morning, and welcome.", rate_hz=8_000, synthesizer=program)
    assert 0.8 < found.seconds < 3.0
    assert not outside(found).any()
