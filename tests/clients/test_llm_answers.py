"""The language-model client against a server that sends exactly these bytes, good and bad."""

import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loadstone.clients.llm.answer import Answer
from loadstone.clients.llm.client import LlmClient
from loadstone.errors import UsageError
from loadstone.measure.aggregate import Aggregate
from loadstone.testing.server import ScriptedServer, Step, always, answer, chunked, hold, read, reset, response, send
from loadstone.testing.talk import Talk

STREAM = "Content-Type: text/event-stream"
Conversation = Callable[[LlmClient], Awaitable[Any]]


def sse(*documents: Any) -> bytes:
    """Events of these values; a text is sent as it is."""
    return b"".join(b"data: %b\n\n" % (each if isinstance(each, str) else json.dumps(each)).encode() for each in documents)


def chunk(content: str | None = None, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {**({"content": content} if content is not None else {}), **delta}, "finish_reason": finish}]}


ROLE, USAGE, DONE = chunk("", role="assistant"), {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}, "[DONE]"
GOOD = sse(ROLE, chunk("Hel"), chunk("lo"), chunk(finish="stop"), USAGE, DONE)


def speak(conversation: Conversation, *steps: Step, **plan: Any) -> tuple[Any, Aggregate, list[bytes]]:
    """A conversation with a server that follows these steps; what came of it, what was measured, and what was asked."""
    with ScriptedServer(steps) as server:
        talk = Talk(target=server.url)
        came = talk.speak("llm", conversation, llm={"model": "m", **plan})
    assert not server.mistakes
    return came, talk.measured, server.requests


def ask_for(body: bytes, *headers: str, status: int = 200, **options: Any) -> tuple[Answer, Aggregate]:
    """One chat whose response has this body, in one chunk."""
    data = chunked(body, headers=headers or (STREAM,), status=status)
    came, measured, _ = speak(lambda llm: llm.chat("Hi", **options), always(answer(data)))
    return came, measured


def kinds(measured: Aggregate, metric: str = "llm.errors") -> dict[str, int]:
    """Counts of a metric by their kind."""
    return {dict(series.tags)["kind"]: measured.count(metric, dict(series.tags)) or 0 for series in measured.series(metric)}


def test_a_good_answer_says_everything() -> None:
    came, measured, requests = speak(
        lambda llm: llm.chat("Hi", max_tokens=5, temperature=0.5, extra={"seed": 3}, headers={"X-Team": "blue"}),
        always(answer(chunked(GOOD, headers=[STREAM]))),
    )
    assert (came.ok, came.text, came.finish_reason, came.output_tokens, came.status) == (True, "Hello", "stop", 2, 200)
    assert (came.usage.input, came.usage.output) == (9, 2)
    assert came.ttft_s is not None
    assert came.e2e_s is not None
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1")
    assert b"X-Team: blue" in head
    assert json.loads(body) == {
        "model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "stream_options": {"include_usage": True},
        "max_tokens": 5, "temperature": 0.5, "seed": 3,
    }  # fmt: skip
    assert measured.count("llm.requests") == measured.count("http.requests") == 1
    assert (measured.count("llm.output_tokens"), measured.count("llm.counted_by_server")) == (2, 1)
    assert measured.count("llm.errors") is None
    ttft = measured.distribution("llm.ttft", {"outcome": "ok", "step": "chat"})
    assert ttft is not None
    assert ttft.count == 1


def test_events_that_are_cut_anywhere_read_the_same() -> None:
    for size in (1, 2, 3, 7, 50):
        pieces = [GOOD[at : at + size] for at in range(0, len(GOOD), size)]
        came, _, _ = speak(lambda llm: llm.chat("Hi"), always(answer(chunked(*pieces, headers=[STREAM]))))
        assert (came.ok, came.text, came.output_tokens) == (True, "Hello", 2)


