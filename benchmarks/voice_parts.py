"""Is the cost of a detector that Loadstone reports the one that a plain loop has? Both in turns, block beside block."""

from __future__ import annotations

import statistics
import sys
from time import perf_counter_ns
from typing import Any

from loadstone.suites.voice.listeners import listen
from loadstone.testing.talk import Talk
from loadstone.voice_parts.named import NAMES, factory_of, missing_for
from loadstone.voice_parts.sound import sentences

ROUNDS, SECONDS = 60, 2.0
LARGEST = 0.05  # difference of the medians that is borne


def compared(part: str) -> tuple[float, float, float]:
    """Median ms for a second of audio, as a measured call tells it and in a plain loop beside it; and the median of their ratios.

    A ratio is of two that ran next to each other: what else the machine does then meets both.
    """
    sound = sentences(SECONDS)
    frames, detector = sound.frames(), factory_of(part, "vad")(sound.rate_hz)
    reported: list[float] = []
    plain: list[float] = []

    async def act(call: Any) -> None:
        for number in range(ROUNDS):
            for measured in (True, False) if number % 2 else (False, True):
                if measured:
                    reply = await call(listen, detector, frames)
                    reported.append(1e3 * reply.service_time_s / sound.seconds)
                else:
                    began = perf_counter_ns()
                    _said = [bool(detector(frame)) for frame in frames]
                    plain.append((perf_counter_ns() - began) / 1e6 / sound.seconds)

    Talk().speak("call", act)
    ratios = [told / beside for told, beside in zip(reported, plain, strict=True)]
    return statistics.median(reported), statistics.median(plain), statistics.median(ratios)


def known() -> list[tuple[str, str]]:
    """The detectors that have a name, each with the command that installs it where it is missing."""
    return [(name, missing_for(name)) for name, named in NAMES.items() if named.kind == "vad"]


def main() -> int:
    """A line for each detector that is installed; 1 when one is off by more than is borne, 4 when there is none."""
    worst, compared_any = 0.0, False
    for part, install in known():
        if install:
            print(f"{part:<12} skipped: {install}")
            continue
        reported, plain, ratio = compared(part)
        compared_any, off = True, ratio - 1
        worst = max(worst, abs(off))
        print(f"{part:<12} reported {reported:7.3f} ms/s   plain loop {plain:7.3f} ms/s   {off:+.1%}")
    return 4 if not compared_any else int(worst > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
