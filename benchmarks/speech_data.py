"""`python -m benchmarks.speech_data`: makes anew the speech that ships with the package. Needs `pip install py-nanotts==0.1.1`.

py-nanotts is under Apache-2.0, its voices too; what a synthesizer says is not a work of its authors. Two makings differ by
rounding, as the synthesizer keeps state between sentences; edges are taken from the result, and lie beside it.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadstone.clients.voice.mulaw import decode_samples
from loadstone.synth.speech.spoken import nanotts
from loadstone.synth.speech.utterance import Utterance, from_sound

DATA = Path(__file__).parents[1] / "src" / "loadstone" / "synth" / "speech" / "data"
VOICE = "en-GB"
RATE_HZ = 16_000
LARGEST = 300_000  # bytes, packed

TEXTS = {
    "mm_hm": "Mm-hm.",
    "okay": "Okay.",
    "yes": "Yes I do.",
    "no": "No thank you.",
    "wait": "Wait a moment.",
    "taxi": "I need a taxi",
    "train": "and then a train to Milano.",
    "time": "What is the time now?",
    "goodbye": "Thank you. Goodbye.",
    "window": "Open the window in the kitchen now.",
    "coffee": "I would like to order a large coffee.",
    "weather": "Will it rain in Berlin tomorrow?",
    "number": "My number is five five five, one two three four.",
    "hotel": "Good morning. I booked a room for two nights, but I would like to stay until Friday. Is that possible?",
}


def mu_law_bytes(samples: NDArray[np.int16]) -> bytes:
    """The coding that `decode_samples` undoes: the nearest of the 255 levels."""
    levels, codes = np.unique(decode_samples(np.arange(256, dtype=np.uint8)).astype(np.int32), return_index=True)
    places = np.searchsorted((levels[1:] + levels[:-1]) / 2, samples.astype(np.int32))
    return codes[places].astype(np.uint8).tobytes()


def coded(name: str, text: str) -> Utterance:
    """What ships for a text: coded once, so that its edges are those of what comes out."""
    said = from_sound(name, nanotts(text, VOICE), RATE_HZ, text)
    samples = decode_samples(np.frombuffer(mu_law_bytes(said.samples), np.uint8))
    return Utterance(name, samples.tobytes(), RATE_HZ, text, said.voiced)


def main() -> None:
    """Writes data and index, and tells what they hold."""
    rows, data, start = [], b"", 0
    for name, text in TEXTS.items():
        made = coded(name, text)
        rows.append({"name": name, "text": text, "start": start, "samples": len(made.samples), "voiced": made.voiced})
        data += mu_law_bytes(made.samples)
        start += len(made.samples)
        print(f"{name:10}{made.seconds:7.2f} s  peak {np.abs(made.samples).max():6}  voiced {[(a / 16, b / 16) for a, b in made.voiced]}")
    packed = zlib.compress(data, 9)
    if len(packed) > LARGEST:
        raise SystemExit(f"{len(packed)} bytes are more than may ship ({LARGEST}): leave a sentence out")
    DATA.mkdir(exist_ok=True)
    (DATA / "speech.bin").write_bytes(packed)
    index = {
        "rate_hz": RATE_HZ,
        "encoding": "mu-law (ITU-T G.711), zlib",
        "made_with": f"py-nanotts 0.1.1, voice {VOICE}, licence Apache-2.0",
        "made_by": "python -m benchmarks.speech_data",
        "utterances": rows,
    }
    (DATA / "speech.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    print(f"{start / RATE_HZ:.1f} s, {len(packed)} bytes packed")


if __name__ == "__main__":
    main()
