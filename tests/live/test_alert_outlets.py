"""Where alerts go: lines, files, hooks and commands, and what happens when these fail or hang."""

import http.client
import io
import json
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.judge.alert_rules import Level
from loadstone.judge.alerts import Alert, Kind
from loadstone.live.alert_outlets import MOST_WAITING, Delivery, FileOutlet, TerminalOutlet, command_line, web_hook
from loadstone.live.alert_page import PageFile, PageServer, page
from loadstone.testing.server import ScriptedServer, answer, hold, response

ALERT = Alert(Kind.RAISED, "response", "p95(http.response_time)", Level.WARNING, Level.OK, 2300.0, 1000.0, "ms", 60.0)
ENDLESS = Alert(Kind.RAISED, "response", "p95(http.response_time)", Level.CRITICAL, Level.OK, float("inf"), 5000.0, "ms")


def test_a_line_says_level_value_and_limit() -> None:
    stream = io.StringIO()
    TerminalOutlet(stream).tell(0.0, ALERT)
    assert "WARNING" in stream.getvalue()
    assert "p95(http.response_time) is 2.3 s (limit 1 s)" in stream.getvalue()


def test_a_closed_terminal_is_silent_and_raises_nothing() -> None:
    stream = io.StringIO()
    outlet = TerminalOutlet(stream)
    stream.close()
    outlet.tell(0.0, ALERT)
    outlet.tell(0.0, ALERT)


def test_a_file_gets_one_json_line_for_each_alert_and_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"old": 1}\n')
    outlet = FileOutlet(path, "shop")
    outlet.tell(0.0, ALERT)
    outlet.tell(0.0, ENDLESS)
    old, first, second = map(json.loads, path.read_text().splitlines())
    assert old == {"old": 1}
    assert (first["level"], first["value"], first["limit"], first["monitor"]) == ("warning", 2300.0, 1000.0, "shop")
    assert (second["value"], second["unbounded"]) == (None, True)


def test_a_file_in_no_folder_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        FileOutlet(tmp_path / "no" / "alerts.jsonl", "shop")


def test_a_delivery_that_fails_is_tried_again_until_it_succeeds() -> None:
    tries, done = [], threading.Event()

    def deliver(record: Mapping[str, Any]) -> None:
        tries.append(record)
        if len(tries) < 3:
            raise OSError("refused")
        done.set()

    delivery = Delivery("shop", deliver, pauses_s=(0.0, 0.0, 0.0))
    delivery.tell(0.0, ALERT)
    assert done.wait(120)
    delivery.close()
    assert (delivery.delivered, delivery.given_up, delivery.failure) == (1, 0, "")


def test_a_delivery_that_hangs_delays_nobody_and_what_waits_is_bounded() -> None:
    begun, let_go = threading.Event(), threading.Event()

    def deliver(_record: Mapping[str, Any]) -> None:
        begun.set()
        let_go.wait(120)

    delivery = Delivery("shop", deliver)
    delivery.tell(0.0, ALERT)
    assert begun.wait(120)
    for _ in range(MOST_WAITING + 50):
        delivery.tell(0.0, ALERT)  # comes back at once, or this test would never end
    assert delivery.given_up == 50
    let_go.set()
    delivery.close()
    assert delivery.delivered == MOST_WAITING + 1


def test_a_web_hook_posts_json() -> None:
    with ScriptedServer([answer(response(b"ok"))]) as server:
        web_hook(f"http://127.0.0.1:{server.port}/hook?token=s3cret", 5.0)({"level": "warning"})
        (request,) = server.requests
    assert request.startswith(b"POST /hook?token=s3cret HTTP/1.1\r\n")
    assert request.endswith(b'{"level": "warning"}')


def test_a_web_hook_that_answers_500_or_never_is_a_failure_without_its_address() -> None:
    with ScriptedServer([answer(response(status=500, reason="Broken"))]) as server, pytest.raises(OSError, match="500"):
        web_hook(f"http://127.0.0.1:{server.port}/", 5.0)({})
    with ScriptedServer([hold()]) as server:
        delivery = Delivery("shop", web_hook(f"http://127.0.0.1:{server.port}/s3cret", 0.05), pauses_s=())
        delivery.tell(0.0, ALERT)
        delivery.close()
    assert delivery.given_up == 1
    assert delivery.failure
    assert "s3cret" not in delivery.failure


@pytest.mark.parametrize("url", ["file:///etc/passwd", "host/path", "http://"])
def test_a_web_hook_is_an_http_url(url: str) -> None:
    with pytest.raises(UsageError, match="not a URL"):
        web_hook(url)


def test_a_command_gets_the_record_and_the_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$LOADSTONE_ALERT_LEVEL $LOADSTONE_ALERT_TEXT" > {out}\ncat >> {out}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    command_line(str(script))({"text": "p95 is 2 s", "level": "warning", "rule": "r", "kind": "raised"})
    first, second = out.read_text().splitlines()
    assert first == "warning p95 is 2 s"
    assert json.loads(second)["rule"] == "r"


def test_a_command_that_fails_is_a_failure_and_one_that_cannot_be_read_a_mistake() -> None:
    with pytest.raises(OSError, match="ended with 1"):
        command_line("false")({"text": "", "level": "", "rule": "", "kind": ""})
    with pytest.raises(UsageError, match="cannot be read"):
        command_line("echo 'open")


LEVELS = {'a "rule"': (Level.WARNING, 2.5), "silent": (Level.WARNING, None), "lost": (Level.CRITICAL, float("inf"))}


def test_the_page_has_a_level_for_every_rule_and_a_value_where_there_is_one() -> None:
    text = page("shop", LEVELS, 12.0)
    assert 'loadstone_alert_level{monitor="shop",rule="a \\"rule\\""} 1' in text
    assert 'loadstone_alert_value{monitor="shop",rule="lost"} +Inf' in text
    assert 'loadstone_alert_value{monitor="shop",rule="silent"}' not in text
    assert text.endswith("12.0\n")


def test_the_page_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = PageFile(tmp_path / "loadstone.prom")
    file.show("one\n")
    file.show("two\n")
    assert (tmp_path / "loadstone.prom").read_text() == "two\n"
    assert [each.name for each in tmp_path.iterdir()] == ["loadstone.prom"]


def test_the_endpoint_answers_the_newest_page_and_nothing_else() -> None:
    server = PageServer("127.0.0.1", 0)
    try:
        server.show("one 1\n")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        connection.request("GET", "/metrics")
        assert connection.getresponse().read() == b"one 1\n"
        connection.close()
        connection.request("GET", "/other")
        assert connection.getresponse().status == 404
        connection.close()
        with pytest.raises(UsageError, match="cannot be listened on"):
            PageServer("127.0.0.1", server.port)
    finally:
        server.close()
