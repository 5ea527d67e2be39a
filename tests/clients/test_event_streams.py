"""The client of event streams against a server that sends exactly these bytes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loadstone.clients.limits import Limits
from loadstone.clients.sse_client import SseClient, Stream
from loadstone.measure.aggregate import Aggregate
from loadstone.testing.server import ScriptedServer, Step, always, answer, chunked, hold, read, response, send
from loadstone.testing.talk import Talk

SSE, LINES = "Content-Type: text/event-stream; charset=utf-8", "Content-Type: application/x-ndjson"
THREE = b"data: 1\n\nevent: end\ndata: 2\n\ndata: 3\n\n"


def watch(conversation: Callable[[SseClient], Awaitable[Any]], *steps: Step, **options: Any) -> tuple[Stream, Aggregate]:
    with ScriptedServer(steps) as server:
        talk = Talk(target=server.url, **options)
        came: Stream = talk.speak("sse", conversation)
    assert not server.mistakes
    return came, talk.measured


def test_a_stream_is_read_to_its_end() -> None:
    came, measured = watch(lambda sse: sse.get("/events", name="watch"), always(answer(chunked(THREE, headers=[SSE]))))
    assert (came.ok, came.left, came.count, came.status) == (True, False, 3, 200)
    assert [(event.name, event.data) for event in came.events] == [("message", "1"), ("end", "2"), ("message", "3")]
    assert (came.text, came.json()) == ("1\n2\n3", [1, 2, 3])
    assert came.first_event_s is not None
    assert len(came.gaps_s) == 2
    assert (measured.count("sse.streams"), measured.count("sse.events"), measured.count("http.requests")) == (1, 3, 1)
    for name, count in (("sse.first_event", 1), ("sse.event_gap", 2), ("sse.longest_gap", 1)):
        values = measured.distribution(name, {"step": "watch", "outcome": "ok"})
        assert values is not None
        assert values.count == count


def test_json_lines_are_events_too_and_the_last_needs_no_end() -> None:
    came, _ = watch(lambda sse: sse.post("/query", json={"a": 1}), always(answer(chunked(b'{"n":1}\n{"n"', b":2}", headers=[LINES]))))
    assert (came.ok, came.json()) == (True, [{"n": 1}, {"n": 2}])


def test_a_json_line_that_was_cut_is_no_event() -> None:
    cut = chunked(b'{"n":1}\n{"n"', headers=[LINES]).removesuffix(b"0\r\n\r\n")
    came, measured = watch(lambda sse: sse.get("/lines"), read(), send(cut))
    assert (came.failure, came.json(), measured.count("sse.events")) == ("closed_early", [{"n": 1}], 1)


@pytest.mark.parametrize("ends", [{"limit": 2}, {"until": "end"}, {"until": "2"}, {"until": lambda event: event.data == "2"}])
def test_a_client_leaves_when_it_has_what_it_wants(ends: dict[str, Any]) -> None:
    cut = chunked(THREE, headers=[SSE]).removesuffix(b"0\r\n\r\n")
    came, measured = watch(lambda sse: sse.get("/events", **ends), read(), send(cut), hold())
    assert (came.ok, came.left, came.count) == (True, True, 2)
    assert measured.count("sse.cancelled") == 1
    assert measured.count("sse.errors") is measured.count("http.errors") is None


def test_a_client_leaves_when_its_time_is_over(never_before_a_read: Callable[[Talk], None]) -> None:
    cut = chunked(THREE, headers=[SSE]).removesuffix(b"0\r\n\r\n")
    with ScriptedServer([read(), send(cut), hold()]) as server:
        talk = Talk(target=server.url)
        never_before_a_read(talk)
        came = talk.speak("sse", lambda sse: sse.get("/events", timeout="10ms"))
    assert (came.ok, came.left, came.count) == (True, True, 3)


def test_what_is_wrong_is_typed_and_what_came_is_kept() -> None:
    cut = chunked(THREE, headers=[SSE]).removesuffix(b"0\r\n\r\n")
    came, measured = watch(lambda sse: sse.get("/events"), read(), send(cut))
    assert (came.failure, came.count, measured.count("sse.errors")) == ("closed_early", 3, 1)
    came, measured = watch(lambda sse: sse.get("/events"), always(answer(chunked(THREE + b"data: half", headers=[SSE]))))
    assert (came.failure, came.reason, came.count) == ("closed_early", "ended inside an event", 3)
    came, measured = watch(lambda sse: sse.get("/events"), always(answer(response(b"hello", "Content-Type: text/plain"))))
    assert (came.failure, came.text) == ("content_type", "hello")
    came, measured = watch(lambda sse: sse.get("/events"), always(answer(response(b"gone", status=410))))
    assert (came.failure, came.reason, sum(measured.failures.values())) == ("status", "status 410: gone", 1)
    came, measured = watch(lambda sse: sse.get("/events"), hold(), limits=Limits(first_byte_ns=20_000_000))
    first = measured.distribution("sse.first_event")
    assert came.failure == "timeout_first_byte"
    assert first is not None
    assert first.beyond == 1


def test_a_redirect_is_followed_to_the_stream() -> None:
    moved = response(b"", "Location: /events", status=307)
    came, _ = watch(lambda sse: sse.get("/old"), answer(moved, chunked(THREE, headers=[SSE])))
    assert (came.ok, came.count) == (True, 3)


def test_a_stream_that_ends_with_its_connection_is_whole() -> None:
    head = f"HTTP/1.1 200 OK\r\n{SSE}\r\nConnection: close\r\n\r\n".encode()
    came, _ = watch(lambda sse: sse.get("/events"), read(), send(head + THREE))
    assert (came.ok, came.count) == (True, 3)


def test_a_client_that_has_what_it_wants_from_a_whole_response_keeps_it() -> None:
    came, measured = watch(lambda sse: sse.get("/events", limit=1), always(answer(chunked(THREE, headers=[SSE]))))
    assert (came.ok, came.left, came.count, came.status) == (True, True, 1, 200)
    assert measured.count("http.errors") is None
