"""The file of cut-offs against delay: a line for each setting of a detector, and for each of an agent's calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from loadstone.measure.snapshot import Series, Snapshot
from loadstone.suites.voice.files import TAKING_TURNS, turn_taking_text
from loadstone.suites.voice.live import HESITATION


def file_of(counts: dict[Series, int]) -> list[list[str]] | None:
    evidence: Any = SimpleNamespace(stretches=[Snapshot(0, 0.0, 1.0, True, "", counts=counts)])
    made = turn_taking_text(evidence)
    return None if made is None else [line.split("\t") for line in made.decode().splitlines()]


def test_each_patience_of_a_detector_and_each_pause_of_hesitant_callers_has_a_line_with_its_interval() -> None:
    detector = (("part", "pause"), ("patience", "+0 ms"), ("scenario", "turns pause"))
    calls = (("scenario", HESITATION), ("step", "agent: pause 700 ms"))
    other = (("scenario", "calls"), ("step", "a call"))
    lines = file_of(
        {
            Series("parts.pauses", detector): 100,
            Series("parts.cut_offs", detector): 50,
            Series("voice.turns", calls): 4,
            Series("voice.early_cut", calls): 4,
            Series("voice.turns", other): 9,
        }
    )
    assert lines is not None
    assert "\t".join(lines[0]) == TAKING_TURNS
    assert lines[1][:5] == ["pause", "+0 ms", "100", "50", "0.500"]
    assert 0.3 < float(lines[1][5]) < 0.5 < float(lines[1][6]) < 0.7
    assert lines[2][:5] == [HESITATION, "agent: pause 700 ms", "4", "4", "1.000"]
    assert lines[2][7:] == ["-", "-"]
    assert len(lines) == 3


def test_a_run_in_which_nobody_paused_has_no_such_file() -> None:
    assert file_of({Series("voice.turns", (("scenario", "calls"),)): 9}) is None
