"""`loadstone hit URL`: load on one URL, from one line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from loadstone.cli.one_url import headers_of, profile_of, resolved
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.probe_options import probe_options
from loadstone.cli.sweeping import at_level, perform_sweep, sweep_options
from loadstone.errors import UsageError
from loadstone.load.spawn import ahead

USERS, DURATION = "10", "10s"
ERRORS_GATE, CHECKS_GATE = "rate(http.errors) < 1%", "rate(check.failures) < 1%"
SWEPT = ("users", "rate", "requests", "duration", "workers")
_STATUS = re.compile(r"(?i)\s*([1-5]xx|[1-5]\d\d|any)(\s*,\s*([1-5]xx|[1-5]\d\d|any))*\s*")


@click.command("hit")
@click.argument("url")
@click.option("-c", "--users", metavar="N", help=f"Users that send one request after another.  [default: {USERS}]")
@click.option("-r", "--rate", metavar="RATE", help="Arrivals per second, as 150, 150/s or 30/m, whatever the target does.")
@click.option("--poisson", is_flag=True, help="With --rate: the gaps of independent visitors.")
@click.option("-d", "--duration", metavar="TIME", help=f"How long, as 10s or 5m.  [default: {DURATION}]")
@click.option("-n", "--requests", metavar="N", help="That many requests instead of a duration.")
@click.option("-m", "--method", metavar="METHOD", help="HTTP method.  [default: GET, with --body POST]")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; again for more.")
@click.option("--body", metavar="TEXT|@FILE", help="Body of the request.")
@click.option("--expect", "expects", multiple=True, metavar="WHAT", help="200, 2xx, or a check as 'body contains hello'.")
@click.option("--gate", "gates", multiple=True, metavar="GATE", help=f"As 'p95(http.response_time) < 1s'; again.  [default: {ERRORS_GATE}]")
@click.option("--warm-up", metavar="TIME", help="Leave the first part out of the judgement.")
@click.option("--timeout", metavar="TIME", help="Give a response up after this.  [default: 60s]")
@click.option("-k", "--insecure", is_flag=True, help="Do not verify the server's certificate.")
@click.option("--no-keep-alive", is_flag=True, help="A new connection for each request.")
@click.option("--workers", metavar="N", help="Processes that generate load.  [default: 1]")
@click.option("--seed", metavar="N", help="Seed of the arrivals.")
@probe_options
@sweep_options
@showing_options
def command(url: str, *, as_json: bool, quiet: bool, no_color: bool, out: str | None, **given: Any) -> int:
    r"""Put load on URL and print how it bore it.

    \b
    loadstone hit http://127.0.0.1:8000/health -c 64 -d 10s
    loadstone hit https://host/api -r 150/s -d 1m --gate 'p95(http.response_time) < 2s'
    loadstone hit http://127.0.0.1:8000/ --sweep users=1..64*2
    """
    showing = Showing(as_json, quiet, no_color, out)
    with ahead() as worker:
        if given["sweep"] is not None:
            return perform_sweep(given, lambda knob, level: _plan_at(url, given, knob, level), showing, worker=worker)
        return perform(plan_of(url, given), showing, worker=worker)


def _plan_at(url: str, given: dict[str, Any], knob: str, level: str) -> Any:
    """The plan with one of the flags set to a level."""
    return plan_of(url, at_level(given, knob, level, command="hit", knobs=SWEPT))


def plan_of(url: str, given: dict[str, Any]) -> Any:
    """The plan behind the flags; its mistakes name the flags."""
    from loadstone.clients.address import split_url
    from loadstone.clients.failure import bounded
    from loadstone.plan.document import Place

    if "://" not in url and not url.startswith("/"):
        url = f"http://{url}"
    if url.lower().startswith(("ws://", "wss://")):
        raise UsageError("is a WebSocket, and hit speaks HTTP", where=bounded(url), hint=f"loadstone ws {bounded(url)}")
    origin, path = split_url(url)
    step, step_flags = _step(path, given)
    profile, flags = profile_of(given, users_flag="--users", users=USERS, duration=DURATION, example=("10s", "150/s"))
    here: Place = ("scenarios", "hit")
    origins: dict[Place, str] = {(*here, "steps", 0, key): flag for key, flag in step_flags.items()}
    origins |= {(*here, "profile", key): flag for key, flag in flags.items()}
    scenarios = {"hit": {"profile": profile, "steps": [step]}}
    tree: dict[str, Any] = {"name": "hit", "target": f"{origin.scheme}://{origin.authority}", "scenarios": scenarios}
    http: dict[str, Any] = {"cookies": False, "redirects": 0, "gzip": False}
    if given["timeout"]:
        http["timeouts"] = {"first_byte": given["timeout"], "total": given["timeout"]}
        origins["http", "timeouts", "total"] = origins["http", "timeouts", "first_byte"] = "flag --timeout"
    if given["insecure"]:
        http["verify"] = False
    if given["no_keep_alive"]:
        http["keep_alive"] = False
    # A run without a gate could not fail: then at least the exchanges must succeed, and the checks hold.
    tree["gates"] = list(given["gates"]) or [ERRORS_GATE, *([CHECKS_GATE] if "checks" in step else [])]
    origins[("gates",)] = "flag --gate"
    return resolved({**tree, "http": http}, origins, given)


def _step(path: str, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    body = _body(given["body"])
    method = (given["method"] or ("POST" if body is not None else "GET")).upper()
    # `${` in a URL or body of the command line is meant as it stands.
    step: dict[str, Any] = {"name": f"{method} {path.partition('?')[0]}", "method": method, "path": path.replace("${", "$${")}
    if body is not None:
        step["body"] = body.replace("${", "$${")
    if headers := headers_of(given["headers"], example="-H 'Accept: application/json'"):
        step["headers"] = {name: value.replace("${", "$${") for name, value in headers.items()}
    statuses = [text for text in given["expects"] if _STATUS.fullmatch(text)]
    checks = [text for text in given["expects"] if not _STATUS.fullmatch(text)]
    if statuses:
        step["expect"] = ",".join(statuses)
    if checks:
        step["checks"] = checks
    return step, {"checks": "flag --expect", "expect": "flag --expect", "method": "flag -m", "headers": "flag -H"}


def _body(text: str | None) -> str | None:
    if text is None or not text.startswith("@"):
        return text
    try:
        return sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the body: {error}", where=f"--body {text}", hint="--body @file.json, or @- for standard input"
        ) from None
