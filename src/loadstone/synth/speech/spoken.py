"""Any text spoken by a synthesizer of this machine, with the edges of what came out."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import tempfile
import wave
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadstone.errors import UsageError
from loadstone.synth.speech.resample import resampled
from loadstone.synth.speech.utterance import Utterance, check_rate, from_sound

SYNTHESIZERS = ("nanotts", "espeak-ng", "flite")  # in this order of preference
_NANOTTS_RATE_HZ = 16_000
_PATIENCE_S = 30.0
_LONGEST = 5_000  # characters; some minutes of speech

IntArray = NDArray[np.int16]


def spoken(text: str, *, rate_hz: int = 16_000, synthesizer: str = "", voice: str = "") -> Utterance:
    """The text as an utterance; the same text is synthesized once per process.

    synthesizer: one of SYNTHESIZERS; empty for the first that is installed
    voice:       as that synthesizer calls it; empty for British English, or its default
    accuracy:    edges to 1 ms, of what is louder than -40 dBFS where speech is -26 dBFS loud
    raises:      UsageError where no synthesizer is installed, it fails, or nothing can be said
    """
    check_rate(rate_hz)
    if not text.strip() or "\0" in text or len(text) > _LONGEST:
        raise UsageError(f"a text of 1 to {_LONGEST} characters was meant", where="spoken text", hint="speak: What time is it?")
    return _spoken(text, synthesizer or installed()[0], voice).at(rate_hz)


def installed() -> tuple[str, ...]:
    """The synthesizers of this machine, best first.

    raises: UsageError where there is none
    """
    found = tuple(name for name in SYNTHESIZERS if _is_installed(name))
    if not found:
        raise UsageError("no speech synthesizer is installed", hint="pip install 'loadstone[voice]', or apt install espeak-ng")
    return found


def nanotts(text: str, voice: str = "") -> IntArray:
    """Samples at 16 kHz by py-nanotts, in process."""
    # Loud as it comes by default, it clips.
    pcm: bytes = _nanotts().speak(text, voice=voice or "en-GB", volume=0.3)
    return np.frombuffer(pcm, dtype="<i2").astype(np.int16)


@lru_cache(maxsize=256)
def _spoken(text: str, synthesizer: str, voice: str) -> Utterance:
    if synthesizer not in SYNTHESIZERS:
        raise UsageError(f"no synthesizer is called {synthesizer!r}", hint=", ".join(SYNTHESIZERS))
    if not _is_installed(synthesizer):
        how = "pip install 'loadstone[voice]'" if synthesizer == "nanotts" else f"apt install {synthesizer}"
        raise UsageError(f"the synthesizer {synthesizer} is not installed", hint=how)
    try:
        samples, rate_hz = (nanotts(text, voice), _NANOTTS_RATE_HZ) if synthesizer == "nanotts" else _by_process(text, synthesizer, voice)
    except (OSError, RuntimeError, ValueError, EOFError, wave.Error, subprocess.SubprocessError) as failure:
        raise UsageError(
            f"{synthesizer} could not say {text[:60]!r}: {str(failure)[:200]}", hint="another text, voice or synthesizer"
        ) from failure
    return from_sound(text[:40], resampled(samples, rate_hz, _NANOTTS_RATE_HZ), _NANOTTS_RATE_HZ, text)


def _by_process(text: str, synthesizer: str, voice: str) -> tuple[IntArray, int]:
    """Samples and rate of a program that reads a text file and writes a WAV file; flite cannot do either by a pipe."""
    with tempfile.TemporaryDirectory(prefix="loadstone-speech-") as folder:
        asked, answer = Path(folder, "text.txt"), Path(folder, "speech.wav")
        asked.write_text(text + "\n", encoding="utf-8")
        command = [synthesizer, "-f", str(asked), "-w" if synthesizer == "espeak-ng" else "-o", str(answer)]
        command += ["-v" if synthesizer == "espeak-ng" else "-voice", voice] if voice else []
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=True)  # noqa: S603  a literal program, text by file
        with wave.open(str(answer)) as sound:
            if sound.getsampwidth() != 2 or sound.getnchannels() != 1:
                raise ValueError(f"{8 * sound.getsampwidth()} bits in {sound.getnchannels()} channels instead of 16 in one")
            return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.int16), sound.getframerate()


def _is_installed(synthesizer: str) -> bool:
    if synthesizer == "nanotts":
        return importlib.util.find_spec("py_nanotts") is not None
    return shutil.which(synthesizer) is not None


@lru_cache(maxsize=1)
def _nanotts() -> Any:
    return importlib.import_module("py_nanotts").NanoTTS()
