"""Keeping a run in the store: the flags, and what `perform` does before and after the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.outlets import KEPT, names_sink
from loadstone.cli.suite_options import SUITE_OPTIONS
from loadstone.errors import StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.judge.panel import Past
    from loadstone.judge.story import Story
    from loadstone.measure.sink import Watched
    from loadstone.measure.timeline import Timeline
    from loadstone.plan.model import GateLine, Plan
    from loadstone.store.recording import Recording
    from loadstone.store.store import Store

_KEY = "loadstone.keeping"
COMPARING = frozenset({"regression", "baseline"})  # kinds of gates; `judge.verdict` has them, too, and is too dear to import for them


def keeping_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--store, --no-store, --keep-seconds and --update-baseline; kept in click's context, so that commands need not hand them on."""
    options = [
        click.option("--store", metavar="URL|FILE", help="Keep the run there.  [default: the nearest .loadstone; LOADSTONE_STORE]"),
        click.option("--no-store", is_flag=True, help="Do not keep the run."),
        click.option("--keep-seconds", is_flag=True, help="Keep every second of it, too."),
        click.option("--baseline", metavar="NAME", help="Gate on being no worse than this baseline (loadstone baseline save)."),
        click.option("--update-baseline", metavar="NAME", help="Put the run into this baseline, if it passed."),
        click.option("--confirm", metavar="N", help="A run that is worse than before is made up to N times more before that fails."),
    ]
    for option in reversed(options):
        function = option(function)
    return _taken(function)


def _taken(function: Callable[..., Any]) -> Callable[..., Any]:
    from functools import wraps

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        own = click.get_current_context().meta.get(SUITE_OPTIONS, {})  # flags that a suite takes for itself stay with it
        keys = ("store", "no_store", "keep_seconds", "baseline", "update_baseline", "confirm")
        mine = {key: None if key in own else given.pop(key, None) for key in keys}
        if mine["no_store"] and (mine["store"] or mine["keep_seconds"] or mine["update_baseline"]):
            raise UsageError("a run that is not kept has no place, seconds or baseline", where="flag --no-store", hint="leave it out")
        click.get_current_context().meta[_KEY] = mine
        return function(*args, **given)

    return call


def keep(store: str | None, *, wanted: bool) -> None:
    """For commands without those flags: whether runs are kept, and where."""
    click.get_current_context().meta[_KEY] = {"store": store, "no_store": not wanted}


def asked(name: str) -> Any:
    """The value of one of the flags; None without a command line."""
    ctx = click.get_current_context(silent=True)
    return ctx.meta.get(_KEY, {}).get(name) if ctx is not None else None


def updated_name(plan: Plan) -> str:
    """The baseline that the run is to enter: the flag's, or that of a plan that updates its own; empty for none."""
    flag = asked("update_baseline") or ""
    own = plan.baselines.name or plan.name
    return flag or (own if plan.baselines.auto_update and not asked("no_store") else "")


def with_past(plan: Plan, doubted: Sequence[Story] = ()) -> tuple[Plan, Past | None]:
    """The plan with a gate for the baseline that is compared with, and what its gates on regressions compare with.

    doubted: runs made just before that were worse, which the run is to confirm
    raises: StoreError when there is no store, or no such baseline
    """
    name = asked("baseline") or plan.baselines.name
    compares = [line for line in plan.gates if line.kind in COMPARING and not line.needs]
    if not name and not compares:
        return plan, None
    from loadstone.store.past import Kept, doubted_run

    if name and not compares:
        plan = plan.model_copy(update={"gates": (*plan.gates, _not_worse(plan, name))})
    collected = updated_name(plan)  # what is compared with may be what is made: it begins without runs
    try:
        store = opened(asked("store"), make=bool(collected))
    except StoreError:
        if name:
            raise
        return plan, None  # nothing was ever kept: the gates say that they have nothing to compare with
    if context := click.get_current_context(silent=True):
        context.call_on_close(store.close)  # gates read it until the run is judged
    if collected:
        _ready(store, collected)
    if name:
        store.baseline(name)
    past = Kept(store, plan, name, collected)
    past.doubted = [doubted_run(story, past.machine) for story in doubted]
    return plan, past


def _not_worse(plan: Plan, name: str) -> GateLine:
    from loadstone.plan.model import GateLine

    asks = plan.baselines
    settings = {"baseline": name, "rules": asks.rules} | ({"limit": asks.threshold} if asks.threshold else {})
    return GateLine(gate=f"not worse than {name}", kind="baseline", settings=settings, name="regression_check")


