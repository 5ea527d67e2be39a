"""`loadstone monitor SUITE|URL|--pid PID`: probe at a low rate for days, keep windows, tell what is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadstone.cli.account_files import Asked, account_options, asked_files, tell_account
from loadstone.cli.dashboard_options import about, asked_dashboard, dashboard_options
from loadstone.cli.embedded import aimed
from loadstone.cli.streams import stopping, without_terminal
from loadstone.errors import ExitCode, UsageError
from loadstone.units import parse_duration

if TYPE_CHECKING:
    from loadstone.judge.alert_rules import AlertRule, Level
    from loadstone.measure.snapshot import Snapshot
    from loadstone.monitor import Monitor
    from loadstone.plan.model import Plan
    from loadstone.report.account import Account

STORE = "loadstone-monitor.sqlite"
LEAST_WINDOW_S = 5.0


def _file(value: str) -> str:
    from loadstone.store.location import shown

    if "://" in value:
        hint = "a file; `loadstone run` keeps its runs at such an address"
        raise UsageError("a monitor keeps its windows in a file", where=f"--store {shown(value)}", hint=hint)
    return value


@click.command("monitor")
@click.argument("what", nargs=-1, metavar="[SUITE...|URL]")
@click.option("--pid", type=int, metavar="PID", help="Watch this process and its children: memory, CPU, threads, descriptors.")
@click.option("--every", default="10s", show_default=True, metavar="TIME", help="Each scenario, or the URL, is tried so often.")
@click.option("-d", "--duration", metavar="TIME", help="End after this; without it, go on until somebody ends it.")
@click.option("--window", default="1m", show_default=True, metavar="TIME", help="Length of the windows that are kept and judged.")
@click.option("--alert", "alerts", multiple=True, metavar="RULE", help="As 'p95(http.response_time) warning > 1s critical > 5s'; again.")
@click.option("--no-default-alerts", is_flag=True, help="Only the rules of --alert, and the gates of the suite.")
@click.option(
    "--store",
    default=STORE,
    callback=lambda _ctx, _option, value: _file(value),
    show_default=True,
    metavar="FILE",
    help="Windows and alerts are kept here, and gone on with.",
)
@click.option("--keep", default="7d", show_default=True, metavar="TIME", help="How long windows are kept; hours and days for longer.")
@click.option("--alert-file", metavar="FILE", help="Append each alert as a JSON line.")
@click.option("--webhook", "webhooks", multiple=True, metavar="URL", help="Post each alert as JSON; again for more.")
@click.option("--alert-command", "commands", multiple=True, metavar="COMMAND", help="Run this for each alert; again for more.")
@click.option("--prometheus", metavar="FILE", help="Keep a page of levels for a text-file collector.")
@click.option("--listen", metavar="HOST:PORT", help="Answer that page at http://HOST:PORT/metrics.")
@click.option("--target", metavar="URL", help="Where the probing goes, for a suite.")
@click.option("--probe", "probes", multiple=True, metavar="URL", help="A Prometheus endpoint to read beside it; again for more.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting of the suite.")
@click.option("--quiet", "-q", is_flag=True, help="Print alerts only, no line for each window.")
@dashboard_options
@click.option("--history", is_flag=True, help="Print what is kept, or write it with --format, and end.")
@account_options
def command(what: tuple[str, ...], *, history: bool, formats: str | None, out: str | None, name: str | None, **given: Any) -> int:
    r"""Probe at a low rate, keep windows, and tell what is wrong and when it is over.

    \b
    loadstone monitor http://127.0.0.1:8000/health --every 10s
    loadstone monitor chat --target http://127.0.0.1:8000 --webhook https://host/hook
    loadstone monitor http://127.0.0.1:8000/health --dashboard
    loadstone monitor --pid 4242 --alert 'max(target.memory) warning > 500MB'
    loadstone monitor --history --format html,csv --out reports
    """
    asked = asked_files(formats, out, name)
    if history:
        return _tell_history(Path(given["store"]), asked)
    if asked.on_stdout:
        raise UsageError("needs a folder to write to", where="flag --format", hint="--out DIR, or --history")
    if not what and given["pid"] is None:
        raise UsageError("nothing to watch", where="monitor", hint="loadstone monitor URL, or --pid PID")
    every_s, window_s = parse_duration(given["every"]), _window_s(given["window"])
    if every_s <= 0:
        raise UsageError("must be more than 0", where="flag --every", hint="--every 10s")
    duration_s = parse_duration(given["duration"]) if given["duration"] else None
    plan = _plan(what, given) if what else None
    with aimed(plan) if plan is not None else nullcontext(None) as aimed_plan, without_terminal():
        code = _watch(aimed_plan, given, every_s, window_s, duration_s)
    if asked.folder is None:
        return code
    account, _ = _kept(Path(given["store"]))
    return tell_account(replace(account, exit_code=code), asked, lambda: "")


def _window_s(text: str) -> float:
    window_s = parse_duration(text)
    if window_s < LEAST_WINDOW_S:
        raise UsageError(f"must be {LEAST_WINDOW_S:g} s or more", where="flag --window", hint="--window 1m")
    return window_s


def _plan(what: tuple[str, ...], given: Mapping[str, Any]) -> Plan:
    plan: Plan
    if "://" in what[0]:
        from loadstone.cli.hit import command as hit
        from loadstone.cli.hit import plan_of

        if len(what) > 1:
            raise UsageError("one URL at a time", where="monitor", hint="a suite with a step for each")
        flags = {param.name: () if getattr(param, "multiple", False) else None for param in hit.params}
        plan = plan_of(what[0], {**flags, "probes": given["probes"], "poisson": False})
        return plan.model_copy(update={"name": what[0].partition("?")[0].rpartition("@")[2]})
    from loadstone.plan.resolve import load
    from loadstone.plan.settings import Overrides

    flags = {"target": given["target"], "probe": given["probes"]}
    plan, _ = load(what, Overrides(flags, given["sets"], (), os.environ))
    return plan


def _watch(plan: Plan | None, given: Mapping[str, Any], every_s: float, window_s: float, duration_s: float | None) -> int:
    from loadstone.monitor import follow, follow_process, probing

    tally = _Tally(quiet=given["quiet"])
    monitor = _monitor(plan, given, window_s, duration_s, tally)
    try:
        for rule in monitor.absent:
            if not given["quiet"]:
                click.echo(f"not watched: {rule.name}, for nothing records {rule.subject}", err=True)
        if plan is not None:
            interrupted = follow(monitor, probing(plan, every_s, duration_s))
        else:
            with stopping() as stopped:
                follow_process(monitor, lambda: bool(stopped), duration_s)
            interrupted = bool(stopped)
    finally:
        monitor.end()
    if interrupted:
        return ExitCode.INTERRUPTED
    if tally.criticals:
        return ExitCode.GATE_FAILED
    return ExitCode.PASS if tally.measured else ExitCode.INCONCLUSIVE


def _monitor(plan: Plan | None, given: Mapping[str, Any], window_s: float, duration_s: float | None, tally: _Tally) -> Monitor:
    from loadstone.live.alert_outlets import AlertOutlet, Delivery, FileOutlet, TerminalOutlet, command_line, web_hook
    from loadstone.live.alert_page import PageFile, PageServer
    from loadstone.measure.catalogue import Catalogue
    from loadstone.measure.declared import catalogue_of
    from loadstone.monitor import Monitor, Page, Retention
    from loadstone.plan.probe import ProbePlan
    from loadstone.plugins import installed
    from loadstone.probes.beside import levels_of
    from loadstone.probes.watch import Watch
    from loadstone.store.windows import WindowStore

    name = plan.name if plan is not None else f"pid {given['pid']}"
    target = (plan.target or "") if plan is not None else name
    own = Watch.of(plan).metrics if plan is not None else ()
    catalogue, read = catalogue_of(plan, own) if plan is not None else Catalogue(), {metric.name for metric in own}
    levels = None
    if given["pid"] is not None:
        probe = installed().get("probe", "process")(ProbePlan(kind="process", watches=f"pid:{given['pid']}"), "")
        levels, read = levels_of(probe), read | {metric.name for metric in probe.metrics}
    posts = [web_hook(url) for url in given["webhooks"]] + [command_line(text) for text in given["commands"]]
    pages: list[Page] = [PageFile(Path(given["prometheus"]))] if given["prometheus"] else []
    if given["listen"]:
        pages.append(PageServer(*_address(given["listen"])))
    outlets: list[AlertOutlet] = [TerminalOutlet(sys.stdout), tally]
    if given["alert_file"]:
        outlets.append(FileOutlet(Path(given["alert_file"]), name))
    outlets += [Delivery(name, post) for post in posts]
    return Monitor(
        name,
        catalogue,
        _rules(plan, given),
        WindowStore(Path(given["store"])),
        outlets=outlets,
        pages=pages,
        levels=levels,
        window=tally.window,
        unkept=_tell_unkept,
        view=asked_dashboard(lambda: about(name, target, duration_s, catalogue, "monitor")),
        window_s=window_s,
        retention=Retention(windows_s=parse_duration(given["keep"])),
        expected=("http.response_time", "http.requests") if plan is not None else ("target.memory",),
        read=read,
    )


def _rules(plan: Plan | None, given: Mapping[str, Any]) -> list[AlertRule]:
    """Those of the command line, which take the place of default ones of the same name; then the suite's gates."""
    from loadstone.judge.alert_rules import DEFAULT_RULES, parse_rule, rules_of_gates

    rules = {} if given["no_default_alerts"] else {name: parse_rule(text, name) for name, text in DEFAULT_RULES.items()}
    for rule in map(parse_rule, given["alerts"]):
        rules[rule.name] = rule
    gates = plan.gates if plan is not None and plan.source != "loadstone hit" else ()
    for rule in rules_of_gates(gate.spec() for gate in gates if gate.is_statement and not gate.needs):
        rules.setdefault(rule.name, rule)
    return list(rules.values())


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise UsageError(f"{text!r} is not HOST:PORT", where="flag --listen", hint="--listen 127.0.0.1:9105")
    return host.strip("[]") or "127.0.0.1", int(port)


