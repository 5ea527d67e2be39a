"""`loadstone duet A B [SUITE]`: is B slower than A? Both are loaded in turns of a few requests, on this machine."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.account_files import account_options, asked_files, tell_account
from loadstone.cli.one_url import whole_number
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.streams import telling
from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.duet import Target, Terms
    from loadstone.judge.duet_outcome import Outcome
    from loadstone.plan.model import Plan

PLACEHOLDER = "http://127.0.0.1"  # of a suite without a target, until an arm brings its own


@click.command("duet")
@click.argument("words", nargs=-1, metavar="[A B] [SUITE]")
@click.option("--limit", metavar="SHARE", default="5%", show_default=True, help="Worsening that is tolerated.")
@click.option(
    "--error-limit", metavar="SHARE", default="0.5%", show_default=True, help="More failed requests that are tolerated, in points."
)
@click.option("--percentile", "percentiles", metavar="LIST", default="p50", show_default=True, help="What is compared: p50,p95.")
@click.option("--max-time", metavar="TIME", default="2m", show_default=True, help="Ends there at the latest.")
@click.option("--pairs", metavar="N", help="Ends after so many pairs of slices.  [default: 80; 667 for p99]")
@click.option("--users", metavar="N", help="At once on an arm.  [default: measured, at most 60% of the capacity]")
@click.option("--seed", metavar="N", default="1", show_default=True, help="Seed of the order of the arms and of users' choices.")
@click.option("--path", metavar="PATH", help="Without a suite: what is asked for.  [default: the URL's own, or /]")
@click.option("--rev-a", metavar="REV", help="Git revision that is A; with --rev-b and --start, in the place of A and B.")
@click.option("--rev-b", metavar="REV", help="Git revision that is B.")
@click.option("--start", metavar="COMMAND", help="Starts the server of a revision in its work tree; {port} is filled in.")
@click.option("--call", "calls", is_flag=True, help="A and B are functions, module:function, timed in turns in one process.")
@click.option("--no-control", is_flag=True, help="Without the second A that shows what no difference looks like here.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="No line while it goes on, and one line of verdict.")
@no_color_option
@account_options
def command(words: tuple[str, ...], *, as_json: bool, quiet: bool, no_color: bool, **given: Any) -> int:
    r"""Is B slower than A? Both are loaded in turns of a few requests, on this machine, until it is clear.

    A and B are URLs, "serve:" with switches of the reference backend, or "cmd:" with a command that starts a server.
    Exit code 0: not worse, 1: worse, 4: cannot tell, 3: one of them does not answer.

    \b
    loadstone duet http://127.0.0.1:8000 http://127.0.0.1:8001
    loadstone duet 'serve:--latency 20ms' 'serve:--latency 22ms' --path /api/items
    loadstone duet 'cmd:python old.py {port}' 'cmd:python new.py {port}' suite.yaml
    loadstone duet --call app.text:old_split app.text:new_split
    loadstone duet --rev-a main --rev-b HEAD --start 'uvicorn app:app --port {port}'
    loadstone duet http://127.0.0.1:8000 http://127.0.0.1:8001 --format html,junit --out reports
    """
    from loadstone.duet import duet, termination_as_interrupt
    from loadstone.report.accounts.beside import account_of_duet
    from loadstone.report.text import look_of

    asked = asked_files(given.pop("formats"), given.pop("out"), given.pop("name"), as_json=as_json)
    terms, began = terms_of(given), datetime.now(UTC)
    if len(words) <= (0 if given["rev_a"] else 2):  # a suite may ask a step more than once in a turn
        refuse_too_few(terms)
    told = _live(as_json=as_json, quiet=quiet)
    with termination_as_interrupt(), contextlib.ExitStack() as stack:
        stack.callback(wiped, as_json=as_json, quiet=quiet)
        if given["calls"]:
            outcome = _calls(words, given, terms, told)
        else:
            sides, suites = _sides(words, given, stack)
            plan = plans(suites, given["path"], terms)
            control = None if given["no_control"] else sides[2]
            with contextlib.redirect_stdout(sys.stderr):  # a suite's own code may print
                outcome = duet(sides[0], sides[1], plan, terms, control=control, told=told)
    account = account_of_duet(outcome, terms.seed, began)

    def page() -> str:
        if as_json:
            return account.document.decode()
        text = account.page(look_of(sys.stdout, plain=no_color))
        return text.splitlines()[0] if quiet else text

    with telling(over=True):
        return tell_account(account, asked, page)


def terms_of(given: dict[str, Any]) -> Terms:
    """The flags as terms; raises UsageError that names the flag."""
    from loadstone.duet import Terms
    from loadstone.units import parse_duration, parse_share

    flags = {"limit": "--limit", "error_limit": "--error-limit"}
    limits = {name: parse_share(given[name], where=flag) for name, flag in flags.items()}
    for name, flag in flags.items():
        if not 0.001 <= limits[name] < 1:
            raise UsageError("must be from 0.1% to 99%", where=f"{flag} {given[name]}", hint=f"{flag} 5%")
    most_s = parse_duration(given["max_time"])
    quantiles, users = tuple(_quantile(text) for text in given["percentiles"].split(",")), given["users"]
    pairs = usual_pairs(quantiles) if given["pairs"] is None else whole_number(given["pairs"], "--pairs")
    if most_s <= 0 or pairs < 1:
        raise UsageError("must be more than 0", where="--max-time, --pairs", hint="--max-time 2m --pairs 80")
    return Terms(
        limit=limits["limit"],
        error_limit=limits["error_limit"],
        quantiles=quantiles,
        seed=whole_number(given["seed"], "--seed"),
        most_pairs=pairs,
        most_s=most_s,
        users=None if users is None else max(1, whole_number(users, "--users")),
    )


def usual_pairs(quantiles: Sequence[float]) -> int:
    """The last look where nobody says: twice the least for percentiles that need more than the usual number."""
    from loadstone.duet import SLICE, Terms
    from loadstone.stats.duet_tail import least_requests

    least, usual = max(map(least_requests, quantiles)), Terms().most_pairs
    return usual if least <= usual * SLICE else math.ceil(2 * least / SLICE)


def refuse_too_few(terms: Terms) -> None:
    """Raises UsageError for percentiles of which so many pairs could never tell: better now than after minutes."""
    from loadstone.stats.duet_tail import least_requests

    highest = max(terms.quantiles)
    needed, most = least_requests(highest), terms.most_pairs * terms.slice_requests
    if most < needed:
        what = f"p{100 * highest:g} needs {needed} requests a side, and these pairs have {most}"
        hint = f"--pairs {math.ceil(needed / terms.slice_requests)} at least, twice as many to see +25%"
        raise UsageError(what, where=f"--pairs {terms.most_pairs}", hint=hint)


def plans(suites: Sequence[str], path: str | None, terms: Terms) -> Callable[[str, str], Plan]:
    """What is asked of an instance: the suite with another target, or a GET of one path."""
    from loadstone.clients.address import split_url
    from loadstone.plan.resolve import load, resolve
    from loadstone.plan.settings import Layers, Overrides

    if suites:
        if path is not None:
            raise UsageError("a suite has paths of its own", where="--path", hint="leave one of them out")
        flags = {"target": PLACEHOLDER, "seed": terms.seed}
        suite, _ = load(suites, Overrides(flags=flags, environment=os.environ))
        bare = suite.model_copy(update={"gates": (), "bands": (), "probes": (), "embedded": False, "pressure": None})
        return lambda _side, url: bare.model_copy(update={"target": url.rstrip("/")})

    def one_get(_side: str, url: str) -> Plan:
        origin, own = split_url(url)
        step = {"name": "GET", "get": (path or own or "/").replace("${", "$${")}
        tree: dict[str, Any] = {
            "name": "duet",
            "target": f"{origin.scheme}://{origin.authority}",
            "seed": terms.seed,
            "http": {"cookies": False, "redirects": 0},
            "scenarios": {"get": {"profile": {"kind": "constant-users", "users": 1, "duration": "1s"}, "steps": [step]}},
        }
        return resolve(Layers(tree, {}), source="loadstone duet")[0]

    return one_get


def _calls(words: Sequence[str], given: dict[str, Any], terms: Terms, told: Callable[[Outcome], None]) -> Outcome:
    """A duet of two functions."""
    from loadstone.cli.duet_calls import call_duet

    if len(words) != 2 or given["path"] or given["rev_a"] or given["rev_b"] or given["start"] or given["users"]:
        raise UsageError("--call takes two functions and no suite", where="--call", hint="loadstone duet --call app:old app:new")
    return call_duet(words, terms, control=not given["no_control"], told=told)


def _sides(words: Sequence[str], given: dict[str, Any], stack: contextlib.ExitStack) -> tuple[tuple[Target, Target, Target], list[str]]:
    """A, B, a second A, and what is left of the words: the suite."""
    from loadstone.cli.duet_targets import CommandTarget, UrlTarget, checked_out, target_of

    revisions = [given["rev_a"], given["rev_b"], given["start"]]
    if any(revisions):
        if not all(revisions):
            raise UsageError(
                "--rev-a, --rev-b and --start belong together", hint="--rev-a main --rev-b HEAD --start 'python app.py {port}'"
            )
        first, second = (stack.enter_context(checked_out(revision)) for revision in revisions[:2])

        def started(side: str, folder: Any) -> CommandTarget:
            return CommandTarget(given["start"], folder=folder, name=f"{given[side]}: {given['start']}")

        return (started("rev_a", first), started("rev_b", second), started("rev_a", first)), list(words)
    if len(words) < 2:
        from loadstone.cli.duet_targets import EXAMPLE

        raise UsageError("a duet needs two targets", where="A B", hint=f"each is {EXAMPLE}")
    sides = target_of(words[0]), target_of(words[1]), target_of(words[0])
    for each in sides:
        if given["path"] and isinstance(each, UrlTarget):
            each.name = each.origin + given["path"]  # what is asked, not what the URL says
    return sides, list(words[2:])


def _quantile(text: str) -> float:
    digits = text.strip().removeprefix("p")
    try:
        value = float(digits) / 100
    except ValueError:
        value = 0.0
    if not text.strip().startswith("p") or not 0 < value < 1:
        raise UsageError(f"{text.strip()!r} is no percentile", where="--percentile", hint="--percentile p50,p95")
    return value


def _live(*, as_json: bool, quiet: bool) -> Callable[[Outcome], None]:
    """A line on the terminal that is written again and again; nothing where nobody looks."""
    if not _watched(as_json=as_json, quiet=quiet):
        return lambda _: None
    from loadstone.report.duet_text import progress

    def show(outcome: Outcome) -> None:
        width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be taken back
        sys.stderr.write(f"\r\x1b[K{progress(outcome)[:width]}")
        sys.stderr.flush()

    return show


def _watched(*, as_json: bool, quiet: bool) -> bool:
    return not (quiet or as_json) and sys.stderr.isatty()


def wiped(*, as_json: bool, quiet: bool) -> None:
    """Take the line back, so that the page, or the mistake that ended it, begins on a line of its own."""
    if _watched(as_json=as_json, quiet=quiet):
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
