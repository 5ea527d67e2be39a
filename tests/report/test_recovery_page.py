"""Spikes on the page and in the document."""

import math
from dataclasses import replace

from loadstone.judge.recovery import Recovery
from loadstone.judge.scaling import Scaling
from loadstone.report.telling import document_of
from loadstone.report.text import render_text
from loadstone.testing.samples import make_story

SPIKES = (Recovery(60.0, 90.0, 12.0, 10.0), Recovery(200.0, 230.0, math.inf, 100.0))
SCALED = Scaling(before=1, most=9, enough=8, reacted_s=15.5, scaled_s=None, overshoot=1, undershoot=0)


def test_a_run_without_a_spike_has_no_such_block() -> None:
    assert "RECOVERY" not in render_text(make_story())
    assert document_of(make_story()).recovery == []


def test_each_spike_has_a_row_and_one_without_recovery_says_so() -> None:
    page = render_text(replace(make_story(), recoveries=SPIKES))
    rows = page.split("RECOVERY")[1].splitlines()[1:4]
    assert rows[0].split() == ["spike", "at", "lasted", "load", "recovery"]
    assert "10×" in rows[1]
    assert "12 s" in rows[1]
    assert rows[2].rstrip().endswith("not back")
    assert [each.recovery_s for each in document_of(replace(make_story(), recoveries=SPIKES)).recovery] == [12.0, None]


def test_what_the_instances_did_stands_beside_it() -> None:
    story = replace(make_story(), recoveries=SPIKES, scalings=(SCALED, None))
    page = render_text(story)
    assert "1 → 9" in page
    assert "never" in page
    first, second = document_of(story).recovery
    assert (first.reacted_s, first.scaled_s, first.overshoot, first.undershoot) == (15.5, None, 1, 0)
    assert second.instances_before is None