def test_reasoning_and_tool_calls_are_kept_apart_from_the_text() -> None:
    call = [{"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}]
    rest = [{"index": 0, "function": {"arguments": '{"a":'}}], [{"index": 0, "function": {"arguments": "1}"}}]
    body = sse(
        chunk(reasoning_content="Hm"), chunk(reasoning_content="."), chunk(tool_calls=call), *(chunk(tool_calls=each) for each in rest)
    )
    came, _ = ask_for(body + sse(chunk(finish="tool_calls"), DONE))
    assert (came.text, came.reasoning) == ("", "Hm.")
    assert [(each.id, each.name, json.loads(each.arguments)) for each in came.tool_calls] == [("c1", "look", {"a": 1})]
    assert came.message()["tool_calls"][0]["function"]["name"] == "look"
    assert came.output_tokens == 5


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (sse(ROLE, chunk("Hel"), "{not json", chunk("lo"), chunk(finish="stop"), DONE), "malformed_event", "Hello"),
        (
            sse(ROLE, chunk("Hel"), chunk("lo"), {"error": {"message": "out of memory", "type": "server_error"}}, DONE),
            "stream_error",
            "Hello",
        ),
        (sse(ROLE, chunk("Hel"), chunk("lo")), "truncated", "Hello"),
        (sse(ROLE, chunk("Hel"), chunk("lo")) + b"data: {", "truncated", "Hello"),
        (sse(ROLE, chunk(finish="stop"), DONE), "empty", ""),
        (sse(chunk("ok"), "[1]", DONE), "malformed_event", "ok"),
        (sse(chunk("ok"), {"choices": [3]}, DONE), "malformed_event", "ok"),
        (sse(chunk("ok"), {"choices": [{"delta": {"content": 5}}]}, DONE), "malformed_event", "ok"),
        (sse(chunk("ok"), "[" * 100_000, DONE), "malformed_event", "ok"),
        (b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n' + sse(DONE), "malformed_event", "a\ufffdb"),
        (b"data: " + b"x" * 17_000_000 + b"\n\n", "too_large", ""),
    ],
)
def test_what_is_wrong_in_a_stream_is_typed_and_what_came_is_kept(body: bytes, kind: str, text: str) -> None:
    came, measured = ask_for(body)
    assert (came.ok, came.failure, came.text) == (False, kind, text)
    assert kinds(measured) == {kind: 1}
    assert sum(measured.failures.values()) == 1
    assert measured.count("llm.truncated") == (1 if kind == "truncated" else None)
    if text:
        ttft = measured.distribution("llm.ttft", {"outcome": "failed"})
        assert ttft is not None
        assert ttft.count == 1


def test_comments_keep_alives_and_a_missing_end_mark_are_no_failure() -> None:
    came, _ = ask_for(b": hello\n\n: keep-alive\n\n" + sse(ROLE, chunk("Hi")) + b": keep-alive\n\n" + sse(chunk(finish="stop")))
    assert (came.ok, came.text) == (True, "Hi")


def test_a_server_that_stops_in_mid_stream_keeps_what_was_measured() -> None:
    cut = chunked(sse(ROLE, chunk("Hel"), chunk("lo")), headers=[STREAM]).removesuffix(b"0\r\n\r\n")
    came, measured, _ = speak(lambda llm: llm.chat("Hi"), read(), send(cut))
    assert (came.failure, came.text) == ("closed_early", "Hello")
    assert kinds(measured) == kinds(measured, "http.errors") == {"closed_early": 1}
    assert measured.count("llm.truncated") == measured.count("llm.requests") == 1
    assert measured.distribution("llm.e2e") is None


def test_a_reset_is_told_as_one() -> None:
    came, measured, _ = speak(lambda llm: llm.chat("Hi"), read(), reset())
    assert came.failure == "reset"
    assert kinds(measured) == {"reset": 1}
    assert measured.count("llm.truncated") is None


def test_an_error_that_a_broken_stream_told_says_more_than_the_break() -> None:
    cut = chunked(sse(chunk("a"), {"error": "overloaded"}), headers=[STREAM]).removesuffix(b"0\r\n\r\n")
    came, measured, _ = speak(lambda llm: llm.chat("Hi"), read(), send(cut))
    assert (came.failure, came.reason) == ("stream_error", "overloaded")
    assert kinds(measured) == {"stream_error": 1}


def test_too_many_requests_are_told_with_the_time_to_wait() -> None:
    body = b'{"error": {"message": "slow down", "type": "rate_limit_error"}}'
    data = response(body, "Content-Type: application/json", "Retry-After: 2", status=429, reason="Too Many Requests")
    came, measured, _ = speak(lambda llm: llm.chat("Hi"), always(answer(data)))
    assert (came.failure, came.status) == ("rate_limit", 429)
    assert came.reason == "status 429, retry after 2: rate_limit_error: slow down"
    assert kinds(measured) == {"rate_limit": 1}
    assert [failure.text for failure in measured.failures] == [came.reason]
    assert b"slow down" in came.body


def test_an_unknown_model_is_told_in_the_servers_words() -> None:
    came, measured = ask_for(b'{"detail": "no model m"}', "Content-Type: application/json", status=404)
    assert (came.failure, came.reason) == ("status", "status 404: no model m")
    assert kinds(measured) == kinds(measured, "http.errors") == {"status": 1}


def test_a_wrong_content_type_is_told_and_json_in_one_piece_is_still_read() -> None:
    came, measured = ask_for(b"<html>busy</html>", "Content-Type: text/html")
    assert (came.failure, came.reason) == ("content_type", "content type text/html, not text/event-stream")
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
    came, measured = ask_for(json.dumps(whole).encode(), "Content-Type: application/json")
    assert (came.failure, came.text) == ("content_type", "Hello")
    assert measured.distribution("llm.ttft") is None
    assert kinds(measured) == {"content_type": 1}


def test_an_answer_in_one_piece_has_no_time_to_first_token() -> None:
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 2, "prompt_tokens": 1}}
    came, measured = ask_for(json.dumps(whole).encode(), "Content-Type: application/json", stream=False)
    assert (came.ok, came.text, came.ttft_s, came.output_tokens) == (True, "Hello", None, 2)
    assert came.e2e_s is not None
    assert measured.distribution("llm.ttft") is None
    assert measured.count("llm.output_tokens") == 2


