"""The few seconds of speech that come with the package, so that calls can be made without any synthesizer."""

from __future__ import annotations

import json
import zlib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from loadstone.clients.voice.mulaw import decode_samples
from loadstone.errors import UsageError
from loadstone.synth.speech.utterance import Utterance, check_rate, joined

PAUSES_MS = {"taxi_300": 300, "taxi_700": 700, "taxi_1200": 1_200}  # a sentence with a pause for thought, exactly so long
_PARTS = ("taxi", "train")  # of that sentence


def utterance(name: str, rate_hz: int = 16_000) -> Utterance:
    """What ships under this name, at any rate of calls; names are told by `names()`.

    raises: UsageError where nothing has this name
    """
    check_rate(rate_hz)
    if name not in names():
        raise UsageError(f"no utterance is called {name!r}", hint=", ".join(names()))
    return _at(name, rate_hz)


def names() -> tuple[str, ...]:
    """All that ships, shortest first."""
    return tuple(sorted(_shipped(), key=lambda name: len(_shipped()[name].pcm)))


@cache
def _at(name: str, rate_hz: int) -> Utterance:
    return _shipped()[name].at(rate_hz)


@cache
def _shipped() -> dict[str, Utterance]:
    folder = files("loadstone.synth.speech") / "data"
    index: dict[str, Any] = json.loads((folder / "speech.json").read_text(encoding="utf-8"))
    coded = zlib.decompress((folder / "speech.bin").read_bytes())  # mu-law at 16 kHz
    samples = decode_samples(np.frombuffer(coded, np.uint8))
    found = {}
    for row in index["utterances"]:
        pcm = samples[row["start"] : row["start"] + row["samples"]].astype("<i2").tobytes()
        spans = tuple((first, last) for first, last in row["voiced"])
        found[row["name"]] = Utterance(row["name"], pcm, index["rate_hz"], row["text"], spans)
    parts = [found[part] for part in _PARTS]
    return found | {name: joined(name, parts, [pause_ms]) for name, pause_ms in PAUSES_MS.items()}