class _Tally:
    """Counts what decides the exit code, and prints a line for each window."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.criticals = self.measured = 0

    def tell(self, _at: float, alert: Any) -> None:
        self.criticals += str(alert.level) == "critical"

    def close(self) -> None:
        pass

    def window(self, window: Snapshot, levels: Mapping[str, tuple[Level, float | None]]) -> None:
        from loadstone.report.over_time import line, stretch

        self.measured += any(value is not None for _, value in levels.values())
        if self._quiet:
            return
        moment = datetime.now().strftime("%H:%M:%S")  # noqa: DTZ005  the reader's own time
        bad = [f"{name} {level}" for name, (level, _) in levels.items() if level]
        try:
            click.echo(f"{line(stretch(moment, [window]))}  {', '.join(bad) or 'ok'}", err=True)
        except (OSError, ValueError):
            self._quiet = True  # the terminal has gone


def _tell_unkept(failure: str) -> None:
    text = f"windows are not kept any more: {failure}" if failure else "windows are kept again"
    with suppress(OSError, ValueError):  # the terminal has gone
        click.echo(f"loadstone: {text}", err=True)


def _tell_history(path: Path, asked: Asked) -> int:
    """Days, the hours of the last two days and the newest windows, then the newest alerts; or the same as files.

    The exit code is the same whatever it is told as: how the rules stand now.
    """
    if not path.exists():
        raise UsageError("no such file", where=f"--store {path}", hint="the --store of a monitor")
    account, lines = _kept(path)
    if not asked.kinds:
        click.echo("\n".join(lines))
        return account.exit_code
    return tell_account(account, asked, lambda: "\n".join(lines))


def _kept(path: Path) -> tuple[Account, list[str]]:
    from loadstone.monitor import history, kept
    from loadstone.report.accounts.monitor import account_of_monitor

    lines = history(path)
    return account_of_monitor(kept(path), lines), lines
