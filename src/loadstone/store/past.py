"""Runs out of the store as comparisons take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from loadstone.errors import LoadstoneError, StoreError
from loadstone.judge.alike import CHANGED
from loadstone.judge.beside import Beside, PastRun
from loadstone.judge.story import Story
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import catalogue_of
from loadstone.measure.event import CONTROL, Event
from loadstone.measure.result import Provenance
from loadstone.plan.model import Plan
from loadstone.probes.provenance import collect
from loadstone.store.recording import begun_row
from loadstone.store.rows import RunRow, StoredRun
from loadstone.store.store import Store
from loadstone.units import format_duration

BASELINE = "baseline:"


def past_run(stored: StoredRun) -> PastRun:
    """A run read back; what it did is told by its work, so that gates and targets may differ."""
    row = stored.row
    return PastRun(
        row.id,
        stored.totals,
        stored.sections,
        {**_machine(row.provenance, row), CHANGED: _changed(stored.events)},
        row.started_at,
        row.git_commit or "",
        stored.plan_json,
        _doubt(row),
    )


def _doubt(row: RunRow) -> str:
    if row.trust == "untrustworthy":
        return "has numbers of a generator that was not trustworthy"
    return f"was interrupted after {format_duration(row.warm_up_s + row.seconds)}" if row.interrupted else ""


def doubted_run(story: Story, machine: Mapping[str, object]) -> PastRun:
    """A run that has just ended and was worse, as its confirmation needs it; the machine is still the same."""
    return PastRun("the run before", story.result.total, (), {**machine, CHANGED: _changed(story.events)}, story.result.started_at)


def catalogue_of_run(run: PastRun) -> Catalogue:
    """Everything that figures of this run can name; of a plan that this version cannot read, only what is built in."""
    try:
        return catalogue_of(Plan.model_validate_json(run.plan), ())
    except (ValueError, LoadstoneError):
        return Catalogue()


def sides(store: Store, before: Sequence[str], after: Sequence[str]) -> tuple[Beside, Beside]:
    """Both sides of a comparison; of a baseline those runs that its policy lets count for the newest later run. Raises as `side`.

    Of a baseline in which none does all runs are taken: the comparison says in what they differ.
    """
    new = side(store, after)
    row = store.run(new.runs[-1].name)
    try:
        old = side(store, before, branch=row.git_branch, machine=row.machine)
    except StoreError:
        old = side(store, before)
    return old, new


def side(store: Store, names: Sequence[str], *, branch: str | None = None, machine: str | None = None) -> Beside:
    """The runs of that name, each once: ids, `last~2`, or a baseline's.

    branch, machine: for which a baseline's policy is asked; None: any
    raises: StoreError when there is no such run or baseline, or when it has no runs
    """
    if len(names) == 1 and (beside := _baseline(store, names[0], branch, machine)):
        return beside
    rows = list({row.id: row for row in map(store.run, names)}.values())
    unfinished = [row.id for row in rows if not row.finished]
    if unfinished:
        raise StoreError(f"run {unfinished[0]} did not come to its end", where="the store", hint="loadstone runs list")
    runs = sorted((past_run(store.load(row.id)) for row in rows), key=lambda run: run.started.timestamp() if run.started else 0.0)
    title = (
        " + ".join(row.id for row in rows)
        if len(rows) > 1
        else f"{rows[0].id}  {rows[0].plan_name}  {rows[0].started_at:%Y-%m-%d %H:%M} UTC"
    )
    return Beside(title, runs)


def _baseline(store: Store, name: str, branch: str | None, machine: str | None) -> Beside | None:
    """The baseline of that name; a run goes first where both exist, unless `baseline:` stands before it."""
    plain = name.removeprefix(BASELINE)
    if plain == name:
        try:
            store.run(name)
        except StoreError:
            pass
        else:
            return None
    try:
        return baseline_side(store, plain, branch=branch, machine=machine)
    except StoreError as error:
        if plain != name or not error.what.startswith("there is no baseline"):
            raise
        raise StoreError(f"there is no run and no baseline {name!r}", where=error.where, hint=f"last~1, or {error.hint}") from None


def baseline_side(store: Store, name: str, *, branch: str | None = None, machine: str | None = None) -> Beside:
    """The runs that a baseline's policy lets count, oldest first.

    raises: StoreError when there is no such baseline, or when none of its members is a run, or none of that branch and machine
    """
    baseline = store.baseline(name, branch=branch, machine=machine)
    runs = [past_run(store.load(run_id)) for run_id in baseline.run_ids]
    if not runs:
        others = sum(len(each.run_ids) for each in store.baselines() if each.name == name)
        what = (
            f"none of the {others} runs of the baseline {name} counts for this machine and branch"
            if others
            else f"the baseline {name} holds no runs"
        )
        raise StoreError(what, where=store.url, hint=f"loadstone baseline save {name} RUN")
    return Beside(f"baseline {name}", runs)


def _machine(provenance: Provenance, row: RunRow) -> Mapping[str, object]:
    """What `alike.alikeness` reads; the plan is told by its work, so that its gates and its target may differ."""
    facts = {name: getattr(provenance, name) for name in ("cpu", "cores", "kernel", "python", "version")}
    memory = row.machine_text.split(", ")[-3:-2]  # its class, as `surroundings.machine_text` writes it
    return facts | {"memory": "".join(memory), "plan_hash": row.work_hash}


def _changed(events: Sequence[Event]) -> str:
    """The first thing that somebody did to the load; empty for nothing."""
    return next((event.text for event in events if event.kind == CONTROL), "")


class Kept:
    """What a run that is about to begin is compared with: see `judge.panel.Past`.

    asked:     the baseline that the command line named; empty when it named none
    collected: the baseline that this run is to enter: it may have no runs yet
    doubted:   runs made just before that were worse, which this one is to confirm
    """

    doubted: Sequence[PastRun] = ()

    def __init__(self, store: Store, plan: Plan, asked: str = "", collected: str = "") -> None:
        self._store, self._asked, self._collected = store, asked, collected
        self._read: dict[str, Beside] = {}  # gates ask one by one, and a baseline's runs are read once for all of them
        row = begun_row(plan, plan.model_dump_json(), datetime.now(UTC), None)
        self._branch, self._class = row.git_branch, row.machine
        here = collect(seed=plan.seed, command=[], plan="", event_loop="", kernel_clock=False)
        self.machine: Mapping[str, object] = _machine(here, row)

    def baseline(self, name: str) -> Beside | None:
        """See Past."""
        wanted = name or self._asked
        if not wanted:
            return None
        if wanted not in self._read:
            self._read[wanted] = self._side(wanted)
        return self._read[wanted]

    def _side(self, wanted: str) -> Beside:
        if wanted == self._collected and not self._store.baseline(wanted, branch=self._branch, machine=self._class).run_ids:
            return Beside(f"baseline {wanted}", [])
        return baseline_side(self._store, wanted, branch=self._branch, machine=self._class)
