"""A load that is changed while it goes on: real workers, real sockets, controls from another thread."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.judge.notices import NoticeCode
from loadstone.judge.story import Story
from loadstone.judge.verdict import Verdict
from loadstone.load.control import Control, Pause, Resume, Scale, SetRate, SetUsers, Spike, Stop
from loadstone.load.control_desk import ControlDesk
from loadstone.measure.event import Event
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.report.series import SnapshotLog, read_changes, read_snapshots
from loadstone.run import execute, judge_again
from loadstone.store.admission import flaw


class Asking:
    """A sink that asks for something when a second of the run has come; it also keeps what gates say."""

    def __init__(self, desk: ControlDesk, *asked: tuple[float, Control]) -> None:
        self.desk, self.left = desk, list(asked)
        self.verdicts: list[list[str]] = []
        self.events: Sequence[Event] = ()

    def snapshot(self, snapshot: Snapshot) -> None:
        while self.left and snapshot.end_s >= self.left[0][0] - 0.01:
            control = self.left.pop(0)[1]
            thread = threading.Thread(target=self.desk.ask, args=(control, "a test"))
            thread.start()
            thread.join()

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        self.verdicts.append([verdict.status.value for verdict in verdicts])
        self.events = events

    def close(self) -> None:
        """Nothing is open."""


def controlled(
    target: str, profile: dict[str, Any], *asked: tuple[float, Control], asker: type[Asking] = Asking, **settings: Any
) -> tuple[Story, Asking]:
    scenario = {"profile": profile, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": target, "scenarios": {"main": scenario}, **settings})
    desk = ControlDesk()
    asking = asker(desk, *asked)
    story = execute(plan, [asking], desk=desk)
    assert not desk.state.going
    return story, asking


def test_two_workers_change_together_and_the_load_that_was_asked_for_follows(target: str) -> None:
    asked = ((1.0, Scale(2.0)), (2.0, Pause()), (3.0, Resume()))
    story, asking = controlled(target, {"rate": "100/s", "duration": "4s"}, *asked, workers=2, gates=["count(http.errors) <= 0"])
    load = story.result.load
    controls = [event for event in story.events if event.kind == "control"]
    assert [event.text for event in controls] == ["load x 2 (by a test)", "paused (by a test)", "resumed (by a test)"]
    at_s = [event.at_s or 0.0 for event in controls]  # whoever asks may be late
    assert all(at >= wanted for at, (wanted, _) in zip(at_s, asked, strict=True))
    assert load.asked_arrivals == load.arrivals == pytest.approx(100 * at_s[0] + 200 * (4 - at_s[0]), abs=10)
    assert 3.99 < story.result.seconds < 4 + at_s[2] - at_s[1], "a pause is no time under load"
    assert story.trust.load_reached
    assert NoticeCode.LOAD_CHANGED in [notice.code for notice in story.notices]
    assert "changed by hand" in flaw(story)
    assert asking.verdicts[-1] == ["pass"]
    assert len(asking.verdicts) >= 4
    assert [event for event in asking.events if event.kind == "control"] == controls


def test_a_load_that_was_lowered_by_hand_is_not_told_as_unreached(target: str) -> None:
    story, _ = controlled(target, {"rate": "200/s", "duration": "3s"}, (1.0, Scale(0.1)))
    (lowered,) = [event.at_s or 0.0 for event in story.events if event.kind == "control"]
    assert story.result.load.asked_arrivals == story.result.load.arrivals == pytest.approx(200 * lowered + 20 * (3 - lowered), abs=10)
    assert story.trust.load_reached
    assert NoticeCode.LOAD_NOT_REACHED not in [notice.code for notice in story.notices]


def test_a_log_that_is_judged_again_knows_what_was_done_to_the_load(target: str, tmp_path: Path) -> None:
    scenario = {"profile": {"rate": "100/s", "duration": "4s"}, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": target, "scenarios": {"main": scenario}, "gates": ["count(http.errors) <= 0"]})
    desk, log = ControlDesk(), SnapshotLog(tmp_path / "log.jsonl")
    story = execute(plan, [log, Asking(desk, (1.0, Scale(0.2)), (2.0, Pause()), (3.0, Resume()))], desk=desk)
    again = judge_again(plan, read_snapshots(log.path), story.result.started_at, changes=tuple(read_changes(log.path)))
    assert again.result.load == story.result.load
    assert again.verdict == story.verdict
    assert again.result.workers == story.result.workers == 1
    assert again.trust.load_reached
    changed = [event for event in again.events if event.kind == "control"]
    assert changed == [event for event in story.events if event.kind == "control"]
    assert len(changed) == 3
    assert NoticeCode.LOAD_CHANGED in [notice.code for notice in again.notices]
    blind = judge_again(plan, read_snapshots(log.path), story.result.started_at)
    assert not blind.trust.load_reached, "without them a lowered load is one that was not reached"


def test_users_are_set_and_the_run_is_stopped_gracefully(target: str) -> None:
    class Stopping(Asking):
        def snapshot(self, snapshot: Snapshot) -> None:
            if sum(gauge.last for series, gauge in snapshot.gauges.items() if series.metric == "load.users") == 6:
                super().snapshot(snapshot)
            elif len(self.left) == 2:
                self.desk.ask(self.left.pop(0)[1])

    story, _ = controlled(target, {"users": 2, "duration": "1h"}, (0.0, SetUsers(6)), (0.0, Stop()), asker=Stopping, workers=2)
    assert story.result.load.users == 6
    assert story.result.interrupted


def test_a_desk_refuses_what_cannot_be(target: str) -> None:
    desk = ControlDesk()
    with pytest.raises(UsageError, match="no load is being made"):
        desk.ask(Pause())
    refused: list[str] = []

    class Trying(Asking):
        def snapshot(self, snapshot: Snapshot) -> None:
            assert snapshot.end_s > 0
            for control in (Resume(), SetUsers(3), Scale(2.0, "nobody")):
                try:
                    self.desk.ask(control)
                except UsageError as error:
                    refused.append(error.what)

    plan = Plan.model_validate(
        {"target": target, "scenarios": {"main": {"profile": {"rate": "5/s", "duration": "1s"}, "steps": [{"get": "/"}]}}}
    )
    story = execute(plan, [Trying(desk)], desk=desk)
    assert refused[:3] == ["the run is not paused", "no scenario asks for a number of users", "there is no scenario 'nobody'"]
    assert not [event for event in story.events if event.kind == "control"]


@pytest.mark.parametrize(
    "make", [lambda: Scale(0.0), lambda: Scale(float("nan")), lambda: Spike(2.0, -1.0), lambda: SetRate(float("inf")), lambda: SetUsers(0)]
)
def test_numbers_that_cannot_be_meant_are_refused_when_they_are_written(make: Any) -> None:
    with pytest.raises(UsageError):
        make()
