"""Servers of Python's own library, which know nothing of us: runs certify themselves, gates have three answers, times have their owners."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest

from loadstone.errors import ExitCode
from loadstone.judge.verdict import Status
from loadstone.plan.model import Plan
from loadstone.report.json import render_json
from loadstone.report.text import render_text
from loadstone.report.told import Told
from loadstone.run import execute

WORK_S = 0.05


class Answers(BaseHTTPRequestHandler):
    """Takes its time."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(WORK_S)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


class OneAtATime(Answers):
    """Closes each connection, or the first one would keep the only thread."""

    protocol_version = "HTTP/1.0"


def serving(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def many() -> Iterator[str]:
    """Serves everybody at once."""
    ThreadingHTTPServer.daemon_threads = True
    yield from serving(ThreadingHTTPServer(("127.0.0.1", 0), Answers))


@pytest.fixture(scope="module")
def one() -> Iterator[str]:
    """Serves one after another: twenty a second, whatever is asked."""
    yield from serving(HTTPServer(("127.0.0.1", 0), OneAtATime))


def plan_of(target: str, gates: list[str], load: dict[str, object], sessions: int | None = None) -> Plan:
    scenario = {"profile": {"duration": "1500ms", **load}, "steps": [{"get": "/"}], "max_sessions": sessions}
    return Plan.model_validate({"target": target, "scenarios": {"a": scenario}, "gates": gates, "graceful_stop": "1s", "patience": "50ms"})


def test_a_load_that_was_not_reached_is_said_and_no_gate_saves_it(one: str) -> None:
    asked = plan_of(one, ["rate(http.errors) < 100%"], {"rate": "400/s"}, sessions=2)
    story = execute(asked, [])
    assert story.exit_code is ExitCode.UNTRUSTWORTHY
    document = json.loads(render_json(Told.of(story)))
    assert document["verdict"] == "untrustworthy"
    assert document["load"]["achieved_rate"] < 0.5 * 400


def test_gates_hold_break_and_have_no_data(many: str) -> None:
    gates = ["p50(http.response_time) >= 50ms", "p50(http.response_time) < 40ms", "p50(http.response_time{step=nowhere}) < 1s"]
    story = execute(plan_of(many, gates, {"users": 2}), [])
    assert [verdict.status for verdict in story.verdicts] == [Status.PASS, Status.FAIL, Status.NO_DATA]
    assert story.exit_code in {ExitCode.GATE_FAILED, ExitCode.UNTRUSTWORTHY}


def test_four_marks_tell_what_was_the_servers_time_what_was_waiting_for_it_and_what_was_ours(one: str) -> None:
    asked = plan_of(one, [], {"rate": "40/s"}, sessions=1)
    story = execute(asked.model_copy(update={"patience_s": 20.0, "graceful_stop_s": 20.0, "allow_unreached": True}), [])
    document = json.loads(render_json(Told.of(story)))
    times = document["metrics"]
    response, service, late, share = (
        times[name] for name in ("http.response_time", "http.service_time", "load.send_lag", "generator.share")
    )
    # One at a time at 50 ms each, twenty of forty a second: the server's own time stays that, and who was due has waited for it.
    assert service["min"] >= 1000 * WORK_S
    assert response["p90"] > service["p50"] + 100
    assert response["mean"] > service["mean"]
    assert response["count"] == service["count"] == share["count"] == document["load"]["requests"]
    assert late["count"] >= response["count"]
    page = render_text(story, 100)
    assert all(text in page for text in ("from due to the last byte", "http.service_time", "send lag", "own share"))
