"""Detectors of voice activity by packages of others: made with a rate, called with one frame of 20 ms after another."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from loadstone.errors import UsageError


class WebrtcDetector:
    """Says of each frame whether it holds speech; 10, 20 or 30 ms at 8, 16, 32 or 48 kHz.

    mode: 0 lets much pass, 3 little
    """

    def __init__(self, rate_hz: int, mode: int = 2) -> None:
        import webrtcvad

        self._vad, self._rate_hz = webrtcvad.Vad(mode), rate_hz

    def __call__(self, frame: bytes) -> bool:
        """Is there speech in it?"""
        return bool(self._vad.is_speech(frame, self._rate_hz))


class SileroDetector:
    """A small neural network, run by onnxruntime on one thread; frames are gathered to the 32 ms that it wants.

    threshold: probability from which on it is speech
    """

    def __init__(self, rate_hz: int, threshold: float = 0.5) -> None:
        if rate_hz not in {8_000, 16_000}:
            raise UsageError(f"silero knows 8000 and 16000 Hz, not {rate_hz}", where="vad", hint="--rate 16000")
        self._window, self._context_size = (512, 64) if rate_hz == 16_000 else (256, 32)
        self._threshold = threshold
        self._session = _silero_session()
        self._rate = np.array(rate_hz, dtype=np.int64)
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros(self._context_size, dtype=np.float32)
        self._waiting = np.zeros(0, dtype=np.float32)
        self._speech = False

    def __call__(self, frame: bytes) -> bool:
        """Is there speech at its end, as far as whole windows tell?"""
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32) / np.float32(32_768)
        self._waiting = np.concatenate((self._waiting, samples))
        while len(self._waiting) >= self._window:
            window, self._waiting = self._waiting[: self._window], self._waiting[self._window :]
            given = np.concatenate((self._context, window))
            probability, self._state = self._session.run(None, {"input": given[None, :], "state": self._state, "sr": self._rate})
            self._context = given[-self._context_size :]
            self._speech = bool(probability[0, 0] >= self._threshold)
        return self._speech


def _silero_session() -> Any:
    """The network, without importing silero_vad itself, which wants torch."""
    import onnxruntime

    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None
    assert spec.origin is not None
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    return onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
