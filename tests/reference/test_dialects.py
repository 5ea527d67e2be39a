"""Four APIs, one reply: each words the same text, in the order of events that its clients rely on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.reference.dialects.chat import ChatCompletion
from loadstone.reference.dialects.frames import Dialect, DialectMaker
from loadstone.reference.dialects.messages import Message
from loadstone.reference.dialects.responses import Response
from loadstone.reference.dialects.text import TextCompletion
from loadstone.reference.reply import Ask, Ending, Kind, Reply, reply_to
from loadstone.reference.simulator import MODEL
from loadstone.reference.streams import timeline
from loadstone.reference.switches import Switches, read_switches

DIALECTS: dict[str, DialectMaker] = {"chat": ChatCompletion, "text": TextCompletion, "responses": Response, "messages": Message}
ASKS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"model": MODEL, "prompt": "hi"},
    "/v1/responses": {"model": MODEL, "input": "hi"},
    "/v1/messages": {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]},
}


def told(dialect: Dialect, reply: Reply, switches: Switches) -> list[dict[str, Any]]:
    """The JSON of all events of a stream."""
    raw = b"".join(write.data for write in timeline(dialect, reply, switches)) + dialect.closing(done=True)
    lines = [line for line in raw.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def texts_of(dialect: str, events: list[dict[str, Any]]) -> dict[Kind, str]:
    """What a client of that API puts together."""
    found = dict.fromkeys(Kind, "")
    for event in events:
        if dialect == "text":
            found[Kind.TEXT] += "".join(choice["text"] for choice in event["choices"])
        elif dialect == "chat":
            for choice in event["choices"]:
                delta = choice["delta"]
                found[Kind.TEXT] += delta.get("content") or ""
                found[Kind.REASONING] += delta.get("reasoning_content", "")
                found[Kind.TOOL] += "".join(call["function"]["arguments"] for call in delta.get("tool_calls", []))
        elif dialect == "responses":
            kinds = {"output_text": Kind.TEXT, "reasoning_text": Kind.REASONING, "function_call_arguments": Kind.TOOL}
            _, name, *last = event["type"].split(".")[-3:] if event["type"].count(".") > 1 else ("", "", "")
            if last == ["delta"]:
                found[kinds[name]] += event["delta"]
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            found[Kind.TEXT] += delta.get("text", "")
            found[Kind.REASONING] += delta.get("thinking", "")
            found[Kind.TOOL] += delta.get("partial_json", "")
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(DIALECTS)),
    st.text(max_size=20),
    st.integers(0, 12),
    st.integers(0, 3),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 40)),
    st.sampled_from(["plain", "multibyte"]),
)
def test_a_stream_puts_together_what_the_whole_answer_says(
    dialect: str, prompt: str, reasoning: int, calls: int, per_chunk: int, limit: int | None, text: str
) -> None:
    asked = {"tokens": "4-20", "reasoning": reasoning, "tool_calls": calls, "tokens_per_chunk": per_chunk, "text": text}
    if dialect == "text":
        asked |= {"reasoning": 0, "tool_calls": 0}
    switches = read_switches(asked, Switches())
    ask = Ask(prompt, 1, limit, stream=True)
    reply = reply_to(ask, switches, 0)
    events = told(DIALECTS[dialect](ask, reply, switches), reply, switches)
    assert texts_of(dialect, events) == {kind: reply.text(kind) for kind in Kind}
    assert reply.ending is Ending.COMPLETE
    assert limit is None or reply.tokens <= limit
    assert list(reply.dues_s) == sorted(reply.dues_s)


@pytest.mark.parametrize("path", ASKS)
def test_a_plain_answer_says_what_the_stream_of_the_same_request_says(backend: Any, path: str) -> None:
    dialect = {"/v1/chat/completions": "chat", "/v1/completions": "text", "/v1/responses": "responses", "/v1/messages": "messages"}[path]
    whole = backend.ask("POST", path, ASKS[path]).json
    raw = backend.ask("POST", path, {**ASKS[path], "stream": True}).body.decode()
    events = [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]
    said = {
        "chat": lambda: whole["choices"][0]["message"]["content"],
        "text": lambda: whole["choices"][0]["text"],
        "responses": lambda: whole["output"][0]["content"][0]["text"],
        "messages": lambda: whole["content"][0]["text"],
    }[dialect]()
    assert texts_of(dialect, events)[Kind.TEXT] == said
    assert said.startswith("Simulated answer")


def test_events_of_responses_are_numbered_and_each_item_is_opened_filled_and_closed() -> None:
    switches = read_switches({"tokens": 9, "reasoning": 2, "tool_calls": 1}, Switches())
    ask = Ask("hi", 0, None, stream=True)
    reply = reply_to(ask, switches, 0)
    events = told(Response(ask, reply, switches), reply, switches)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    order = [event["type"].removeprefix("response.") for event in events if not event["type"].endswith("delta")]
    assert order == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert events[-1]["response"]["usage"]["output_tokens"] == 11
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "function_call"]


def test_messages_start_and_stop_each_block_and_give_their_usage_at_the_end() -> None:
    switches = read_switches({"tokens": 4, "reasoning": 2, "cached_tokens": 1}, Switches())
    ask = Ask("hi there", 0, None, stream=True)
    reply = reply_to(ask, switches, 0)
    events = told(Message(ask, reply, switches), reply, switches)
    assert [event["type"] for event in events if event["type"] != "content_block_delta"] == [
        "message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip
    usage = events[0]["message"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (1, 1)
    assert events[-2] == {
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 6},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "change", "param"),
    [
        ("/v1/completions", {"prompt": None}, "prompt"),
        ("/v1/completions", {"prompt": ["a", "b"]}, "prompt"),
        ("/v1/responses", {"input": []}, "input"),
        ("/v1/responses", {"input": [{"role": "user"}]}, "input[0]"),
        ("/v1/responses", {"max_output_tokens": 0}, "max_output_tokens"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "song"}]}]}, "messages[0]"),
    ],
)
def test_a_wrong_request_is_refused_with_its_field(backend: Any, path: str, change: dict[str, Any], param: str) -> None:
    answer = backend.ask("POST", path, {**ASKS[path], **change})
    assert (answer.status, answer.error["param"]) == (400, param)


def test_a_wrong_request_for_messages_is_refused_in_the_form_of_that_api(backend: Any) -> None:
    answer = backend.ask("POST", "/v1/messages", {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status == 400
    assert answer.json == {"type": "error", "error": {"type": "invalid_request_error", "message": "'max_tokens' is missing"}}


def test_parts_that_are_pictures_or_sound_and_turns_of_tools_are_taken(backend: Any) -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:,"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "search", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "found it"},
    ]
    answer = backend.ask("POST", "/v1/chat/completions", {"model": MODEL, "messages": messages})
    assert answer.json["usage"]["prompt_tokens"] == 3
