from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.reference.bodies import MOST_JSON_BYTES


def test_health_answers_and_the_root_says_that_the_model_is_a_simulator(backend: Any) -> None:
    assert backend.ask("GET", "/health").json == {"status": "ok"}
    assert "simulator" in backend.ask("GET", "/").json["notice"]


def test_an_item_can_be_made_read_changed_and_removed(backend: Any) -> None:
    made = backend.ask("POST", "/api/items", {"name": "lamp", "price": 3, "tags": ["a"]})
    assert made.status == 201
    path = made.headers["location"]
    assert backend.ask("GET", path).json == made.json == {"id": 101, "name": "lamp", "price": 3.0, "tags": ["a"]}
    assert backend.ask("PUT", path, {"name": "desk"}).json["name"] == "desk"
    assert backend.ask("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        assert backend.ask(method, path).status == 404
    assert backend.ask("PUT", path, {"name": "desk"}).status == 404


def test_pages_of_items_cover_all_of_them_once(backend: Any) -> None:
    seen, after = [], 0
    while after is not None:
        page = backend.ask("GET", f"/api/items?limit=30&after={after}").json
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert seen == list(range(1, 101))


def test_the_same_question_has_the_same_answer_for_a_seed(start: Callable[..., Any]) -> None:
    answers = [start(seed=seed).ask("POST", "/api/ask", {"question": "why?"}).json for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    assert answers[0]["answer"].startswith("Simulated answer")
    assert answers[0]["tokens"]["prompt"] == 2


def test_a_chat_session_keeps_its_messages_in_order_until_it_is_deleted(backend: Any) -> None:
    session = backend.ask("POST", "/api/chat/sessions", {"user": "u1"}).headers["location"]
    replies = [backend.ask("POST", f"{session}/messages", {"text": text}).json for text in ("one", "two")]
    kept = backend.ask("GET", f"{session}/messages").json["messages"]
    assert [(message["role"], message["text"]) for message in kept] == [
        ("user", "one"),
        ("assistant", replies[0]["text"]),
        ("user", "two"),
        ("assistant", replies[1]["text"]),
    ]
    assert [reply["turn"] for reply in replies] == [1, 2]
    assert backend.ask("GET", session).json["messages"] == 4
    assert backend.ask("DELETE", session).status == 204
    for method, path in (("GET", session), ("GET", f"{session}/messages"), ("DELETE", session)):
        assert backend.ask(method, path).status == 404


def test_acknowledged_sessions_are_there_after_a_restart(start: Callable[..., Any], tmp_path: Path) -> None:
    first = start(database=tmp_path / "kept.db")
    session = first.ask("POST", "/api/chat/sessions").headers["location"]
    first.ask("POST", f"{session}/messages", {"text": "remember"})
    second = start(database=tmp_path / "kept.db")  # the first was never closed, as after a kill
    assert second.ask("GET", f"{session}/messages").json["messages"][0]["text"] == "remember"


def test_a_file_that_is_no_database_is_refused_and_left_alone(start: Callable[..., Any], tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear reader, " * 500)
    with pytest.raises(UsageError, match="not a database"):
        start(database=letter)
    assert letter.read_text() == "dear reader, " * 500


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/ask", b"{", 400),
        ("POST", "/api/ask", b"[1]", 400),
        ("POST", "/api/ask", b"\xff\xfe", 400),
        ("POST", "/api/ask", b"[" * 200_000, 400),
        ("POST", "/api/ask", b"", 400),
        ("POST", "/api/ask", {}, 400),
        ("POST", "/api/ask", {"question": 5}, 400),
        ("POST", "/api/ask", b" " * (MOST_JSON_BYTES + 1), 413),
        ("POST", "/api/items", {"name": "x", "price": -1}, 400),
        ("POST", "/api/items", {"name": "x", "price": "dear"}, 400),
        ("POST", "/api/items", {"name": "x", "tags": "red"}, 400),
        ("GET", "/api/items?limit=0", None, 400),
        ("GET", "/api/items/abc", None, 400),
        ("GET", "/api/items/99999999999999999999999", None, 400),
        ("POST", "/api/chat/sessions/unknown/messages", {"text": "hi"}, 404),
        ("POST", "/api/workflows/unknown/runs", {"text": "hi"}, 404),
        ("POST", "/api/workflows/triage/runs", {"text": "hi", "tool_delay": "soon"}, 400),
        ("GET", "/api/workflows/runs/unknown", None, 404),
        ("PUT", "/faults", {"unknown": 1}, 400),
        ("PUT", "/faults", {"capacity": [1]}, 400),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/health", None, 405),
        ("GET", "/delay/forever", None, 400),
        ("GET", "/status/999", None, 400),
        ("GET", "/bytes/-1", None, 400),
    ],
)
def test_bad_input_gets_a_clear_refusal_and_no_traceback(backend: Any, method: str, path: str, body: Any, status: int) -> None:
    answer = backend.ask(method, path, body)
    assert answer.status == status
    assert answer.error["message"]
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(("path", "field", "status"), [("/api/ask", "question", 200), ("/api/workflows/triage/runs", "text", 201)])
def test_odd_texts_are_served_and_those_that_no_encoding_can_hold_refused(backend: Any, path: str, field: str, status: int) -> None:
    assert backend.ask("POST", path, {field: "a \x00 b \u202e c \U0001f600"}).status == status
    assert backend.ask("POST", path, {field: "half \ud800"}).status == 400


def test_echo_tells_what_was_sent(backend: Any) -> None:
    echoed = backend.ask("PUT", "/echo?a=1", b"hello", headers={"x-own": "yes"}).json
    assert (echoed["method"], echoed["query"], echoed["body_bytes"], echoed["body"]) == ("PUT", {"a": "1"}, 5, "hello")
    assert echoed["headers"]["x-own"] == "yes"


def test_bytes_chunks_and_gzip_have_exactly_the_size_asked_for(backend: Any) -> None:
    assert len(backend.ask("GET", "/bytes/12345").body) == 12345
    assert backend.ask("GET", "/bytes/0").headers["content-length"] == "0"
    pieces = backend.ask("GET", "/chunked/5?gap_ms=10")
    assert "content-length" not in pieces.headers
    assert [len(chunk) for _, chunk in pieces.chunks] == [64] * 5
    assert [instant - 1000 for instant, _ in pieces.chunks] == pytest.approx([0.0, 0.01, 0.02, 0.03, 0.04])
    packed = backend.ask("GET", "/gzip?bytes=5000")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(packed.body)) == 5000


def test_a_chain_of_redirects_ends_at_echo(backend: Any) -> None:
    path, hops = "/redirect/3?code=307", 0
    while (answer := backend.ask("GET", path)).status == 307:
        path, hops = answer.headers["location"], hops + 1
    assert (path, hops, answer.status) == ("/echo", 3, 200)


def test_cookies_are_set_and_shown(backend: Any) -> None:
    assert "flavour=plain" in backend.ask("GET", "/cookies/set?flavour=plain").headers["set-cookie"]
    assert backend.ask("GET", "/cookies", headers={"cookie": "flavour=plain"}).json == {"cookies": {"flavour": "plain"}}


def test_credentials_are_asked_for_and_accepted(backend: Any) -> None:
    assert backend.ask("GET", "/basic-auth/ada/secret").status == 401
    assert backend.ask("GET", "/basic-auth/ada/secret", headers={"authorization": "Basic YWRhOnNlY3JldA=="}).status == 200
    assert backend.ask("GET", "/bearer").status == 401
    assert backend.ask("GET", "/bearer", headers={"authorization": "Bearer abc"}).json == {"token_length": 3}


def test_any_status_can_be_had(backend: Any) -> None:
    assert [backend.ask("GET", f"/status/{code}").status for code in (200, 204, 304, 404, 503)] == [200, 204, 304, 404, 503]


def test_a_delay_is_counted_from_the_arrival(backend: Any) -> None:
    assert backend.ask("GET", "/delay/250").chunks[0][0] == pytest.approx(1000.25)


def test_faults_are_switched_while_running_and_the_books_agree(backend: Any) -> None:
    backend.ask("PUT", "/faults", {"error_rate": "20%", "latency": "50ms", "leak": "1kB"})
    statuses = [backend.ask("GET", "/api/items/1").status for _ in range(50)]
    assert statuses.count(500) == 10
    told = backend.ask("GET", "/faults").json
    expected = {"requests": 50, "errors": 10, "rejected": 0, "delayed": 50, "stalled": 0, "leaked_bytes": 50_000, "leaked_requests": 50}
    assert told["injected"] | expected == told["injected"]
    assert told["injected"]["delay_s"] == pytest.approx(2.5)
    assert backend.timer.now() == pytest.approx(1002.5)
    assert backend.ask("DELETE", "/faults").json["faults"]["latency"] is None
    assert [backend.ask("GET", "/api/items/1").status for _ in range(20)] == [200] * 20
    stats = backend.ask("GET", "/stats").json
    assert stats["by_route"]["GET /api/items/{id}"] == {"200": 60, "500": 10}
    assert stats["rss_bytes"] > 0
    assert stats["leaked_bytes"] == 0


def test_a_wrong_fault_changes_nothing(backend: Any) -> None:
    before = backend.ask("PUT", "/faults", {"latency": "1s"}).json["faults"]
    assert backend.ask("PUT", "/faults", {"latency": "2s", "leak": "lots"}).status == 400
    assert backend.ask("GET", "/faults").json["faults"] == before


def test_made_up_paths_are_counted_together(backend: Any) -> None:
    for index in range(20):
        backend.ask("GET", f"/made-up/{index}")
    assert backend.ask("GET", "/stats").json["by_route"] == {"GET (other)": {"404": 20}}
