"""The process that shows a run, over real sockets: whole past, resume, slow viewers, a hand on the controls, and its end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any, Protocol

import pytest

from loadstone.errors import UsageError
from loadstone.live.dashboard.listen import Address, Listening, listen, read_address
from loadstone.live.dashboard.process import end_after_the_run
from loadstone.live.dashboard.sink import MOST_WAITING, DashboardSink, folded
from loadstone.testing.samples import make_snapshot

ABOUT = {"name": "<b>shop</b>", "target": "http://127.0.0.1:9", "duration_s": 60.0, "started_at": "", "metrics": {}}
OURS = {"x-loadstone": "1", "content-type": "application/json"}


class Closable(Protocol):
    """What is closed at the end."""

    def close(self) -> None: ...


class Shown:
    """A run that is shown, without the run."""

    def __init__(self, token: str = "") -> None:
        self.asked: list[Mapping[str, Any]] = []
        self._open: list[Closable] = []
        self.listening: Listening = listen(Address(), token)
        self.sink = DashboardSink(self.listening, ABOUT, steer=self._steer, niceness=0)

    def _steer(self, asked: Mapping[str, Any]) -> str:
        self.asked.append(asked)
        if asked["do"] == "fly":
            raise UsageError("a run cannot fly")
        return "paused"

    def connection(self) -> HTTPConnection:
        made = HTTPConnection("127.0.0.1", self.listening.port, timeout=120)
        self._open.append(made)
        return made

    def close(self) -> None:
        """What a test opened, and the process."""
        self.sink.close()
        self.sink._ours.close() if self.sink.process.poll() is not None else self.sink._ours.shutdown(socket.SHUT_RDWR)
        for each in self._open:
            each.close()
        self.sink.process.wait(120)
        self.sink._ours.close()

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
        connection = self.connection()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found

    def events(self, after: int = 0, of: str = "") -> Iterator[dict[str, Any]]:
        connection = self.connection()
        connection.request("GET", f"/events?after={after}&of={of}")
        response = connection.getresponse()
        self._open.append(response)
        event: dict[str, Any] = {}
        while line := response.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                event["data"] = json.loads(value)
            elif name:
                event[name] = value
            elif "event" in event:
                yield event
                event = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.listening.port}"


@pytest.fixture
def shown() -> Iterator[Shown]:
    made = Shown()
    yield made
    made.close()


def test_a_reload_shows_the_whole_past_and_the_stream_goes_on_from_there(shown: Shown) -> None:
    for seq in range(3):
        shown.sink.snapshot(make_snapshot(seq))
    stream = shown.events()
    first = [next(stream) for _ in range(3)]
    assert [event["id"] for event in first] == ["1", "2", "3"]
    assert first[0]["data"]["stretch"]["d"], "a second without what it measured"
    assert first[0]["data"]["state"]["status"] == "running"
    whole = json.loads(shown.ask("GET", "/data")[1])
    assert whole["seq"] == 3
    assert [round(stretch["end_s"] - stretch["start_s"]) for stretch in whole["stretches"]] == [1, 1, 1]
    assert next(shown.events(after=2))["id"] == "3"
    assert next(shown.events(after=99))["event"] == "resync"


def test_a_control_reaches_the_run_and_its_answer_the_viewer(shown: Shown) -> None:
    shown.sink.snapshot(make_snapshot(0))
    status, body = shown.ask("POST", "/control", '{"do": "pause"}', origin=shown.origin, **OURS)
    assert (status, json.loads(body)) == (200, {"done": True, "text": "paused"})
    status, body = shown.ask("POST", "/control", '{"do": "fly"}', origin=shown.origin, **OURS)
    assert (status, json.loads(body)) == (409, {"done": False, "text": "a run cannot fly"})
    assert [asked["do"] for asked in shown.asked] == ["pause", "fly"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x-loadstone": "1"}, 403),
        ({"x-loadstone": "1", "origin": "http://elsewhere.example"}, 403),
        ({"x-loadstone": "1", "origin": "null"}, 403),
        ({"host": "elsewhere.example"}, 421),
    ],
)
def test_a_page_elsewhere_cannot_steer_a_run(shown: Shown, headers: dict[str, str], status: int) -> None:
    assert shown.ask("POST", "/control", '{"do": "pause"}', **headers)[0] == status
    assert shown.asked == []


def test_a_dashboard_that_is_killed_costs_the_run_nothing_but_its_picture(shown: Shown) -> None:
    shown.sink.snapshot(make_snapshot(0))
    os.kill(shown.sink.process.pid, signal.SIGKILL)
    shown.sink.process.wait(120)
    for seq in range(1, 3 * MOST_WAITING):
        shown.sink.snapshot(make_snapshot(seq))
    assert len(shown.sink._waiting) <= MOST_WAITING
    shown.sink._threads[0].join(120)
    assert "gone" in shown.sink.failure


def test_a_dashboard_that_hangs_never_keeps_the_run_waiting_and_loses_no_request(shown: Shown) -> None:
    os.kill(shown.sink.process.pid, signal.SIGSTOP)
    try:
        seconds = [(float(seq), make_snapshot(seq)) for seq in range(2 * MOST_WAITING)]
        for _, snapshot in seconds:
            shown.sink.snapshot(snapshot)
        assert len(shown.sink._waiting) <= MOST_WAITING
        assert shown.sink.dropped == 0
    finally:
        os.kill(shown.sink.process.pid, signal.SIGCONT)
    sent = sum(sum(snapshot.counts.values()) for _, snapshot in seconds)
    whole = json.loads(shown.ask("GET", "/data")[1])
    while (came := sum(count for stretch in whole["stretches"] for _, count in stretch["c"])) < sent:
        next(shown.events(after=whole["seq"]))
        whole = json.loads(shown.ask("GET", "/data")[1])
    assert came == sent


RUN_WITH_A_FROZEN_DASHBOARD = """
import os, signal
from loadstone.live.dashboard.listen import Address, listen
from loadstone.live.dashboard.sink import DashboardSink
from loadstone.testing.samples import make_snapshot
sink = DashboardSink(listen(Address()), {"name": "x", "target": "", "duration_s": 1.0, "started_at": "", "metrics": {}}, niceness=0)
os.kill(sink.process.pid, signal.SIGSTOP)
for at in range(300):
    sink.snapshot(make_snapshot(at))