def test_an_event_of_megabytes_is_read_like_any_other() -> None:
    came, measured = ask_for(sse(ROLE, chunk("x" * 3_000_000), chunk("lo"), chunk(finish="stop"), DONE))
    assert (came.ok, len(came.text)) == (True, 3_000_002)
    assert measured.count("llm.output_tokens") == 2


def test_every_time_of_a_stream_is_recorded_and_they_come_in_their_order() -> None:
    _, measured = ask_for(sse(ROLE, chunk(reasoning_content="Hm"), chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE))
    names = ("first_byte", "ttft_any", "ttft", "e2e", "longest_gap", "reader_wait", "tpot")
    times = {name: measured.distribution(f"llm.{name}") for name in names}
    found = {name: each.max for name, each in times.items() if each is not None}
    assert set(names) - set(found) <= {"tpot"}  # all tokens may have come with one read
    assert found["first_byte"] <= found["ttft_any"] <= found["ttft"] <= found["e2e"]
    assert found["longest_gap"] <= found["e2e"]
    assert found["reader_wait"] == 0  # three tokens at once: nobody waits


def test_a_body_that_is_no_json_is_a_malformed_answer() -> None:
    for body in (b"", b"{", b"[]", b'{"choices": []}', b'{"choices": 3}', b"null"):
        came, _ = ask_for(body or b" ", "Content-Type: application/json", stream=False)
        assert came.failure in {"malformed_event", "empty"}, body


def test_a_client_that_leaves_is_an_outcome_of_its_own(never_before_a_read: Callable[[Talk], None]) -> None:
    cut = chunked(sse(ROLE, chunk("Hel")), headers=[STREAM]).removesuffix(b"0\r\n\r\n")
    with ScriptedServer([read(), send(cut), hold()]) as server:
        talk = Talk(target=server.url)
        never_before_a_read(talk)
        came = talk.speak("llm", lambda llm: llm.chat("Hi", leave_after="10ms"), llm={"model": "m"})
    measured = talk.measured
    assert (came.outcome, came.failure, came.ok, came.text) == ("cancelled", "", False, "Hel")
    assert measured.count("llm.cancelled") == measured.count("llm.requests") == measured.count("http.requests") == 1
    assert measured.count("llm.errors") is measured.count("http.errors") is None
    assert not measured.failures
    ttft = measured.distribution("llm.ttft", {"outcome": "cancelled"})
    assert ttft is not None
    assert ttft.count == 1


def test_an_answer_that_never_begins_is_longer_than_anything_recorded() -> None:
    from loadstone.clients.limits import Limits

    with ScriptedServer([hold()]) as server:
        talk = Talk(target=server.url, limits=Limits(first_byte_ns=20_000_000))
        came = talk.speak("llm", lambda llm: llm.chat("Hi"), llm={"model": "m"})
    measured = talk.measured
    assert came.failure == "timeout_first_byte"
    for name in ("llm.ttft", "llm.e2e"):
        values = measured.distribution(name)
        assert values is not None
        assert (values.count, values.beyond) == (0, 1)


def test_silence_inside_a_stream_ends_it_and_the_first_token_stays() -> None:
    from loadstone.clients.limits import Limits

    cut = chunked(sse(ROLE, chunk("Hel")), headers=[STREAM]).removesuffix(b"0\r\n\r\n")
    with ScriptedServer([read(), send(cut), hold()]) as server:
        talk = Talk(target=server.url, limits=Limits(idle_ns=30_000_000))
        came = talk.speak("llm", lambda llm: llm.chat("Hi"), llm={"model": "m"})
    assert (came.failure, came.text) == ("timeout_idle", "Hel")
    assert "inside the response" in came.reason
    assert talk.measured.distribution("llm.ttft").count == 1  # type: ignore[union-attr]


