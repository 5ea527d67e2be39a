"""`loadstone trend METRIC`: what became of a figure over all runs that are kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.account_files import account_options, asked_files, tell_account
from loadstone.cli.keeping import opened, store_option
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.runs import chosen
from loadstone.errors import StoreError, UsageError

if TYPE_CHECKING:
    from loadstone.judge.figures import Asked
    from loadstone.measure.catalogue import Catalogue
    from loadstone.store.rows import RunRow
    from loadstone.store.store import Store

MEASURED = frozenset({"pass", "fail", "inconclusive"})  # the others' numbers are of half a run, or of the generator


@click.command("trend")
@click.argument("metric", metavar="METRIC|FIGURE")
@click.option("--limit", metavar="LIMIT", help="When would it cross this? As 500ms, 1%, 800MB.")
@click.option("--suite", metavar="NAME", help="Of this suite.  [default: that of the newest run]")
@click.option("--branch", metavar="NAME", help="Of this branch of the repository.")
@click.option("--since", metavar="DATE|TIME", help="From this day on (2026-01-31), or not older than this (90d).")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="With this tag; again for more.")
@click.option("-n", "--most", type=click.IntRange(2), metavar="N", default=200, show_default=True, help="The newest so many.")
@account_options
@json_option
@no_color_option
@store_option
def command(metric: str, *, limit: str | None, as_json: bool, no_color: bool, store_url: str | None, **given: Any) -> int:
    r"""Show the history of METRIC: where it changed and by how much, whether the newest runs are worse, and where it leads.

    METRIC is a name, of which the usual figures are shown, or one figure as gates write it. Runs of the same plan as the newest one
    count, machines are told apart. The exit code is 1 when it got worse, 4 when nobody can tell.

    \b
    loadstone trend 'p95(http.response_time)' --limit 500ms
    loadstone trend target.memory --since 90d
    loadstone trend http.response_time --format html,png --out reports
    """
    from loadstone.judge.history import judge_histories
    from loadstone.report.accounts.trend import account_of_trends
    from loadstone.report.text import look_of
    from loadstone.report.trend import Trend
    from loadstone.store.past import catalogue_of_run, past_run

    asked_for = asked_files(given.pop("formats"), given.pop("out"), given.pop("name"), as_json=as_json)
    with opened(store_url) as store:
        rows = _rows(store, given)
        newest = past_run(store.load(rows[-1].id))
        catalogue = catalogue_of_run(newest)
        asked = _asked(metric, catalogue)
        runs = [past_run(store.load(row.id)).figures(asked) for row in rows]
    trends = {each: Trend(judge_histories(runs, each.figure), _limit(limit, each)) for each in asked}
    by_name = {each.figure.name: trend for each, trend in trends.items()}
    account = account_of_trends(by_name, {each.figure.name: each.figure.unit for each in asked})
    page = look_of(sys.stdout, plain=no_color)
    return tell_account(account, asked_for, lambda: account.document.decode() if as_json else account.page(page))


def _rows(store: Store, given: dict[str, Any]) -> list[RunRow]:
    """Runs that did the same work as the newest of them, oldest first."""
    found = [row for row in store.runs(chosen(given)) if row.verdict in MEASURED]
    if not found:
        raise StoreError("no run fits", where=store.url, hint="loadstone runs list")
    return [row for row in found if row.work_hash == found[-1].work_hash]


def _asked(metric: str, catalogue: Catalogue) -> list[Asked]:
    from loadstone.judge.figures import asked_for, statistics_of
    from loadstone.units import nearest

    if "(" in metric:
        return [asked_for(metric, catalogue)]
    name, brace, tags = metric.partition("{")
    known = catalogue.get(name)
    if known is None:
        hint = "`loadstone metrics` lists all of them"
        raise UsageError(f"unknown metric {name!r}{nearest(name, catalogue.names())}", where="METRIC", hint=hint)
    return [asked_for(f"{stat}({name}{brace}{tags})", catalogue) for stat in statistics_of(known)]


def _limit(text: str | None, asked: Asked) -> float | None:
    from dataclasses import replace

    from loadstone.judge.limits import own_limit
    from loadstone.plan.limit_text import read_limit

    if text is None:
        return None
    value, dimension = read_limit(text)
    limit, _ = own_limit(replace(asked.gate.spec, limit=value, dimension=dimension, limit_text=text), asked.gate.metric)
    return limit / 100 if asked.figure.is_share else limit
