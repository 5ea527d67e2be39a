"""`loadstone doctor`: what can this machine be trusted with?"""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from loadstone.cli.finding import Finding, written
from loadstone.errors import ExitCode, TargetUnreachable
from loadstone.event_loop import new_event_loop

if TYPE_CHECKING:
    from loadstone.judge.story import Story

TIMER_S, TIMER_RATE = 1.0, 500
GOOD_TIMER_MS = 1.0
FEW_DESCRIPTORS = 4096
TOP_RATE_S = 2.0


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--quick", is_flag=True, help="Leave the top rate out.")
@click.option("--target", metavar="URL", help="Ask there once, too: does it take connections, and what does HEAD answer?")
def command(*, as_json: bool, quick: bool, target: str | None) -> None:
    """Measure this machine as a load generator: timer, clock, limits, and the top rate on loopback.

    Nothing but --target is touched outside this machine. Advice leaves the exit code at 0; a target that does not answer makes it 3.
    """
    reached, asked = _target(target) if target else (True, [])
    findings = [_timer(), _kernel_clock(), _loop(), _exchange(), _descriptors(), _ports()]
    if not quick:
        findings.append(_top_rate())
    findings += asked
    if as_json:
        import json

        click.echo(json.dumps([{"what": each.what, "found": each.found, "advice": each.advice} for each in findings], indent=2))
    else:
        for line in written(findings):
            click.echo(line)
    if not reached:
        raise SystemExit(ExitCode.UNREACHABLE)


def _target(url: str) -> tuple[bool, list[Finding]]:
    """Whether it takes connections, and what the URL answers to HEAD."""
    from loadstone.cli.before_run import endpoints_of, target_of
    from loadstone.clients.address import split_url
    from loadstone.load.first_look import first_look
    from loadstone.plan.http import HttpSettings

    try:
        found = target_of(url)
    except TargetUnreachable as error:
        return False, [Finding("target", error.what, error.hint)]
    look = first_look(HttpSettings(), url, [url], lasting_s=0.0)
    shown = [replace(each, path=split_url(url)[1]) for each in look.endpoints]
    return True, [found, endpoints_of(shown)]


def _timer() -> Finding:
    from loadstone.clock import KernelAlarm

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        lags = sorted(runner.run(_lags()))
    middle, late = lags[len(lags) // 2] / 1e6, lags[int(len(lags) * 0.99)] / 1e6
    kind = "kernel timer (timerfd)" if KernelAlarm.available() else "event loop's timer, 1 ms steps"
    advice = "sends will be as late as this; close other programs, or use a machine with a free core" if late > GOOD_TIMER_MS else ""
    return Finding("timer error", f"p50 {middle:.3f} ms, p99 {late:.3f} ms, {kind}", advice)


async def _lags() -> list[int]:
    from loadstone.clients.wire import Wire
    from loadstone.clock import SECOND

    wire = Wire(asyncio.get_running_loop())
    timers = wire.timers
    start, lags = timers.now_ns() + SECOND // 100, []
    for number in range(round(TIMER_S * TIMER_RATE)):
        due = start + number * SECOND // TIMER_RATE
        await timers.wait_until(due)
        lags.append(timers.now_ns() - due)
    wire.close()
    return lags


def _kernel_clock() -> Finding:
    from loadstone.clients.wire import ANCILLARY_ROOM, ask_for_stamps

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        stamped = ask_for_stamps(client)
        peer, _ = server.accept()
        with peer:
            for _ in range(3):  # the kernel begins to stamp a moment after it was first asked
                peer.send(b"x")
                ancillary = client.recvmsg(1, ANCILLARY_ROOM)[1] if stamped else []
    if ancillary:
        return Finding("receive clock", "the kernel's (SO_TIMESTAMPNS)")
    advice = "latencies include the generator's own queue; on Linux the kernel's stamps are used"
    return Finding("receive clock", "the application's", advice)


def _loop() -> Finding:
    from importlib.metadata import version

    try:
        import uvloop  # noqa: F401  only whether it is there
    except ImportError:
        return Finding("event loop", f"asyncio on {sys.platform}", "pip install uvloop")
    return Finding("event loop", f"uvloop {version('uvloop')}")


def _exchange() -> Finding:
    from loadstone.clients import http  # noqa: F401  binds the twins
    from loadstone.clients.compiled import PYTHON, UNWANTED, twins

    if twins.way != PYTHON:
        return Finding("usual exchange", twins.way)
    return Finding(
        "usual exchange", f"{PYTHON}: {twins.why}" if twins.why == UNWANTED else PYTHON, "" if twins.why == UNWANTED else twins.why
    )


def _descriptors() -> Finding:
    from loadstone.probes.machine import descriptor_limit

    limit = descriptor_limit()
    advice = "each connection takes one: ulimit -n 65536" if limit < FEW_DESCRIPTORS else ""
    return Finding("file descriptors", f"{limit} per worker", advice)


def _ports() -> Finding:
    from loadstone.probes.machine import local_ports

    ports = local_ports()
    if ports is None:
        return Finding("local ports", "unknown on this system")
    return Finding("local ports", f"{ports} per source address and target; more with http.source_addresses")


def _top_rate() -> Finding:
    from loadstone.probes.loopback import loopback_server

    with loopback_server() as url:
        story = _story(url)
    rate = story.result.load.achieved_rate
    cpu = story.result.total.gauge("generator.cpu")
    cost = f", {cpu.mean * 1e4 / rate:.1f} µs of CPU each" if cpu and rate else ""
    return Finding("top rate on loopback", f"{rate:,.0f} requests/s with one worker, 64 users{cost}")


def _story(url: str) -> Story:
    from loadstone.plan.model import Plan
    from loadstone.run import execute

    profile = {"kind": "constant-users", "users": 64, "duration": TOP_RATE_S}
    return execute(
        Plan.model_validate({"name": "doctor", "target": url, "scenarios": {"top": {"profile": profile, "steps": [{"get": "/"}]}}})
    )
