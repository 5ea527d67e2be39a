"""What every store must do, as a test class: subclass it, say how yours is opened, and pytest runs the rest.

class TestMyStore(StoreConformance):
    def open(self, folder, *, make=True):
        return MyStore(f"mine:///{folder / 'runs'}", make=make)
"""

from __future__ import annotations

import contextlib
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from loadstone.errors import StoreError
from loadstone.measure.aggregate import Aggregate
from loadstone.store.rows import UNFINISHED, Packed, Policy, RunFilter
from loadstone.store.store import Store
from loadstone.testing.kept_runs import BEGAN, PLAN_JSON, make_parts, make_row
from loadstone.testing.samples import make_snapshot


class StoreConformance:
    """A store gives back what it was given, also to those who open it later, and says what it has not or will not do."""

    @abstractmethod
    def open(self, folder: Path, *, make: bool = True) -> Store:
        """The store of a folder, the same each time."""

    def test_a_run_comes_back_as_it_was_measured_also_when_it_is_opened_again(self) -> None:
        """Row, totals, sections, report and events."""
        seconds = [make_snapshot(seq) for seq in range(20)]
        whole = Aggregate(seconds)
        with _folder() as folder:
            with self.open(folder) as store:
                row = store.begin(make_row(seconds=20.0, tags={"site": "ci"}), PLAN_JSON)
                store.finish(row, make_parts(seconds))
            with self.open(folder, make=False) as store:
                run = store.load(row.id)
                assert run.row == row, "the row is another"
                times = run.totals.distribution("http.response_time")
                assert times is not None, "the totals lack the response times"
                assert times == whole.distribution("http.response_time"), "the totals are others"
                assert run.totals.count("http.requests") == sum(part.count("http.requests") or 0 for part in run.sections), (
                    "the sections do not add up to the whole"
                )
                assert run.document["verdict"] == "pass", "the report is another"
                assert [event.kind for event in run.events] == ["phase", "notice few"], "the events are others"
                assert store.check() == [], "it calls itself damaged"

    def test_an_unfinished_run_keeps_its_seconds_and_stays_unfinished(self) -> None:
        """What a run leaves whose process was killed."""
        with _folder() as folder:
            with self.open(folder) as store:
                row = store.begin(make_row(verdict=UNFINISHED, exit_code=None), PLAN_JSON)
                assert row.id, "a run that begins gets an id"
                store.append(row.id, Packed(0, 0.0, 1.0, b"x"))
            with self.open(folder, make=False) as store:
                assert not store.run(row.id).finished, "a run that nobody finished is finished"
                assert store.load(row.id).document == {}, "a run that nobody finished has a report"
                assert store.with_seconds() == [row.id], "its second is gone"
                store.finish(replace(row, verdict="fail", exit_code=1), make_parts())
                assert store.run(row.id).verdict == "fail", "it was not finished"
                assert store.drop_seconds([row.id]) == 1, "the second that was kept before the end is gone"
                assert store.with_seconds() == [], "seconds are still kept"
                assert store.load(row.id).sections, "more than the seconds went"

    def test_runs_are_named_by_the_beginning_of_their_id_and_by_last(self) -> None:
        """What no name or several runs answer to is refused."""
        with self._opened() as store:
            rows = [store.begin(make_row(number, id=name), PLAN_JSON) for number, name in enumerate(("aa1", "aa2", "ab1"))]
            for name, row in {"aa1": rows[0], "ab": rows[2], "last": rows[2], "last~1": rows[1], "last~2": rows[0]}.items():
                assert store.run(name) == row, f"{name} is another run"
            for name in ("aa", "zz", "%", "_", "last~3", "last~x"):
                _refused(partial(store.run, name), f"run {name!r}")

    def test_runs_are_found_by_everything_that_can_be_asked_oldest_first(self) -> None:
        """Each field of RunFilter, alone."""
        odd = {
            "suite": make_row(1, suite="other"),
            "branch": make_row(2, git_branch="topic"),
            "verdict": make_row(3, verdict="fail"),
            "machine": make_row(4, machine="bbbb"),
            "work_hash": make_row(5, work_hash="x"),
            "tags": make_row(6, tags={"site": "ci", "version": "2"}),
        }
        asked = {"suite": "other", "branch": "topic", "verdict": "fail", "machine": "bbbb", "work_hash": "x", "tags": {"version": "2"}}
        with self._opened() as store:
            kept = {name: store.begin(row, PLAN_JSON).id for name, row in reversed(odd.items())}
            oldest_first = [kept[name] for name in odd]
            for name, value in asked.items():
                wanted: Any = {name: value}
                assert _ids(store, RunFilter(**wanted)) == [kept[name]], f"asked for {name}"
            assert _ids(store) == oldest_first, "asked for all"
            assert _ids(store, RunFilter(since=BEGAN + timedelta(minutes=5))) == oldest_first[4:], "asked for those since"
            assert _ids(store, RunFilter(before=BEGAN + timedelta(minutes=5))) == oldest_first[:4], "asked for those before"
            assert _ids(store, RunFilter(most=2)) == oldest_first[4:], "asked for the newest two"
            assert len(store.runs(RunFilter(suite="shop"))) == 6, "the plan's name counts, too"

    def test_a_run_from_elsewhere_is_kept_whole_and_only_once(self) -> None:
        """What is taken out of one store can be put into another."""
        with self._opened() as one, self._opened() as other:
            row = one.begin(make_row(), PLAN_JSON)
            one.finish(row, make_parts(keep_seconds=True))
            other.add(one.run(row.id), one.parts(row.id))
            assert other.run(row.id) == row, "the row is another"
            assert other.parts(row.id) == one.parts(row.id), "what it measured is other"
            assert other.parts(row.id, seconds=False).seconds == (), "seconds came that nobody asked for"
            _refused(lambda: other.add(row, make_parts()), "a second run of the same id")

    def test_a_mark_is_put_on_a_run_and_taken_away(self) -> None:
        """Of suspicion."""
        with self._opened() as store:
            run_id = store.begin(make_row(), PLAN_JSON).id
            for reason in ("slower by 12%", ""):
                store.flag(run_id, reason)
                assert store.run(run_id).flagged == reason, "the mark is another"
            _refused(lambda: store.flag("zz", "slower"), "a mark on a run that is not there")

    def test_a_baseline_counts_what_its_policy_says(self) -> None:
        """The newest, those that are pinned, and those of a branch and a class of machine."""
        with self._opened() as store:
            ids = _begun(store, 5) + _begun(store, 2, first=5, git_branch="topic", machine="bbbb")
            store.make_baseline("main", Policy(last=3, per_machine=False))
            for run_id in reversed(ids):
                store.add_member("main", run_id, {"response_p50_ms": 1.5})
            assert store.baseline("main").run_ids == ids[4:], "not the newest three"
            store.add_member("main", ids[0], {}, pinned=True)
            assert store.baseline("main").run_ids == [ids[0], *ids[4:]], "not those that are pinned and the newest three"
            store.make_baseline("main", Policy(last=None, per_branch=True, per_machine=True))
            assert store.baseline("main", branch="topic").run_ids == ids[5:], "not those of the branch"
            assert store.baseline("main", machine="aaaa1111").run_ids == ids[:5], "not those of the machine"
            store.add_member("main", None, {"response_p50_ms": 2.0}, source="a.json")
            (foreign,) = [each for each in store.baseline("main", branch="topic").members if each.run is None]
            assert (foreign.figures, foreign.source) == ({"response_p50_ms": 2.0}, "a.json"), "figures without a run are others"

    def test_a_run_of_a_baseline_is_not_forgotten_before_it_leaves(self) -> None:
        """Nor are others that were asked for with it; a retired baseline lets its runs go."""
        with self._opened() as store:
            ids = _begun(store, 3)
            store.make_baseline("main", Policy())
            for run_id in ids[1:]:
                store.add_member("main", run_id, {})
            _refused(lambda: store.delete(ids), "to forget a run of a baseline")
            assert _ids(store) == ids, "runs went although nothing was to be forgotten"
            store.remove_member("main", ids[1])
            _refused(lambda: store.remove_member("main", ids[1]), "to take out a run that is not in it")
            store.delete(ids[:2])
            assert _ids(store) == ids[2:], "the runs are still there"
            store.retire("main")
            assert store.baselines() == [], "a retired baseline is in use"
            assert [each.name for each in store.baselines(retired=True)] == ["main"], "a retired baseline is gone"
            _refused(lambda: store.baseline("main"), "a retired baseline")
            _refused(lambda: store.baseline("other"), "a baseline that is not there")
            assert store.make_baseline("main", Policy()).members == (), "a baseline that begins anew is not empty"
            store.delete(ids[2:])
            assert _ids(store) == [], "the run of a baseline that was retired is still there"

    def test_it_is_closed_more_than_once_and_not_made_unasked(self) -> None:
        """`make=False` finds nothing where nothing is."""
        with _folder() as folder:

            def look() -> None:
                with self.open(folder, make=False) as store:
                    store.runs()

            _refused(look, "a store that is not there")
            store = self.open(folder)
            store.close()
            store.close()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Store]:
        with _folder() as folder, self.open(folder) as store:
            yield store


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _begun(store: Store, count: int, *, first: int = 0, **changed: str) -> list[str]:
    return [store.begin(make_row(number, **changed), PLAN_JSON).id for number in range(first, first + count)]


def _ids(store: Store, wanted: RunFilter | None = None) -> list[str]:
    ids = [row.id for row in store.runs(wanted)]
    assert store.count(wanted) == len(ids), "it counts other runs than it gives"
    return ids


def _refused(ask: Callable[[], object], what: str) -> None:
    try:
        ask()
    except StoreError:
        return
    raise AssertionError(f"{what} is no StoreError")
