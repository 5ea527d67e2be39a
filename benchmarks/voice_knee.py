"""Where the real reference agent bends: how many calls at once hear p95 of their answers within a second, searched for twice.

The command has one core, the agent with all its parts the other. `python -m benchmarks voice_knee`: 8 minutes at most.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import Missing
from benchmarks.figures import Bound, Figure
from benchmarks.ours import PROGRAM, last_words
from benchmarks.processes import Failed, run
from benchmarks.rounds import Options, Outcome, attempt
from benchmarks.voice import own_oracle
from loadstone.reference.voice import parts

SEARCHES, APART = 2, 0.15
SEARCH_S, QUICK_S, LEVEL_S = 230, 70, 16
FIRST = 4  # calls
# Answers need not be heard out: the more turns a level has, the less chance there is in its percentile.
PLAN = """
target: {target}
allow_few: true
voice: {{protocol: pcm, rate: 16000, ramp: 2s}}
scenarios:
  callers:
    profile: {{kind: constant-users, users: 4, duration: 20s}}
    steps:
      - name: a call
        voice: {{path: "/voice/agent/pcm", script: [{{speak: time}}, {{hang_up: {{after: 200ms}}}}]}}
gates:
  - p95(voice.response_gap) <= 1s
  - rate(voice.call_errors) < 5%
  - rate(voice.dead_turn) < 5%
"""


@dataclass(frozen=True, slots=True)
class Search:
    """One answer, and the levels that it rests on.

    calls: the middle of the interval from `low` to `high`
    """

    calls: float
    low: float
    high: float
    levels: tuple[dict[str, Any], ...]


def search(target: str, seconds: int) -> Search:
    """`loadstone capacity` on a plan of calls; raises Failed where it gives no number."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "calls.yaml"
        file.write_text(PLAN.format(target=target), "utf-8")
        flags = [
            "--by",
            "users",
            "--start",
            str(FIRST),
            "--max-time",
            f"{seconds}s",
            "--level-time",
            f"{LEVEL_S}s",
            "--no-step-down",
            "--json",
        ]
        done = run([*PROGRAM, "capacity", str(file), *flags], limit_s=seconds + 90)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"loadstone capacity ended with {done.code}: {last_words(done)}") from None
    show(document["levels"])
    if document["capacity"] is None:
        why = document["ended"] or "; ".join(document["remarks"]) or (document["levels"] or [{}])[-1].get("reason")
        raise Failed(f"no knee: {document['outcome']}: {why}")
    return Search(
        document["capacity"], document["low"] or document["capacity"], document["high"] or document["capacity"], tuple(document["levels"])
    )


def show(levels: list[dict[str, Any]]) -> None:
    """The curve, as a table for the documentation."""
    _say("| calls | answers heard | p50 | p95 | |\n  |---|---|---|---|---|")
    for level in sorted(levels, key=lambda each: float(each["load"])):
        _say(f"| {level['load']:g} | {level['samples']} | {_ms(level['p50'])} | {_ms(level['p95'])} | {level['answer']} |")


def apart(found: list[float]) -> float:
    """By what share of their mean two answers differ."""
    return (max(found) - min(found)) / (sum(found) / len(found))


def measure(options: Options) -> list[Figure]:
    """The knee, and by how much its two answers differ."""
    knee = Figure("knee of the real agent: calls at once with p95 of the response gap <= 1 s", "calls", Bound(least=1))
    twice = Figure("the same, found twice: apart by", "of their mean", Bound(most=APART))
    seconds = QUICK_S if options.seconds < 5 else SEARCH_S
    for number in range(SEARCHES):
        found = attempt(lambda: _once(seconds))
        knee.add(found.map(lambda each: each.calls))
        if found.value is not None:
            _say(f"search {number + 1}: {found.value.calls:g} calls ({found.value.low:g} to {found.value.high:g})")
    missing = knee.missing or "one answer only"
    twice.add(Outcome(apart(knee.rounds)) if len(knee.rounds) == SEARCHES else Outcome(None, missing))
    return [knee, twice]


def _once(seconds: int) -> Search:
    if absent := parts.missing():
        raise Missing(f"the real agent misses {', '.join(absent)}: {parts.INSTALL}")
    with own_oracle() as agent:
        # What it hears and speaks with is loaded by its first call, which is nobody's measurement.
        run([*PROGRAM, "voice", f"{agent.url.replace('http', 'ws', 1)}/voice/agent/pcm", "-c", "1", "-d", "4s", "--quiet"], limit_s=60)
        return search(agent.url, seconds)


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} ms"


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
