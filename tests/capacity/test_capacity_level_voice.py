"""A level in which the caller itself was late says nothing of the agent: it is not taken for one without data."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from loadstone.judge import capacity_level
from loadstone.judge.capacity_level import Others, judge_level
from loadstone.judge.capacity_search import Answer


@pytest.mark.parametrize(
    ("late", "crowd", "answer"),
    [("frames were late", "", Answer.OWN_LIMIT), ("frames were late", "others used 1.3 of 2", Answer.HOST_BUSY), ("", "", Answer.NO_DATA)],
)
def test_late_frames_are_the_callers_or_the_machines_fault(monkeypatch: pytest.MonkeyPatch, late: str, crowd: str, answer: Answer) -> None:
    monkeypatch.setattr(capacity_level, "_own_fault", lambda _story: late)
    total: Any = SimpleNamespace(distribution=lambda _name: None)
    result = SimpleNamespace(load=SimpleNamespace(requests=10, errors=0), seconds=5.0, aborted_by="", total=total)
    story: Any = SimpleNamespace(result=result, verdicts=[])
    ask: Any = SimpleNamespace(load=4.0, purpose=None, seconds=5.0)
    level = judge_level(ask, story, [], [], Others(crowded=crowd))
    assert level.seen.answer is answer
    assert late in level.reason
