"""The reference backend for the time of a run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from loadstone.cli.embedded import aimed
from loadstone.clock import now_ns
from loadstone.errors import ExitCode, TargetUnreachable
from loadstone.plan.model import Plan
from loadstone.probes.inside import InsideProbe
from loadstone.probes.probe import Readings

STEPS = {"profile": {"users": 1, "duration": "1s"}, "steps": [{"get": "/health"}]}


def plan(**settings: object) -> Plan:
    return Plan.model_validate({"scenarios": {"only": STEPS}, **settings})


def listens(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as connection:
        return connection.connect_ex((address.hostname or "", address.port or 0)) == 0


def status(url: str) -> int:
    address = urlsplit(url)
    with contextlib.closing(HTTPConnection(address.netloc)) as connection:
        connection.request("GET", address.path)
        return connection.getresponse().status


def test_a_plan_with_a_target_keeps_it_and_starts_nothing() -> None:
    with aimed(plan(embedded=True, target="http://h")) as same:
        assert same.target == "http://h"
    with aimed(plan()) as same:
        assert same.target is None


def test_the_backend_lives_as_long_as_the_block_also_when_it_fails() -> None:
    urls: list[str] = []

    def failing_run() -> None:
        with aimed(plan(embedded=True)) as aimed_plan:
            urls.append(aimed_plan.target or "")
            assert listens(urls[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing_run()
    assert not listens(urls[0])


def test_the_inside_of_the_backend_is_open_to_the_probe_alone() -> None:
    with aimed(plan(embedded=True, probes=[{"inside": "/_inside", "name": "inside"}])) as aimed_plan:
        asked = next(probe for probe in aimed_plan.probes if probe.kind == "inside")
        probe = InsideProbe(asked, aimed_plan.target or "")
        readings = Readings()
        probe.open(now_ns)
        probe.sample(readings)
        assert "target.allocated_blocks" in {series.metric for series in readings.gauges}
        assert str(asked.settings["token"]) not in aimed_plan.model_dump_json()
        assert status(f"{aimed_plan.target}/_inside") == 401
    with aimed(plan(embedded=True)) as aimed_plan:
        assert status(f"{aimed_plan.target}/_inside") == 404


def test_a_backend_that_does_not_start_is_unreachable_and_says_why() -> None:
    with pytest.raises(TargetUnreachable, match="no-such-fault"), aimed(plan(embedded=True), ("--no-such-fault",)):
        pass


def test_an_interrupt_from_the_terminal_lets_the_backend_answer_what_is_under_way() -> None:
    program = [sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())"]
    words = ["run", "chat", "--users", "10", "--duration", "15s", "--json"]
    process = subprocess.Popen([*program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stderr is not None
        process.stderr.readline()  # the first line about the load
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    document = json.loads(out)
    assert process.returncode == document["exit_code"] == ExitCode.INTERRUPTED
    assert document["load"]["requests"] > 0
    assert document["errors"] == []
    assert not listens(document["provenance"]["target"])