def test_a_conversation_remembers_what_was_said_and_not_what_failed() -> None:
    async def three_turns(llm: LlmClient) -> list[Any]:
        talk = llm.conversation("Be brief.")
        await talk.say("One")
        await talk.say("Two")
        await talk.say("Three")
        return list(talk.messages)

    good, bad = chunked(GOOD, headers=[STREAM]), response(b"", status=500)
    messages, _, requests = speak(three_turns, answer(good, bad, good))
    assert [each["content"] for each in messages] == ["Be brief.", "One", "Hello", "Three", "Hello"]
    assert [each["content"] for each in json.loads(requests[2].partition(b"\r\n\r\n")[2])["messages"]] == [
        "Be brief.",
        "One",
        "Hello",
        "Three",
    ]


def test_a_call_without_a_model_or_with_an_unknown_option_is_the_users_mistake() -> None:
    with pytest.raises(UsageError, match="no model"):
        speak(lambda llm: llm.chat("Hi"), model="")
    with pytest.raises(UsageError, match="unknown option temprature"):
        speak(lambda llm: llm.chat("Hi", temprature=1))


def test_the_limit_of_a_body_ends_a_stream() -> None:
    from loadstone.clients.limits import Limits

    with ScriptedServer([always(answer(chunked(GOOD, GOOD, headers=[STREAM])))]) as server:
        talk = Talk(target=server.url, limits=Limits(body=len(GOOD) + 10))
        came = talk.speak("llm", lambda llm: llm.chat("Hi"), llm={"model": "m"})
    assert (came.failure, came.text) == ("too_large", "Hello")


def test_objectives_and_prices_are_counted_where_the_values_are_known() -> None:
    with ScriptedServer([answer(chunked(GOOD, headers=[STREAM]), response(b"", status=500))]) as server:
        talk = Talk(target=server.url)

        async def twice(llm: LlmClient) -> None:
            await llm.chat("Hi")
            await llm.chat("Hi")

        talk.speak("llm", twice, llm={"model": "m"}, gates=["goodput(ttft < 1h) > 1%"], prices={"input": 1, "output": 2})
    measured = talk.measured
    assert (measured.count("llm.good"), measured.count("llm.requests")) == (1, 2)
    cost = measured.distribution("llm.cost")
    assert cost is not None
    assert cost.count == 1
    assert cost.mean / 1e9 == pytest.approx((9 * 1 + 2 * 2) / 1e6, rel=0.01)


def test_a_second_question_has_its_own_body_and_length_and_the_same_head() -> None:
    async def twice(llm: LlmClient) -> None:
        await llm.chat("Hi", headers={"X-Team": "blue"})
        await llm.chat("A longer question", headers={"X-Team": "blue"})

    _, _, requests = speak(twice, always(answer(chunked(GOOD, headers=[STREAM]))))
    heads, bodies = zip(*(request.split(b"\r\n\r\n", 1) for request in requests), strict=True)
    assert [json.loads(body)["messages"][0]["content"] for body in bodies] == ["Hi", "A longer question"]
    lengths = [int(head.rpartition(b"Content-Length: ")[2]) for head in heads]
    assert lengths == [len(body) for body in bodies]
    assert heads[0].rpartition(b"Content-Length")[0] == heads[1].rpartition(b"Content-Length")[0]


def test_a_compressed_stream_is_told_as_what_it_is() -> None:
    came, measured = ask_for(gzip.compress(GOOD), STREAM, "Content-Encoding: gzip")
    assert (came.failure, came.reason) == ("content_type", "content encoding gzip, which was not asked for and is not read")
    assert kinds(measured) == {"content_type": 1}


def test_half_a_character_in_an_answer_breaks_nothing_and_two_halves_are_one() -> None:
    came, _ = ask_for(sse(chunk("\ud83d"), chunk("\ude00 "), chunk("\ud83d"), chunk(finish="stop"), DONE))
    assert (came.ok, came.text) == (True, "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}")
    assert came.body == came.text.encode()


def test_a_count_that_no_answer_can_have_is_no_count() -> None:
    for count in (10**30, -1, 0, "2", 2.5, True, None):
        came, measured = ask_for(
            sse(chunk("Hel"), chunk("lo"), chunk(finish="stop"), {"choices": [], "usage": {"completion_tokens": count}}, DONE)
        )
        assert (came.ok, came.output_tokens, came.timeline.counted_by) == (True, 2, "chunks"), count
        assert measured.count("llm.output_tokens") == 2
    came, _ = ask_for(sse(chunk("Hello"), chunk(finish="stop"), {"choices": [], "usage": {"completion_tokens": 2.0}}, DONE))
    assert (came.output_tokens, came.timeline.counted_by) == (2, "server")
