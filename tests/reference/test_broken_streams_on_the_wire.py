"""What a stream that breaks looks like to a plain client on a real socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from loadstone.reference.process import ReferenceProcess
from loadstone.reference.simulator import MODEL

FAST = {"ttft": "5ms", "token_gap": "1ms", "tokens": 20}


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with ReferenceProcess() as backend:
        host, port = backend.url.removeprefix("http://").split(":")
        yield host, int(port)


def raw_stream(address: tuple[str, int], **switches: Any) -> tuple[bytes, str]:
    """Everything that comes on the socket, and how it ended: closed or reset."""
    question = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True, "simulator": {**FAST, **switches}}
    body = json.dumps(question).encode()
    with closing(socket.create_connection(address, timeout=120)) as link:
        link.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        parts: list[bytes] = []
        while True:
            try:
                part = link.recv(65_536)
            except ConnectionResetError:
                return b"".join(parts), "reset"
            if not part:
                return b"".join(parts), "closed"
            parts.append(part)


@pytest.mark.parametrize(("cut", "ended", "whole_body"), [("end", "closed", True), ("close", "closed", False), ("reset", "reset", False)])
def test_a_cut_is_on_the_wire_what_it_is_called(address: tuple[str, int], cut: str, ended: str, whole_body: bool) -> None:
    raw, how = raw_stream(address, cut_at=7, cut=cut)
    assert how == ended
    assert raw.endswith(b"0\r\n\r\n") == whole_body
    assert raw.count(b'"content":"') == 1 + 7  # the role-only chunk has an empty one
    assert b"[DONE]" not in raw


def test_after_broken_streams_the_next_request_is_served_and_nothing_is_still_running(address: tuple[str, int]) -> None:
    raw, _ = raw_stream(address)
    assert raw.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    with closing(http.client.HTTPConnection(*address, timeout=120)) as connection:
        connection.request("GET", "/stats")
        assert json.loads(connection.getresponse().read())["model"]["running"] == 0


def test_events_in_writes_of_one_byte_arrive_whole(address: tuple[str, int]) -> None:
    raw, how = raw_stream(address, write_bytes=1, tokens=5, text="multibyte")
    assert how == "closed"
    assert raw.count(b"\r\n1\r\n") > 500
