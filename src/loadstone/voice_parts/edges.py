"""How late a detector hears that somebody begins, and that somebody has ended, against edges that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadstone.voice_parts.sound import FRAME_MS

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Edges:
    """Delays in ms, one for each stretch that was heard.

    onset:  from the first sample that can be heard to the end of the first frame that is called speech
    tail:   from the last sample that can be heard to the end of the last frame that is called speech; below zero when it ended too early
    missed: stretches in which no frame was called speech
    false:  frames called speech that touch no stretch, nor its tail
    """

    onset_ms: tuple[float, ...]
    tail_ms: tuple[float, ...]
    missed: int
    false: int


def edges(said: Sequence[bool], voiced: Spans, rate_hz: int, frame_ms: int = FRAME_MS) -> Edges:
    """Compare what a detector said of each frame with the stretches that can be heard.

    A stretch owns the frames from its beginning to the beginning of the next one.
    """
    onset, tail, missed = [], [], 0
    starts = [1_000 * first / rate_hz for first, _ in voiced]
    ends = [1_000 * last / rate_hz for _, last in voiced]
    lasts = len(said) * frame_ms
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        until = starts[number + 1] if number + 1 < len(starts) else lasts
        first_frame, past = int(start // frame_ms), max(int(until // frame_ms), int(end // frame_ms))
        heard = [index for index in range(first_frame, min(past, len(said))) if said[index]]
        if not heard or heard[0] * frame_ms > end:
            missed += 1
            continue
        onset.append((heard[0] + 1) * frame_ms - start)
        tail.append((_run_end(said, heard, end, frame_ms) + 1) * frame_ms - end)
    before = int(starts[0] // frame_ms) if starts else len(said)
    return Edges(tuple(onset), tuple(tail), missed, sum(said[:before]))


def _run_end(said: Sequence[bool], heard: Sequence[int], end_ms: float, frame_ms: int) -> int:
    """The last frame of the run that reaches over the end; what begins anew after a gap is another run."""
    last = max((index for index in heard if index * frame_ms < end_ms), default=heard[0])
    while last + 1 < len(said) and said[last + 1] and last + 1 in heard:
        last += 1
    return last
