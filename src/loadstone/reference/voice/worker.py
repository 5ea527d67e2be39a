"""`python -m loadstone.reference.voice.worker`: a process that recognises and synthesizes, job by job, until its input ends.

A process, because both hold the interpreter's lock for up to a tenth of a second, in which the backend could send no frame.
A job and its result are a kind (one byte), a length (four bytes, big-endian) and as many bytes.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO

HEAD = struct.Struct("!cI")
RECOGNISE, SYNTHESIZE, DONE, FAILED = b"R", b"S", b"D", b"F"
_ESPEAK_WITHIN_S = 30


def main(grammar: str, synthesizer: str) -> None:
    """Serve jobs on standard input and output; what libraries print goes to standard error."""
    jobs, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    recognise, speak = _recogniser(grammar), _speaker(synthesizer)
    while len(head := jobs.read(HEAD.size)) == HEAD.size:
        kind, size = HEAD.unpack(head)
        body = jobs.read(size)
        try:
            _put(results, DONE, recognise(body).encode() if kind == RECOGNISE else speak(body.decode()))
        except Exception as error:  # noqa: BLE001 - whatever a part fails with, the call learns it
            _put(results, FAILED, f"{type(error).__name__}: {error}".encode())


def _put(results: BinaryIO, kind: bytes, body: bytes) -> None:
    results.write(HEAD.pack(kind, len(body)) + body)
    results.flush()


def _recogniser(grammar: str) -> Callable[[bytes], str]:
    from pocketsphinx import Config, Decoder

    decoder: Any = Decoder(Config(lm=None, loglevel="FATAL", samprate=16_000))
    decoder.add_jsgf_string("calls", grammar)
    decoder.activate_search("calls")

    def recognise(pcm: bytes) -> str:
        decoder.start_utt()
        decoder.process_raw(pcm, False, True)
        decoder.end_utt()
        found = decoder.hyp()
        return found.hypstr if found else ""

    return recognise


def _speaker(synthesizer: str) -> Callable[[str], bytes]:
    if synthesizer == "espeak-ng":
        return _espeak
    from py_nanotts import NanoTTS

    voice: Any = NanoTTS()
    # Louder it clips.
    return lambda text: bytes(voice.speak(text, voice="en-GB", volume=0.3))


@lru_cache(maxsize=64)
def _espeak(text: str) -> bytes:
    command = ["espeak-ng", "--stdout", "--stdin"]
    said = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=_ESPEAK_WITHIN_S).stdout  # noqa: S603
    with wave.open(io.BytesIO(said)) as sound:
        pcm, rate_hz = sound.readframes(len(said)), sound.getframerate()
    from loadstone.reference.voice.sound import resampled

    return resampled(pcm, rate_hz, 16_000)


if __name__ == "__main__":
    main(*sys.argv[1:3])
