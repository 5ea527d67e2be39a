"""Handing on to another server: a script plays it here, so that it can break at any point."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from loadstone.reference.forwarding import Forwarded, fetch_text


def forwarded(script: bytes, *, leave: bool = False) -> list[dict[str, Any]]:
    """What is sent to the client when the other server says that and closes."""

    async def play() -> list[dict[str, Any]]:
        asked, served = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            writer.write(script)
            if leave:
                await reader.read()  # until whoever asked has gone
            writer.close()
            await writer.wait_closed()
            served.set()

        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            await (asked.wait() if leave else asyncio.Event().wait())
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            answer = Forwarded(f"http://127.0.0.1:{port}", "POST", "/v1/chat/completions", {"a": 1})
            await asyncio.wait_for(answer({"type": "http"}, receive, send), 120)
            await served.wait()
        return sent

    return asyncio.run(play())


def test_a_chunked_answer_is_passed_on_without_its_frames() -> None:
    sent = forwarded(b"HTTP/1.1 201 Created\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert (sent[0]["status"], sent[0]["headers"]) == (201, [(b"x-a", b"b")])
    assert b"".join(message["body"] for message in sent[1:]) == b"abcde"
    assert not sent[-1].get("more_body")


def test_an_answer_that_breaks_off_breaks_off_here() -> None:
    sent = forwarded(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    assert [message.get("more_body") for message in sent[1:]] == [True]


def test_a_server_that_ends_before_it_answers_is_a_502() -> None:
    assert forwarded(b"")[0]["status"] == 502


def test_nobody_there_is_a_502_and_no_text() -> None:
    async def play() -> tuple[int, str]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await Forwarded("http://127.0.0.1:1", "GET", "/").pass_on(send)
        return sent[0]["status"], await fetch_text("http://127.0.0.1:1", "/metrics")

    status, text = asyncio.run(play())
    assert status == 502
    assert text == ""


@pytest.mark.parametrize("script", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_when_the_client_leaves_the_other_server_is_left_too(script: bytes) -> None:
    assert len(forwarded(script, leave=True)) <= 2