def recording_of(watched: Watched, timeline: Timeline, *, follows: bool = False) -> Recording | None:
    """What keeps this run; None when nobody wants it kept.

    timeline: of the whole run, which somebody else feeds
    follows:  others of the same command were kept before: a store that is gone meanwhile does not end it

    raises: StoreError when a store that somebody named cannot be used, or lacks the baseline: better before the run than after it
    """
    from loadstone.store.location import chosen_url
    from loadstone.store.recording import Recording
    from loadstone.store.store import Store

    url, named = chosen_url(asked("store"))
    baseline = updated_name(watched.plan)
    if asked("no_store") or url is None:
        if asked("update_baseline"):
            raise UsageError("a run that is not kept cannot enter a baseline", where="flag --update-baseline", hint="--store FILE")
        return None
    keep_seconds = bool(asked("keep_seconds")) or names_sink(KEPT)
    if follows or not (named or baseline):
        return Recording.at(url, watched.plan, watched.duration_s, keep_seconds=keep_seconds, earlier=watched.earlier, timeline=timeline)
    store = Store.open(url)
    if baseline:
        try:
            _ready(store, baseline)
        except BaseException:
            store.close()
            raise
    return Recording(store, watched.plan, watched.duration_s, keep_seconds=keep_seconds, earlier=watched.earlier, timeline=timeline)


def kept(recording: Recording | None, story: Story, plan: Plan, *, quiet: bool) -> None:
    """Finish the run in the store; what went wrong is told, and changes nothing of the verdict."""
    import json

    from loadstone.plugins import installed
    from loadstone.report.told import Told

    if recording is None:
        return
    try:
        document = installed().get("report", "json")(Told.of(story))
        run_id = recording.finish(story, document)
        if recording.failure:
            click.echo(f"loadstone: the run is not kept{' whole' if run_id else ''}: {recording.failure}", err=True)
            _rescue(recording)
        baseline = updated_name(plan)
        reason = recording.enter(baseline, document) if baseline and run_id else ""
        if reason:
            click.echo(f"loadstone: the baseline {baseline} stays as it is: {reason}", err=True)
        if run_id and not quiet:
            entered = f", and is in the baseline {baseline}" if baseline and not reason else ""
            first = not baseline and recording.could_be_first(json.loads(document))
            hint = f"; no baseline yet: loadstone baseline save main {run_id}" if first else ""
            click.echo(f"kept as run {run_id}{entered}{hint}", err=True)
        if plan.baselines.files and run_id:
            _leave_file(recording, plan, document)
    finally:
        recording.release()


def _rescue(recording: Recording) -> None:
    """Put a run that the store did not take into a file, and say where it is."""
    from loadstone.store.rescue import rescue

    if recording.unkept is None:
        return
    try:
        path = rescue(*recording.unkept)
    except OSError as error:
        click.echo(f"loadstone: nor could it be written to a file here: {error.strerror or error}", err=True)
        return
    click.echo(f"loadstone: it lies in {path}; when the store is back: loadstone runs import {path}", err=True)


def _leave_file(recording: Recording, plan: Plan, document: bytes) -> None:
    """The figures of a run that may enter a baseline, as a file that `loadstone baseline import` takes."""
    import json
    from datetime import datetime
    from pathlib import Path

    from loadstone.store.baseline_files import json_name, run_to_json

    told = json.loads(document)
    if reason := recording.refused(told):
        click.echo(f"loadstone: no file of a baseline is written: {reason}", err=True)
        return
    path = Path(plan.baselines.files or "", json_name(datetime.now()))  # noqa: DTZ005  a file name, in local time
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(run_to_json(plan.baselines.name or plan.name, recording.row, told), encoding="utf-8")
    except OSError as error:
        click.echo(f"loadstone: {path} could not be written: {error.strerror}", err=True)


def _ready(store: Store, baseline: str) -> None:
    """A baseline that is there, or a new one."""
    from loadstone.store.rows import Policy

    try:
        store.baseline(baseline)
    except StoreError:
        store.make_baseline(baseline, Policy())


def store_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--store, for commands that read what is kept."""
    help_text = "The store.  [default: the nearest .loadstone; LOADSTONE_STORE]"
    return click.option("--store", "store_url", metavar="URL|FILE", help=help_text)(function)


def opened(store_url: str | None, *, make: bool = False) -> Store:
    """The store that is meant; raises StoreError when there is none."""
    from loadstone.store.location import chosen_url
    from loadstone.store.store import Store

    url, _ = chosen_url(store_url)
    if url is None:
        raise StoreError("nothing is kept", where="LOADSTONE_STORE=none", hint="--store FILE")
    return Store.open(url, make=make)
