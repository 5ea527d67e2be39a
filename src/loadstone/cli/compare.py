"""`loadstone compare BEFORE AFTER`: is the later run worse?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.account_files import account_options, asked_files, tell_account
from loadstone.cli.keeping import opened, store_option
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.judge.beside import Beside


@click.command("compare")
@click.argument("before")
@click.argument("after", nargs=-1)
@click.option("--figure", "figures", multiple=True, metavar="FIGURE", help="Only this, as p95(http.response_time); again for more.")
@click.option("--limit", metavar="SHARE", help="How much worse is still fine.  [default: 5%; of memory and CPU 20%]")
@click.option(
    "--rules", metavar="NAME", default="default", show_default=True, help="Limits: default, bot, chat, llm, voice, workflow, baseline."
)
@click.option("--confirm", metavar="RUN", help="One more run, which must bear out what is worse.")
@click.option("--despite-machine", is_flag=True, help="Compare runs of different machines, with a wider interval.")
@click.option("--by", metavar="TAG", help="Times and failures for each value of a tag, too, as of step, agent or one of your own.")
@click.option("--all", "every", is_flag=True, help="Compare every figure of every step.")
@account_options
@json_option
@no_color_option
@store_option
def command(before: str, after: tuple[str, ...], figures: tuple[str, ...], store_url: str | None, **given: Any) -> int:
    r"""Compare runs with one run, with several, or with a baseline.

    BEFORE is a run (its id, last, last~1), several with commas between, or a baseline. AFTER is one run or more, and the last one
    when left out. The exit code is 0 when nothing is worse, 1 when something is, and 4 when nobody can tell.

    \b
    loadstone compare last~1 last
    loadstone compare main last --figure 'p95(http.response_time)' --limit 10%
    loadstone compare main last --format md > comment.md
    """
    from loadstone.judge.beside import compare
    from loadstone.judge.figures import asked_for, figures_by, main_figures, usual_figures
    from loadstone.report.accounts.beside import account_of_comparison
    from loadstone.report.text import look_of
    from loadstone.store.past import catalogue_of_run, side, sides

    files = asked_files(given["formats"], given["out"], given["name"], as_json=given["as_json"])
    rules = _rules(given["rules"], given["limit"])
    store = opened(store_url)
    try:
        old, new = sides(store, before.split(","), after or ("last",))
        _refuse_one_run(old, new)
        confirming = side(store, [given["confirm"]]).runs[-1] if given["confirm"] else None
        if confirming is not None and confirming.name in [run.name for run in new.runs]:
            raise UsageError(f"{confirming.name} would confirm itself", where="flag --confirm", hint="one more run, made after those")
    finally:
        store.close()
    catalogue = catalogue_of_run(new.runs[-1])
    asked = [asked_for(text, catalogue) for text in figures] or (usual_figures if given["every"] else main_figures)(
        new.runs[-1].total, catalogue
    )
    if given["by"]:
        asked += figures_by(new.runs[-1].total, catalogue, given["by"])
    compared = compare(old, new, asked, rules, confirming=confirming, despite_machine=given["despite_machine"])
    account = account_of_comparison(compared, new.runs[-1].started)
    page = look_of(sys.stdout, plain=given["no_color"])
    return tell_account(account, files, lambda: account.document.decode() if given["as_json"] else account.page(page))


def _refuse_one_run(old: Beside, new: Beside) -> None:
    """A run beside itself looks the same, whatever it was."""
    names = [run.name for run in old.runs]
    if set(names) <= {run.name for run in new.runs}:
        raise UsageError(
            f"{', '.join(names)} would be compared with itself", where="BEFORE and AFTER", hint="loadstone compare last~1 last"
        )


def _rules(name: str, limit: str | None) -> Any:
    from dataclasses import replace

    from loadstone.judge.regression_rules import PRESETS
    from loadstone.units import nearest, parse_share

    if name not in PRESETS:
        raise UsageError(f"no rules {name!r}{nearest(name, list(PRESETS))}", where="flag --rules", hint=f"one of {', '.join(PRESETS)}")
    if limit is None:
        return PRESETS[name]
    share = parse_share(limit, where="flag --limit")
    if not 0 < share < 10:
        raise UsageError(f"{limit} is no share that a figure may be worse by", where="flag --limit", hint="--limit 10%")
    return replace(PRESETS[name], times=share, rates=share, resources=share, shares=share)