sink.close()
sink.ended("pass", 0)
os.write(1, str(sink.process.pid).encode())
"""


def test_a_run_ends_though_its_dashboard_hangs_with_a_socket_that_is_full() -> None:
    ended = subprocess.run([sys.executable, "-c", RUN_WITH_A_FROZEN_DASHBOARD], stdout=subprocess.PIPE, timeout=120, check=False)
    os.kill(int(ended.stdout), signal.SIGKILL)
    assert ended.returncode == 0


def test_folding_keeps_what_was_counted() -> None:
    seconds = [(float(seq), make_snapshot(seq)) for seq in range(9)]
    fewer = folded(seconds)
    assert len(fewer) == 5
    assert fewer[-1] is seconds[-1]
    for total in ("counts",):
        assert sum(sum(getattr(one, total).values()) for _, one in fewer) == sum(sum(getattr(one, total).values()) for _, one in seconds)


def test_the_process_ends_when_the_run_has_gone_and_tells_viewers(shown: Shown) -> None:
    shown.sink.snapshot(make_snapshot(0))
    stream = shown.events()
    next(stream)
    shown.sink.close()
    shown.sink.ended("pass", 0, "abc")
    ended = [next(stream), next(stream)]
    assert [event["event"] for event in ended] == ["ended", "ended"]
    assert ended[1]["data"]["state"]["verdict"] == "pass"
    shown.sink._ours.shutdown(socket.SHUT_RDWR)
    assert shown.sink.process.wait(120) == 0


def test_a_run_that_was_killed_is_said_to_have_broken_off(shown: Shown) -> None:
    shown.sink.snapshot(make_snapshot(0))
    stream = shown.events()
    next(stream)
    shown.sink._ours.shutdown(socket.SHUT_RDWR)  # as the system does for a process that is gone
    state = next(event for event in stream if event["event"] == "ended")["data"]["state"]
    assert (state["status"], state["broke_off"], "exit_code" in state) == ("ended", True, False)
    assert shown.sink.process.wait(120) == 0


def test_a_process_that_is_not_given_time_ends_by_an_alarm_though_much_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms: list[int] = []
    monkeypatch.setattr("signal.alarm", alarms.append)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = end_after_the_run(theirs, 7.5)
        ours.sendall(b"unread")
        assert alarms == []
        ours.close()
        thread.join(120)
    assert alarms == [13]


def test_a_viewer_of_the_run_before_on_the_same_port_is_told_to_begin_anew(shown: Shown) -> None:
    for seq in range(3):
        shown.sink.snapshot(make_snapshot(seq))
    for of in (json.loads(shown.ask("GET", "/data")[1])["of"], "another"):
        event = next(shown.events(1, of))
        assert (event["event"] == "resync") is (of == "another")


def test_with_a_token_nobody_looks_without_it() -> None:
    token = "a-token-of-ours"  # noqa: S105
    shown = Shown(token)
    try:
        assert shown.listening.url.endswith(f"#token={token}")
        assert token not in repr(shown.listening)
        assert token not in " ".join(map(str, shown.sink.process.args)), "everybody on the machine can read arguments"  # type: ignore[arg-type]
        assert shown.ask("GET", "/data")[0] == 401
        assert shown.ask("GET", "/data", authorization="Bearer wrong")[0] == 401
        assert shown.ask("GET", "/data", authorization=f"Bearer {token}")[0] == 200
        assert shown.ask("POST", "/session", '{"token": "wrong"}', origin=shown.origin, **OURS)[0] == 403
        connection = shown.connection()
        connection.request("POST", "/session", json.dumps({"token": token}), {**OURS, "origin": shown.origin})
        response = connection.getresponse()
        cookie = response.getheader("set-cookie") or ""
        connection.close()
        assert response.status == 204
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert token not in cookie
        assert shown.ask("GET", "/data", cookie=cookie.partition(";")[0])[0] == 200
    finally:
        shown.close()


def test_other_addresses_get_a_token_by_themselves() -> None:
    listening = listen(Address("0.0.0.0"))  # noqa: S104
    listening.socket.close()
    assert len(listening.token) > 16


def test_a_port_in_use_is_told_with_what_to_try() -> None:
    held = listen(Address())
    with pytest.raises(UsageError, match=r"port is in use.*127\.0\.0\.1:0"):
        listen(Address(port=held.port))
    held.socket.close()


@pytest.mark.parametrize("text", ["suite.yaml:x", "http://a:1", "127.0.0.1:70000", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        read_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [("", Address()), ("8089", Address(port=8089)), (":0", Address()), ("[::1]:80", Address("::1", 80)), ("box", Address("box"))],
)
def test_addresses_are_read_as_people_write_them(text: str, address: Address) -> None:
    assert read_address(text) == address
