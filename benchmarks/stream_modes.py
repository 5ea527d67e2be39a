"""Streams that other clients mistake for something else: is each shown as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from benchmarks import ours
from benchmarks.figures import Bound, Figure
from benchmarks.processes import Failed
from benchmarks.rounds import Options, attempt
from benchmarks.servers.streams import Schedule, tokens

STREAMS = 16
ANSWERS = 80  # the floor of a median is far below; 20 % of it is a whole number
FREEZE_MS = 500.0


@dataclass(frozen=True, slots=True)
class Mode:
    """A kind of stream and what a client must say of it.

    medians: metric to its true p50, in ms
    counts:  metric to its true count
    """

    name: str
    schedule: Schedule
    medians: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)
    errors: int = 0


MODES = (
    Mode(
        f"one freeze of {FREEZE_MS:.0f} ms",
        Schedule(freeze_ms=FREEZE_MS, freeze_at=32),
        {"llm.longest_gap": FREEZE_MS + 10, "llm.token_gap": 10, "llm.ttft": 50, "llm.tpot": 10 + FREEZE_MS / 63},
        {"llm.stalls": ANSWERS},
    ),
    Mode("4 tokens per chunk", Schedule(per_chunk=4), {"llm.chunk_gap": 40, "llm.tpot": 10, "llm.ttft": 50, "llm.longest_gap": 40}),
    Mode("16 reasoning tokens first", Schedule(reasoning=16), {"llm.ttft_any": 50, "llm.ttft": 210, "llm.token_gap": 10}),
    Mode("role-only first chunk", Schedule(role=True), {"llm.first_byte": 0, "llm.ttft": 50, "llm.tpot": 10, "llm.token_gap": 10}),
    Mode("20 % errors", Schedule(errors=0.2), {"llm.ttft": 50, "llm.tpot": 10}, errors=ANSWERS // 5),
)


def modes(options: Options) -> Iterator[Figure]:
    """One row a kind: the largest error of the medians; a wrong count is no measurement, it is said."""
    for mode in MODES:
        figure = Figure(f"{mode.name}, shown as what it is: off by", "ms", Bound(most=1))
        for _ in range(min(options.rounds, 2)):
            figure.add(attempt(partial(largest_error, mode)))
        yield figure


def largest_error(mode: Mode) -> float:
    """Of the medians, in ms; fails when a count is wrong."""
    with tokens(mode.schedule) as server:
        result = ours.llm(server.url, "-c", str(STREAMS), "-n", str(ANSWERS), seconds=10)
    return judged(mode, result)


def judged(mode: Mode, result: ours.Result) -> float:
    """The largest error of the medians in ms, when every count is right."""
    counts = {"load.requests": float(ANSWERS), "load.errors": float(mode.errors)}
    counts |= {f"metrics/{name}/count": float(count) for name, count in mode.counts.items()}
    for path, true in counts.items():
        if (said := result.number(path)) != true:
            raise Failed(f"{mode.name}: {path} is {said:g}, the truth is {true:g}")
    return max(abs(result.number(f"metrics/{name}/p50") - true) for name, true in mode.medians.items())
