"""`loadstone capacity SUITE|URL`: the largest load that meets every objective."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.account_files import Asked, account_options, asked_files, tell_account
from loadstone.cli.embedded import aimed
from loadstone.cli.keeping import keep
from loadstone.cli.kept_levels import KeptLevels
from loadstone.cli.page_options import json_option, no_color_option
from loadstone.cli.perform import Showing, watched_of
from loadstone.cli.plan_options import plan_options
from loadstone.cli.streams import telling
from loadstone.cli.suite_options import SuiteCommand
from loadstone.errors import UnitError, UsageError
from loadstone.load.spawn import WorkerProcess, ahead, worker_ahead

if TYPE_CHECKING:
    from loadstone.capacity import Question
    from loadstone.judge.capacity_level import Level
    from loadstone.plan.model import Plan

SLOS = ("p95(http.response_time) < 1s", "rate(http.errors) < 1%")
SOCKET_SLOS = ("p95(ws.round_trip_time) < 1s", "rate(ws.connect_failures) < 1%", "rate(ws.drops) < 1%")
START = {"rate": 10.0, "users": 1.0, "connections": 10.0, "calls": 1.0}
MOST = {"rate": 100_000.0, "users": 10_000.0, "connections": 20_000.0, "calls": 2_000.0}
LEAST = {"rate": 0.1, "users": 1.0, "connections": 1.0, "calls": 1.0}
SECONDS = (3.0, 7.0, 16.0)  # of a coarse level, of a usual one, of one that verifies
LEAST_OF_CALLS_S = 10.0  # a coarse level of calls; in a shorter one none of two turns comes to its end
SPARE_S = 6.0  # around the levels of the shortest search
HELD = ("connections", "calls")  # users by other names
PAUSE = "1s"  # between two requests of a connection that is only held


@click.command("capacity", cls=SuiteCommand)
@plan_options
@click.option(
    "--slo",
    "slos",
    multiple=True,
    metavar="GATE",
    help=f"An objective; again for more.  [default: the suite's; of a URL {SLOS[0]}, {SLOS[1]}]",
)
@click.option(
    "--by",
    type=click.Choice(["rate", "users", "connections", "calls"]),
    help="What is turned up.  [default: rate of a URL; users of a suite that has any]",
)
@click.option("--max-time", metavar="TIME", default="3m", show_default=True, help="When to stop looking.")
@click.option("--start", metavar="LOAD", help="The first level.  [default: 10/s, 1 user, 10 connections]")
@click.option("--max", "most", metavar="LOAD", help="The highest level that may be tried.")
@click.option("--poisson", is_flag=True, help="Arrivals with the gaps of independent visitors.")
@click.option("--no-step-down", is_flag=True, help="Leave recovery and hysteresis out.")
@click.option("--level-time", metavar="TIME", help="Seconds of a level.  [default: 7s; the coarse ones 3s, the last ones 16s or longer]")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Only the answer.")
@no_color_option
@click.option("--keep-levels", is_flag=True, help="Keep each level as a run (loadstone runs list --tag capacity=…).")
@click.option("--store", metavar="URL|FILE", help="With --keep-levels: keep them there.  [default: the nearest .loadstone]")
@account_options
def command(
    suites: tuple[str, ...],
    *,
    as_json: bool,
    quiet: bool,
    no_color: bool,
    keep_levels: bool,
    store: str | None,
    **given: Any,
) -> int:
    r"""Find the largest load of SUITE, or on a URL, that meets every objective at once.

    \b
    loadstone capacity http://127.0.0.1:8000/ --slo 'p95(http.response_time) < 200ms'
    loadstone capacity http://127.0.0.1:8000/ --by users --max-time 2m
    loadstone capacity ws://127.0.0.1:8000/ws/echo --by connections --max 500
    loadstone capacity chat --by users
    loadstone capacity voice
    """
    asked = asked_files(given.pop("formats"), given.pop("out"), given.pop("name"), as_json=as_json)
    if store and not keep_levels:
        raise UsageError("nothing is kept there", where="flag --store", hint="--keep-levels")
    keep(store, wanted=keep_levels)
    with ahead() as worker:
        given = _meant_by(suites, given)
        plan = _url_plan(suites[0], given) if _is_url(suites) else _suite_plan(suites, given)
        return _perform(plan, given, Showing(as_json, quiet, no_color), asked, worker, url=_is_url(suites))


def _perform(plan: Plan, given: dict[str, Any], showing: Showing, asked: Asked, worker: WorkerProcess, *, url: bool) -> int:
    from loadstone.capacity import search
    from loadstone.probes.contention import Contention, processes_of
    from loadstone.report.accounts.capacity import account_of_capacity
    from loadstone.report.capacity_document import capacity_document_of, level_part
    from loadstone.report.capacity_text import render_answer, row_text
    from loadstone.report.file_names import stamp_of
    from loadstone.report.text import look_of

    began = datetime.now(UTC)
    question = _question(plan, given, url=url)
    keeper = KeptLevels("capacity", stamp_of(began), lambda plan: watched_of(plan, showing), quiet=showing.quiet or showing.json)

    def tell(level: Level) -> None:
        keeper.end(level.story)
        if not showing.quiet:
            click.echo(row_text(level_part(level), question.unit), err=True)

    with aimed(plan) as at:
        question = _question(at, given, url=url)
        look = Contention(processes_of(at)).look
        found = search(
            question, told=tell, sinks=keeper.begin, look=look, worker=worker, ahead=worker_ahead, command=["loadstone", *sys.argv[1:]]
        )
    keeper.release()
    document = capacity_document_of(found)
    account = account_of_capacity(document, began)

    def page() -> str:
        if showing.json:
            return account.document.decode()
        page_look = look_of(sys.stdout, plain=showing.no_color)
        return render_answer(document, page_look) if showing.quiet else account.page(page_look)

    with telling(over=True):
        return tell_account(account, asked, page)


def _question(plan: Plan, given: dict[str, Any], *, url: bool) -> Question:
    from dataclasses import replace

    from loadstone.capacity import Question, StepDown, needed_samples
    from loadstone.judge.capacity_search import Limits
    from loadstone.plan.gate_text import parse_gate
    from loadstone.plan.profile import OpenProfile
    from loadstone.plan.scaled import Knob, objectives_of, shares_of
    from loadstone.units import parse_duration

    by = given["by"]
    knob = Knob.USERS if by in HELD else Knob(by) if by else None
    shares = shares_of(plan, knob)
    objectives = tuple(parse_gate(text, at=f"flag --slo {text!r}") for text in given["slos"]) or objectives_of(plan, shares)
    if not objectives:
        raise UsageError("there is no objective that a load could break", where="loadstone capacity", hint=f"--slo '{SLOS[0]}'")
    name = by or str(shares.knob)
    start, most = _load(given["start"], "--start", START[name]), _load(given["most"], "--max", MOST[name])
    if not url and given["start"] is None:
        start = max(START[name], shares.whole / 4)  # a suite's own load is a guess at what the target bears
    if start > most:
        if given["start"] is not None and given["most"] is not None:
            raise UsageError(f"--start {given['start']} is above --max {given['most']}", where="flag --start", hint="leave it out")
        start = most
    ramp_s, level_s, verify_s = SECONDS
    if given["level_time"]:
        level_s = parse_duration(given["level_time"])
        least_s = min(LEAST_OF_CALLS_S, level_s) if name == "calls" else 2.0
        ramp_s, verify_s = max(least_s, level_s / 2), 2 * level_s
    budget_s = parse_duration(given["max_time"])
    if budget_s < ramp_s + verify_s + SPARE_S:
        what = f"{given['max_time']} is too short for a search: a level and its verification take {ramp_s + verify_s + SPARE_S:.0f} s"
        raise UsageError(what, where="flag --max-time", hint="--max-time 3m")
    whole = shares.knob is Knob.USERS
    by_chance = given["poisson"] or any(isinstance(each.profile, OpenProfile) and each.profile.by_chance for each, _ in shares.scenarios)
    limits = Limits(
        start, min(LEAST[name], start), most, whole=whole, by_chance=by_chance, ramp_s=ramp_s, level_s=level_s, verify_s=verify_s
    )
    question = Question(
        plan, shares, objectives, limits, budget_s, given["poisson"], step_down=None if given["no_step_down"] else StepDown(), noun=by or ""
    )
    return replace(question, limits=replace(limits, needed=needed_samples(question)))


def _load(text: str | None, flag: str, usual: float) -> float:
    from loadstone.units import parse_rate

    if text is None:
        return usual
    try:
        load = parse_rate(text if "/" in text else f"{text}/s")
    except UnitError:
        load = 0.0
    if load <= 0:
        raise UsageError(f"{text!r} is no load", where=f"flag {flag}", hint=f"{flag} 100, or {flag} 100/s")
    return load


def _is_url(suites: Sequence[str]) -> bool:
    return len(suites) == 1 and suites[0].startswith(("http://", "https://", "ws://", "wss://"))


def _meant_by(suites: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
    """The flags, and below them what a suite that is installed says of its own capacity (`CAPACITY`)."""
    from loadstone.plugins import installed

    if len(suites) != 1 or suites[0] not in installed().names("suite"):
        return given
    meant = getattr(installed().get("suite", suites[0]), "CAPACITY", {})
    source, untouched = click.get_current_context().get_parameter_source, click.core.ParameterSource.DEFAULT
    return {**given, **{name: value for name, value in meant.items() if source(name) in (untouched, None)}}


def _suite_plan(suites: tuple[str, ...], given: dict[str, Any]) -> Plan:
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    flags = {name: value for name, value in given.items() if name not in OWN}
    if given["by"] == "connections":
        raise UsageError("connections are turned up at a URL", where="flag --by", hint="--by users")
    if given["by"] == "calls" and suites != ("voice",):
        raise UsageError("calls are turned up by the voice suite", where="flag --by", hint="loadstone capacity voice")
    plan: Plan = load(suites, Overrides(flags, given["sets"], given["tags"], os.environ))[0]
    return plan


OWN = frozenset({"slos", "by", "max_time", "start", "most", "poisson", "no_step_down", "level_time", "sets", "tags"})


def _url_plan(url: str, given: dict[str, Any]) -> Plan:
    """One request again and again, or one message on many WebSockets."""
    from loadstone.cli.probe_options import add_probes
    from loadstone.clients.address import split_url
    from loadstone.plan.resolve import resolve
    from loadstone.plan.settings import Layers

    if given["by"] == "calls":
        raise UsageError("calls are turned up by the voice suite", where="flag --by", hint=f"loadstone capacity voice --url {url}")
    socket = url.startswith("ws")
    origin, path = split_url(url.replace("ws", "http", 1) if socket else url)
    scenario: dict[str, Any] = {"steps": [_socket_step(path) if socket else _request_step(path)]}
    users = given["by"] in ("users", "connections") or (socket and given["by"] is None)
    scenario["profile"] = (
        {"kind": "constant-users", "users": 1, "duration": "1m"} if users else {"kind": "constant-rate", "rate": 1, "duration": "1m"}
    )
    if given["by"] == "connections":
        scenario["think"] = PAUSE
    tree: dict[str, Any] = {
        "name": "capacity",
        "target": f"{origin.scheme}://{origin.authority}",
        "scenarios": {"capacity": scenario},
        "gates": list(given["slos"]) or list(SOCKET_SLOS if socket else SLOS),
        "http": {"cookies": False, "redirects": 0, "gzip": False},
    }
    for key in ("workers", "seed"):
        if given[key] is not None:
            tree[key] = given[key]
    layers = Layers(tree, {("gates",): "flag --slo"})
    add_probes(layers, given)
    plan: Plan = resolve(layers, source="loadstone capacity")[0]
    return plan


def _request_step(path: str) -> dict[str, Any]:
    return {"name": f"GET {path.partition('?')[0]}", "method": "GET", "path": path.replace("${", "$${")}


def _socket_step(path: str) -> dict[str, Any]:
    dialogue = [{"send": "hello", "match": "order"}]
    return {"name": f"WS {path.partition('?')[0]}", "websocket": {"path": path.replace("${", "$${"), "dialogue": dialogue}}
