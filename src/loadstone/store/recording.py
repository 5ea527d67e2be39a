"""The sink `store`: a run is begun in the store with its first second, and finished with its judgement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from loadstone.errors import StoreError
from loadstone.judge.story import Story
from loadstone.measure.earlier import Earlier
from loadstone.measure.event import Event
from loadstone.measure.packing import pack
from loadstone.measure.sections import Sections
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.measure.timeline import Timeline, at_most
from loadstone.plan.model import Plan
from loadstone.probes.provenance import own_version
from loadstone.probes.surroundings import load_of_others, surroundings
from loadstone.store.admission import figures_of, flaw, refusal
from loadstone.store.location import chosen_url
from loadstone.store.rows import Packed, RunParts, RunRow
from loadstone.store.run_rows import new_id
from loadstone.store.schema import changes_hash, work_hash
from loadstone.store.store import Store

# While a run goes on, nobody is kept waiting for another process's lock; at its end there is time.
WAIT_S, WAIT_AT_END_S = 0.2, 15.0
MOST_WITH_SECONDS = 20  # runs; the oldest ones' seconds go
MOST_STRETCHES = 120  # of a whole run; twice as many would double what a store takes
MOST_HELD = 600  # seconds that wait in memory while the store cannot be written


def store_sink(watched: Watched) -> Recording:
    """The sink `store`: into the store that the environment names, or the nearest one; keeps each second."""
    return Recording.at(chosen_url()[0] or "", watched.plan, watched.duration_s, keep_seconds=True, earlier=watched.earlier)


class Recording:
    """Keeps one run. A store that fails must not end a run, or cost its verdict: what failed is told in `failure`.

    store:   None: nothing can be kept; the reason is in `failure`
    earlier: the part that was made before, of a run that goes on: kept as the run's own
    timeline: the whole run over time, the earlier part included, which somebody else feeds; None: it has one of its own
    run_id: empty until the store has taken the run in
    unkept: the finished run, when the store did not take it: for `store.rescue`
    """

    def __init__(
        self,
        store: Store | None,
        plan: Plan,
        duration_s: float | None = None,
        *,
        keep_seconds: bool = False,
        earlier: Earlier | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.failure = ""
        self.run_id = ""
        self.unkept: tuple[RunRow, RunParts] | None = None
        self._store, self._plan, self._keep_seconds = store, plan, keep_seconds
        self._plan_json = plan.model_dump_json()
        self._sections = Sections(duration_s)
        self._timeline = timeline if timeline is not None else Timeline.after(earlier)
        self._fed = timeline is not None
        self._others = load_of_others()
        self._row: RunRow | None = None
        self._held: list[Packed] = []
        self._left_out = 0  # seconds that could wait no longer
        self._earlier = earlier
        self._before = 0  # seconds of the earlier part; those of now are numbered after them
        for snapshot in earlier.seconds() if earlier is not None else ():
            self._before += 1
            self._sections.add(snapshot)

    @classmethod
    def at(
        cls,
        url: str,
        plan: Plan,
        duration_s: float | None = None,
        *,
        keep_seconds: bool = False,
        earlier: Earlier | None = None,
        timeline: Timeline | None = None,
    ) -> Recording:
        """Into the store at an address; one that cannot be opened is told at the end."""
        try:
            store = Store.open(url) if url else None
        except StoreError as error:
            store, failure = None, str(error)
        else:
            failure = ""
        recording = cls(store, plan, duration_s, keep_seconds=keep_seconds, earlier=earlier, timeline=timeline)
        recording.failure = failure
        return recording

    def snapshot(self, snapshot: Snapshot) -> None:
        """See Sink."""
        self._sections.add(snapshot)
        if not self._fed:
            self._timeline.snapshot(snapshot)
        if self._keep_seconds:
            self._left_out += len(self._held[:-MOST_HELD])
            self._held = [*self._held[-MOST_HELD:], _packed(self._before + snapshot.seq, snapshot)]
        store = self._store
        if store is None:
            return
        self._try(lambda: store.wait(WAIT_S))
        if self._begun(snapshot.end_s):
            self._flush()

    def finish(self, story: Story, document: bytes) -> str:
        """Everything, with the judgement; gives the run's id, empty when it could not be kept.

        document: the JSON report
        """
        parts = self._parts(story, document)
        store, began_at = self._store, story.result.started_at
        if store is not None:
            self._try(lambda: store.wait(WAIT_AT_END_S))
        if store is None or not self._begun(story.result.seconds):
            begun = begun_row(self._plan, self._plan_json, began_at, self._others)
            self._leave(finished_row(replace(begun, id=new_id(began_at)), story), parts)
            return ""
        assert self._row is not None
        row = finished_row(self._row, story)
        self._flush()
        if self._keep_seconds:  # not before the end: there may be thousands, and now there is time
            self._held = [*self._held, *self._from_earlier()]
            self._flush()
        self.failure = ""
        if not self._try(lambda: store.finish(row, parts)):
            self._leave(row, parts)
            return ""
        if self._keep_seconds:
            self._try(lambda: store.drop_seconds(store.with_seconds()[:-MOST_WITH_SECONDS]))
        if self._left_out:
            self.failure = f"{self._left_out} of its seconds are left out: the store was not to be written for more than {MOST_HELD} s"
        self._row = row
        return row.id

    def enter(self, baseline: str, document: bytes) -> str:
        """Put the finished run into a baseline by itself; gives why it was not, empty when it was."""
        if self._store is None or self._row is None or not self._row.finished:
            return self.failure or "the run is not kept"
        told = json.loads(document)
        if reason := refusal(self._row, told):
            return reason
        store, row = self._store, self._row
        figures = figures_of(told)
        return "" if self._try(lambda: store.add_member(baseline, row.id, figures, source="by itself")) else self.failure

    def refused(self, document: Mapping[str, Any]) -> str:
        """Why the finished run may not enter a baseline; empty when it may."""
        return refusal(self.row, document)

    def could_be_first(self, document: Mapping[str, Any]) -> bool:
        """May the finished run enter a baseline, and is there none yet? False where the store does not say."""
        if self._store is None or self._row is None or self.refused(document):
            return False
        try:
            return not self._store.baselines()
        except StoreError:
            return False

    @property
    def row(self) -> RunRow:
        """What is known of the run; it must have begun."""
        assert self._row is not None
        return self._row

    def close(self) -> None:
        """See Sink; what was not finished stays unfinished."""

    def release(self) -> None:
        """Close the store; may be called more than once."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _begun(self, seconds: float) -> bool:
        if self._row is not None:
            return True
        began_at = self._earlier.started_at if self._earlier else datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds, UTC)
        row, store = begun_row(self._plan, self._plan_json, began_at, self._others), self._store
        assert store is not None

        def begin() -> None:
            self._row = store.begin(row, self._plan_json)

        if self._try(begin) and self._row is not None:
            self.run_id = self._row.id
            return True
        return False

    def _parts(self, story: Story, document: bytes) -> RunParts:
        sections = [Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(self._sections.so_far())]
        over_time = [
            Packed(seq, each.start_s, each.end_s, each.content) for seq, each in enumerate(at_most(self._timeline.so_far(), MOST_STRETCHES))
        ]
        totals = pack(story.result.total.as_snapshot())
        return RunParts(self._plan_json, document, totals, tuple(sections), events=tuple(_events(story)), timeline=tuple(over_time))

    def _from_earlier(self) -> list[Packed]:
        return [_packed(seq, each) for seq, each in enumerate(self._earlier.seconds())] if self._earlier else []

    def _leave(self, row: RunRow, parts: RunParts) -> None:
        """The store has not taken the run: it can still be put into a file, with the seconds that wait."""
        self.unkept = row, replace(parts, seconds=tuple(sorted({each.seq: each for each in self._held}.values())))

    def _flush(self) -> None:
        store, run_id = self._store, self.run_id
        assert store is not None
        while self._held:
            if not self._try(lambda: store.append(run_id, self._held[0])):
                return
            del self._held[0]

    def _try(self, call: Callable[[], object]) -> bool:
        try:
            call()
        except StoreError as error:
            self.failure = str(error)
            return False
        return True


