"""Speech of any length from what ships: sentences in an order drawn by a seed, pauses between them exactly known."""

from __future__ import annotations

import random

from loadstone.synth.speech.shipped import PAUSES_MS, names, utterance
from loadstone.synth.speech.utterance import Utterance

SHORTEST_PAUSE_MS = 200
LONGEST_PAUSE_MS = 1_200
_LONGEST_S = 3_600


def generated(seed: int, seconds: float, rate_hz: int = 16_000) -> Utterance:
    """So many seconds of speech; the same seed gives the same words and edges at every rate. No word is ever cut.

    Where no sentence fits any more, the rest is silence; in less than half a second there may be no word at all.
    """
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(f"seconds of speech between 0 and {_LONGEST_S} were meant, not {seconds:g}")
    draw = random.Random(seed)
    per_ms, total_ms, at_ms = rate_hz // 1_000, round(seconds * 1_000), 0
    pieces, texts, spans = list[bytes](), list[str](), list[tuple[int, int]]()
    sentences = {name: utterance(name, rate_hz) for name in names() if name not in PAUSES_MS}
    lasts_ms = {name: len(said.pcm) // 2 // per_ms for name, said in sentences.items()}
    while fitting := [name for name in sentences if at_ms + lasts_ms[name] <= total_ms]:
        name = draw.choice(fitting)
        said, pause_ms = sentences[name], draw.randint(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS)
        spans += [(first + at_ms * per_ms, last + at_ms * per_ms) for first, last in said.voiced]
        texts.append(said.text)
        pieces += [said.pcm, bytes(2 * pause_ms * per_ms)]
        at_ms += lasts_ms[name] + pause_ms
    size = 2 * total_ms * per_ms
    return Utterance(f"generated_{seed}", b"".join(pieces)[:size].ljust(size, b"\0"), rate_hz, " ".join(texts), tuple(spans))
