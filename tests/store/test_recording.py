"""The sink that keeps a run: begun, finished, entered; and a store that fails costs no verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadstone.errors import StoreError
from loadstone.judge.score import EXIT_CODES, Decision
from loadstone.judge.story import Story
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.earlier import Earlier
from loadstone.measure.sink import Watched
from loadstone.plan.gate_text import GateSpec
from loadstone.plan.model import Plan
from loadstone.report.json import render_json
from loadstone.report.told import Told
from loadstone.store.recording import Recording
from loadstone.store.rows import Policy
from loadstone.store.sqlite import SqliteStore
from loadstone.testing.conformance import TREE, SinkConformance, odd_seconds
from loadstone.testing.samples import make_snapshot, make_story

PLAN = Plan.model_validate({**TREE, "http": {"auth": {"bearer": "s3cret"}}, "tags": {"site": "ci"}})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(f"sqlite:///{tmp_path / 'runs.db'}")
    yield store
    store.close()


class TestStoreSink(SinkConformance):
    @pytest.fixture(autouse=True)
    def _released(self, tmp_path: Path) -> Iterator[None]:
        self.folder, self.made = tmp_path, list[Recording]()
        yield
        for recording in self.made:
            recording.release()

    def make(self, watched: Watched) -> Recording:
        self.made.append(Recording.at(f"sqlite:///{self.folder}/runs.db", watched.plan, keep_seconds=True))
        return self.made[-1]


def test_a_run_is_unfinished_from_its_first_second_and_whole_at_its_end(store: SqliteStore) -> None:
    recording = Recording(store, PLAN)
    assert store.runs() == []
    recording.snapshot(make_snapshot(0))
    (begun,) = store.runs()
    assert not begun.finished
    assert begun.tags == {"site": "ci"}
    for seq in range(1, 10):
        recording.snapshot(make_snapshot(seq))
    story = make_story()
    assert recording.finish(story, render_json(Told.of(story))) == begun.id
    run = store.load(begun.id)
    assert (run.row.verdict, run.row.exit_code, run.row.cpu) == ("pass", 0, "Example CPU")
    assert run.totals.count("http.requests") == sum(section.count("http.requests") or 0 for section in run.sections) == 1000
    assert recording.failure == ""


def test_secrets_do_not_reach_the_store(store: SqliteStore, tmp_path: Path) -> None:
    recording = Recording(store, PLAN, keep_seconds=True)
    recording.snapshot(make_snapshot(0))
    story = make_story()
    run_id = recording.finish(story, render_json(Told.of(story)))
    assert "**********" in store.parts(run_id).plan_json
    assert all(b"s3cret" not in path.read_bytes() for path in tmp_path.iterdir())


def test_seconds_are_kept_when_asked_for(store: SqliteStore) -> None:
    recording = Recording(store, PLAN, keep_seconds=True)
    for snapshot in odd_seconds():
        recording.snapshot(snapshot)
    assert [second.seq for second in store.parts(recording.run_id).seconds] == [each.seq for each in odd_seconds()]


def test_seconds_wait_while_the_store_is_locked(store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.store.recording.WAIT_S", 0.01)
    other = SqliteStore(f"sqlite:///{tmp_path / 'runs.db'}")
    recording = Recording(store, PLAN, keep_seconds=True)
    recording.snapshot(make_snapshot(0))
    with other.database.transaction():
        recording.snapshot(make_snapshot(1))
    other.close()
    assert len(store.parts(recording.run_id).seconds) == 1
    recording.snapshot(make_snapshot(2))
    assert [second.seq for second in store.parts(recording.run_id).seconds] == [0, 1, 2]
    story = make_story()
    recording.finish(story, render_json(Told.of(story)))
    assert recording.failure == ""


def test_seconds_that_could_wait_no_longer_are_told(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadstone.store.recording.MOST_HELD", 2)
    append = store.append

    def full(*_given: object) -> None:
        raise StoreError("there is no room for it on the disk")

    recording = Recording(store, PLAN, keep_seconds=True)
    monkeypatch.setattr(store, "append", full)
    for seq in range(6):
        recording.snapshot(make_snapshot(seq))
    monkeypatch.setattr(store, "append", append)
    story = make_story()
    assert recording.finish(story, render_json(Told.of(story))) == recording.run_id
    assert [second.seq for second in store.parts(recording.run_id).seconds] == [3, 4, 5]
    assert "3 of its seconds are left out" in recording.failure


def test_a_store_that_fails_is_told_and_raises_nothing(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> None:
        raise StoreError("there is no room for it on the disk")

    recording = Recording(store, PLAN, keep_seconds=True)
    monkeypatch.setattr(store, "append", full)
    monkeypatch.setattr(store, "finish", full)
    recording.snapshot(make_snapshot(0))
    story = make_story()
    assert recording.finish(story, render_json(Told.of(story))) == ""
    assert "no room" in recording.failure
    assert not store.runs()[0].finished


def test_a_store_that_cannot_be_opened_is_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"not a database" * 100)
    recording = Recording.at(f"sqlite:///{tmp_path / 'runs.db'}", PLAN)
    recording.snapshot(make_snapshot(0))
    story = make_story()
    assert recording.finish(story, render_json(Told.of(story))) == ""
    assert "is damaged" in recording.failure


def test_only_a_run_that_passed_enters_a_baseline_by_itself(store: SqliteStore) -> None:
    store.make_baseline("main", Policy())
    for gates, entered in ((("count(http.requests) > 1",), True), (("count(http.requests) < 1",), False)):
        recording, story = Recording(store, PLAN), make_story(gates=gates)
        recording.finish(story, render_json(Told.of(story)))
        assert (recording.enter("main", render_json(Told.of(story))) == "") is entered
    (member,) = store.baseline("main").members
    assert member.figures["success_rate"] == 1.0
    assert member.source == "by itself"


def judged_by(status: Status, *, collecting: bool = False) -> Story:
    gate = GateSpec.in_code("regression", "regression(p95(http.response_time)) < 10%", name="regression_check")
    verdict = Verdict(gate, status, 40.0, 10.0, "%", 20, "worse, major than baseline main", collecting=collecting)
    decision = Decision.FAIL if status is Status.FAIL else Decision.INCONCLUSIVE
    story = make_story()
    return replace(story, verdicts=(*story.verdicts, verdict), verdict=decision, exit_code=EXIT_CODES[decision])


def finished(store: SqliteStore, story: Story) -> tuple[Recording, bytes]:
    recording, document = Recording(store, PLAN), render_json(Told.of(story))
    recording.snapshot(make_snapshot(0))
    assert recording.finish(story, document)
    return recording, document


def test_a_run_that_is_worse_than_its_baseline_is_flagged_and_does_not_enter(store: SqliteStore) -> None:
    store.make_baseline("main", Policy())
    recording, document = finished(store, judged_by(Status.FAIL))
    assert "regression_check: worse, major" in store.run(recording.run_id).flagged
    assert recording.enter("main", document)
    assert store.baseline("main").run_ids == []


def test_a_run_that_only_waits_for_more_runs_enters_and_is_not_flagged(store: SqliteStore) -> None:
    store.make_baseline("main", Policy(per_machine=False))
    recording, document = finished(store, judged_by(Status.NO_DATA, collecting=True))
    assert store.run(recording.run_id).flagged == ""
    assert recording.enter("main", document) == ""
    assert store.baseline("main").run_ids == [recording.run_id]


def test_a_failed_gate_that_compares_nothing_flags_nothing(store: SqliteStore) -> None:
    recording, _ = finished(store, make_story(gates=["count(http.requests) < 1"]))
    assert store.run(recording.run_id).flagged == ""


def test_a_run_that_went_on_is_kept_with_the_seconds_of_both_its_parts(store: SqliteStore) -> None:
    before, after = [make_snapshot(seq) for seq in range(4)], [replace(make_snapshot(seq), seq=seq - 4) for seq in range(4, 10)]
    log = [*before]
    started_at = datetime(2026, 1, 1, tzinfo=UTC)
    earlier = Earlier.of(lambda: iter(log), started_at, (), started_at)
    recording = Recording(store, PLAN, keep_seconds=True, earlier=earlier)
    for snapshot in after:
        recording.snapshot(snapshot)
        log.append(snapshot)  # the log goes on while the run does
    assert [row.started_at for row in store.runs()] == [started_at]
    story = make_story()
    run_id = recording.finish(story, render_json(Told.of(story)))
    run = store.load(run_id)
    assert sum(section.count("http.requests") or 0 for section in run.sections) == 1000
    assert [second.start_s for second in store.parts(run_id).seconds] == [float(seq) for seq in range(10)]
