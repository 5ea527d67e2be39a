"""`python -m loadstone.reference.voice.worker`: a process that recognises and synthesizes, job by job, until its input ends.

A process, because both hold the interpreter's lock for up to a tenth of a second, in which the backend could send no frame.
A job and its result are a kind (one byte), a length (four bytes, big-endian) and as many bytes. What a part needs is loaded by its
first job, except what the real agent needs unless it is told otherwise.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, BinaryIO

from loadstone.reference.voice import whisper

HEAD = struct.Struct("!cI")
RECOGNISE, WHISPER, SYNTHESIZE, ESPEAK, DONE, FAILED = b"R", b"W", b"S", b"E", b"D", b"F"
MAKE_READY = frozenset({RECOGNISE, SYNTHESIZE})
_ESPEAK_WITHIN_S = 30


def main(grammar: str, synthesizer: str) -> None:
    """Serve jobs on standard input and output; what libraries print goes to standard error."""
    jobs, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    parts = _parts(grammar, synthesizer)
    for kind in MAKE_READY:
        with contextlib.suppress(Exception):  # whoever asks for it is told
            parts(kind)
    while len(head := jobs.read(HEAD.size)) == HEAD.size:
        kind, size = HEAD.unpack(head)
        body = jobs.read(size)
        try:
            _put(results, DONE, parts(kind)(body))
        except Exception as error:  # noqa: BLE001 - whatever a part fails with, the call learns it
            _put(results, FAILED, f"{type(error).__name__}: {error}".encode())


def _put(results: BinaryIO, kind: bytes, body: bytes) -> None:
    results.write(HEAD.pack(kind, len(body)) + body)
    results.flush()


def _parts(grammar: str, synthesizer: str) -> Callable[[bytes], Callable[[bytes], bytes]]:
    """What does a job of that kind; made once, by the first that asks."""

    @cache
    def part(kind: bytes) -> Callable[[bytes], bytes]:
        if kind in {RECOGNISE, WHISPER}:
            recognise = _recogniser(grammar) if kind == RECOGNISE else whisper.recogniser()
            return lambda pcm: recognise(pcm).encode()
        speak = _speaker("espeak-ng" if kind == ESPEAK else synthesizer)
        return lambda text: speak(text.decode())

    return part


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