def _packed(seq: int, snapshot: Snapshot) -> Packed:
    return Packed(seq, snapshot.start_s, snapshot.end_s, pack(snapshot))


def begun_row(plan: Plan, plan_json: str, started_at: datetime, other_load: float | None) -> RunRow:
    """What is known of a run when it begins."""
    around = surroundings(other_load)
    return RunRow(
        id="",
        plan_name=plan.name,
        suite=plan.source,
        target=plan.target or "",
        started_at=started_at,
        seed=plan.seed,
        version=own_version(),
        machine=around.machine,
        machine_text=around.machine_text,
        git_commit=around.git_commit,
        git_branch=around.git_branch,
        git_dirty=around.git_dirty,
        other_load=around.other_load,
        work_hash=work_hash(plan_json),
        workers=plan.workers,
        tags=dict(plan.tags),
    )


def finished_row(row: RunRow, story: Story) -> RunRow:
    """The row with what is known at the end; commit and branch stay those of the begin."""
    result = story.result
    facts = {name: getattr(result.provenance, name) for name in _FACTS}
    return replace(
        row,
        **facts,
        work_hash=row.work_hash + changes_hash(story.events),
        target=result.target or row.target,
        started_at=result.started_at,
        verdict=story.verdict.value,
        exit_code=int(story.exit_code),
        trust=story.trust.level.value,
        interrupted=result.interrupted,
        seconds=result.seconds,
        warm_up_s=result.warm_up_s,
        clock_steps=result.clock_steps,
        workers=result.workers,
        flagged=flaw(story),
    )


_FACTS = (
    "version",
    "python",
    "platform",
    "kernel",
    "cpu",
    "cores",
    "seed",
    "command",
    "plan_hash",
    "event_loop",
    "kernel_clock",
    "clock_resolution_ns",
)


def _events(story: Story) -> list[Event]:
    return [*story.events, *(Event(None, f"notice {notice.code}", notice.text) for notice in story.notices)]
