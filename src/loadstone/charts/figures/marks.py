"""Phases that are shaded and events that are marked, in every chart over time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from loadstone.charts.figures.recorded import Recorded
from loadstone.measure.snapshot import PAUSED, SETTLE, WARM_UP, WIND_DOWN

PHASES = {WARM_UP: "warm-up", WIND_DOWN: "wind-down", SETTLE: "rest", PAUSED: "paused"}
_BAD = frozenset({"alert", "ended early"})
_FAILED = re.compile("fail", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shade:
    """A part of the run that is not plain load; a recovery is marked at the upper edge alone."""

    from_s: float
    to_s: float
    name: str
    kind: Literal["phase", "spike", "recovery"] = "phase"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened."""

    at_s: float
    text: str
    bad: bool


def shades(recorded: Recorded) -> list[Shade]:
    """Phases, then spikes and their recoveries."""
    found: list[tuple[str, float, float]] = []
    for each in recorded.stretches:
        if found and found[-1][0] == each.phase and each.start_s - found[-1][2] < 2:
            found[-1] = (each.phase, found[-1][1], each.end_s)
        else:
            found.append((each.phase, each.start_s, each.end_s))
    shaded = [Shade(from_s, to_s, PHASES[phase]) for phase, from_s, to_s in found if phase in PHASES]
    for spike in recorded.document.get("recovery") or ():
        shaded.append(Shade(spike["began_s"], spike["ended_s"], "spike", "spike"))
        if spike["recovery_s"]:
            shaded.append(Shade(spike["ended_s"], spike["ended_s"] + spike["recovery_s"], "recovery", "recovery"))
    return shaded


def marks(recorded: Recorded) -> list[Mark]:
    """Events of the run (phases are shaded already) and gates as they failed, in order of time."""
    events = [each for each in recorded.document.get("events") or () if each["at_s"] is not None]
    found = [
        Mark(each["at_s"], f"{each['kind']}: {each['text']}", each["kind"] in _BAD or _FAILED.search(each["text"]) is not None)
        for each in events
        if each["kind"] != "phase"
    ]
    told = {each["at_s"] for each in events if each["kind"] == "gate"}
    found += [
        Mark(each["at_s"], f"gate failed: {each['gate']}", bad=True)
        for each in recorded.document.get("gates") or ()
        if each["at_s"] is not None and each["status"] == "fail" and each["at_s"] not in told
    ]
    return sorted(found, key=lambda mark: mark.at_s)
