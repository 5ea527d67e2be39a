"""What a view of a report needs beside the run: a comparison, or the history of its figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadstone.cli.keeping import opened
from loadstone.errors import ExitCode, StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.judge.beside import PastRun
    from loadstone.judge.figures import Asked
    from loadstone.report.account import Account
    from loadstone.report.told import Told, View
    from loadstone.store.rows import RunRow
    from loadstone.store.store import Store

MEASURED = frozenset({"pass", "fail", "inconclusive"})  # the others' numbers are of half a run, or of the generator
MOST_RUNS = 200


def with_view(told: Told, view: View, against: str | None, figures: tuple[str, ...], store_url: str | None) -> tuple[Told, int]:
    """The run with what the view needs, and the exit code of that.

    raises: StoreError and UsageError where there is nothing to compare with, or no history
    """
    told, code = replace(told, view=view), told.document.exit_code
    if view in {"decision", "performance"} and not against:
        if figures:
            raise UsageError("is for comparisons and histories", where="flag --figure", hint="--view regression, or --view trend")
        return told, code
    if not told.run_id:
        raise UsageError("only a run that is kept can be compared", where=f"--view {view}", hint="a run of `loadstone runs list`")
    with opened(store_url) as store:
        row = store.run(told.run_id)
        if view == "trend":
            return _with_trends(told, store, row, figures)
        compared = _compared(told, store, row, against, figures)
    answered = int(compared.compared.exit_code) if compared.compared else code
    return compared, answered if view == "regression" else code


def account_of_view(told: Told) -> Account | None:
    """The comparison or the history as an account of its own, which has charts; None for the views that are the run's."""
    began = told.document.provenance.started_at
    if told.view == "regression" and told.compared is not None:
        from loadstone.report.accounts.beside import account_of_comparison

        return account_of_comparison(told.compared, began)
    if told.view == "trend" and told.trends:
        from loadstone.report.accounts.trend import account_of_trends

        units = {name: next((each.figure.unit for each in trend.histories), "") for name, trend in told.trends.items()}
        return account_of_trends(told.trends, units, told.document.provenance.plan)
    return None


def _compared(told: Told, store: Store, row: RunRow, against: str | None, figures: tuple[str, ...]) -> Told:
    from loadstone.judge.beside import compare
    from loadstone.judge.regression_rules import PRESETS
    from loadstone.store.past import sides

    old, new = sides(store, (against or _before(store, row)).split(","), [row.id])
    if {run.name for run in old.runs} <= {row.id}:
        raise UsageError("would be compared with itself", where=f"--against {against}", hint="--against last~1")
    newest = new.runs[-1]
    return replace(told, compared=compare(old, new, _asked(newest, figures), PRESETS["default"]))


def _before(store: Store, row: RunRow) -> str:
    """The newest run before that did the same work and was measured."""
    from loadstone.store.rows import RunFilter

    found = [each for each in store.runs(RunFilter(before=row.started_at, work_hash=row.work_hash)) if each.verdict in MEASURED]
    if not found:
        raise StoreError(f"no run before {row.id} did the same work", where=store.url, hint="--against with a run or a baseline")
    return found[-1].id


def _with_trends(told: Told, store: Store, row: RunRow, figures: tuple[str, ...]) -> tuple[Told, int]:
    from loadstone.judge.difference import gravest
    from loadstone.judge.history import judge_histories
    from loadstone.report.trend import Trend
    from loadstone.store.past import past_run
    from loadstone.store.rows import RunFilter

    rows = [each for each in store.runs(RunFilter(work_hash=row.work_hash, most=MOST_RUNS)) if each.verdict in MEASURED]
    rows = [each for each in rows if each.started_at <= row.started_at]
    if not rows:
        raise StoreError("no run that was measured did the same work", where=store.url, hint="loadstone runs list")
    asked = _asked(past_run(store.load(row.id)), figures)
    runs = [past_run(store.load(each.id)).figures(asked) for each in rows]
    trends = {each.figure.name: Trend(judge_histories(runs, each.figure)) for each in asked}
    answer = gravest([trend.answer for trend in trends.values()])
    code = {"worse": ExitCode.GATE_FAILED, "cannot tell": ExitCode.INCONCLUSIVE}.get(answer.value, ExitCode.PASS)
    return replace(told, trends=trends), int(code)


def _asked(run: PastRun, figures: tuple[str, ...]) -> list[Asked]:
    from loadstone.judge.figures import asked_for, main_figures
    from loadstone.store.past import catalogue_of_run

    catalogue = catalogue_of_run(run)
    return [asked_for(text, catalogue) for text in figures] or main_figures(run.total, catalogue)
