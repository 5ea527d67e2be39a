"""Each dialect: what is asked, and what is read from events and from whole answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clients.llm.alike import Alike
from loadstone.clients.llm.client import DIALECTS
from loadstone.clients.llm.dialect import Call, read_event, read_whole, said_by
from loadstone.clients.llm.transcript import Token, Transcript, Usage
from loadstone.clients.sse import Event

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
TOOLS = [{"name": "look"}]


def heard(dialect: str, *documents: Any) -> Transcript:
    """What a stream of these events comes to; event k is stamped k."""
    into = Transcript()
    alike = Alike(into)
    for at, document in enumerate(documents, 1):
        name = document.get("type", "message") if isinstance(document, dict) else "message"
        read_event(DIALECTS[dialect], alike, Event(document if isinstance(document, str) else json.dumps(document), name), at, into)
    return into


def whole(dialect: str, document: Any) -> Transcript:
    into = Transcript()
    read_whole(DIALECTS[dialect], json.dumps(document).encode(), into)
    return into


def test_what_is_asked_is_said_in_each_dialects_words() -> None:
    call = Call("m", messages=MESSAGES, max_tokens=9, tools=TOOLS, extra={"seed": 1})
    asked = DIALECTS["messages"].body(call)
    assert asked == {
        "model": "m",
        "messages": MESSAGES[1:],
        "system": "Be brief.",
        "stream": True,
        "max_tokens": 9,
        "tools": TOOLS,
        "seed": 1,
    }
    assert DIALECTS["messages"].body(Call("m", messages=MESSAGES))["max_tokens"] > 0
    assert DIALECTS["responses"].body(call)["max_output_tokens"] == 9
    assert DIALECTS["responses"].body(Call("m", texts=["Hi"]))["input"] == "Hi"
    assert DIALECTS["completions"].body(Call("m", texts=["Hi"], stream=False)) == {"model": "m", "prompt": "Hi"}
    assert DIALECTS["embeddings"].body(Call("m", texts=["a", "b"])) == {"model": "m", "input": ["a", "b"]}
    assert "stream_options" not in DIALECTS["chat"].body(Call("m", messages=MESSAGES, usage=False))
    assert "stream" not in DIALECTS["chat"].body(Call("m", messages=MESSAGES, extra={"stream": None}))


def test_chat_reads_several_choices_and_lists_of_parts() -> None:
    both = {"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]}
    into = heard("chat", both, {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "c"}]}}]})
    assert (into.content, into.texts) == (["a", "c"], ["ab", "c"])
    assert list(into.stamps) == [1, 2]


def test_completions_read_texts() -> None:
    into = heard("completions", {"choices": [{"text": "a"}]}, {"choices": [{"text": "", "finish_reason": "length"}]}, "[DONE]")
    assert (into.content, into.finish_reason, into.ended) == (["a"], "length", True)
    assert whole("completions", {"choices": [{"text": "a", "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}).usage == Usage(
        output=1
    )


def test_responses_read_text_reasoning_calls_and_the_end() -> None:
    into = heard(
        "responses",
        {"type": "response.created", "response": {}},
        {"type": "response.reasoning_summary_text.delta", "delta": "Hm"},
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
        {"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "c", "name": "look"}},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
        {
            "type": "response.completed",
            "response": {"usage": {"input_tokens": 3, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 4}}},
        },
    )
    assert ("".join(into.content), into.reasoning, into.tools[2].name, into.tools[2].arguments) == ("Hello", ["Hm"], "look", "{}")
    assert list(into.kinds) == [Token.REASONING, Token.CONTENT, Token.CONTENT, Token.TOOL, Token.TOOL]
    assert into.usage == Usage(3, 9, None, 4)
    assert (into.ended, into.finish_reason) == (True, "stop")
    failed = heard("responses", {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "no"}}})
    assert failed.fault_text == "server_error: no"
    cut = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}
    assert heard("responses", cut).finish_reason == "length"
    answer = {
        "output": [
            {"type": "reasoning", "summary": [{"text": "Hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
        ]
    }
    assert whole("responses", answer).content == ["Hi"]


def test_messages_read_blocks_and_add_up_usage() -> None:
    into = heard(
        "messages",
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "look", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
        {"type": "message_stop"},
    )
    assert (into.content, into.reasoning, into.tools[1].name, into.tools[1].arguments) == (["Hi"], ["Hm"], "look", "{}")
    assert into.usage == Usage(25, 12, 20)
    assert (into.ended, into.finish_reason) == (True, "tool_calls")
    overloaded = heard("messages", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert overloaded.fault_text == "overloaded_error: Overloaded"
    answer = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}
    assert (whole("messages", answer).content, whole("messages", answer).finish_reason) == (["Hi"], "stop")


def test_a_stream_of_messages_that_is_cut_has_no_count_of_the_servers() -> None:
    into = heard(
        "messages",
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        *({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}} for text in ("Hi", " you", " all")),
    )
    assert into.usage == Usage(5, None, None)
    assert into.content == ["Hi", " you", " all"]


def test_embeddings_read_vectors() -> None:
    into = whole("embeddings", {"data": [{"embedding": [1.0, 2.0]}], "usage": {"prompt_tokens": 4}})
    assert (into.vectors, into.usage) == ([[1.0, 2.0]], Usage(4))


NAMES = ["choices", "delta", "content", "type", "error", "usage", "message", "output", "index", "item", "text", "data", "response"]
ANY_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("dialect", list(DIALECTS))
@given(document=ANY_JSON)
def test_no_json_at_all_breaks_a_reader(dialect: str, document: Any) -> None:
    for into in (heard(dialect, json.dumps(document)), whole(dialect, document)):
        assert into.fault is None or into.fault_text
        assert len(into.stamps) == len(into.texts) == len(into.kinds)


TEXTS = st.lists(st.text(max_size=8) | st.sampled_from(["content", "a", '"', "\\", "delta", "null"]), min_size=1, max_size=12)


@given(TEXTS, st.booleans(), st.sampled_from(["content", "reasoning_content"]))
def test_events_that_are_alike_read_as_if_each_had_been_parsed(texts: list[str], ascii_only: bool, key: str) -> None:
    events = [
        Event(json.dumps({"id": "a", "choices": [{"index": 0, "delta": {key: text}, "finish_reason": None}]}, ensure_ascii=ascii_only))
        for text in texts
    ]
    together, apart, pieces = Transcript(), Transcript(), Transcript()
    alike, alike_pieces = Alike(together), Alike(pieces)
    for event in events:
        read_event(DIALECTS["chat"], alike, event, 1, together)
        read_event(DIALECTS["chat"], Alike(apart), event, 1, apart)
        if not alike_pieces.read_piece(f"data: {event.data}\n\n".encode(), 1):
            read_event(DIALECTS["chat"], alike_pieces, event, 1, pieces)
    assert (pieces.texts, pieces.content, pieces.events) == (apart.texts, apart.content, len(texts))
    assert (together.texts, together.content, together.reasoning) == (apart.texts, apart.content, apart.reasoning)
    assert bytes(together.kinds) == bytes(apart.kinds)


def test_an_event_that_ends_the_answer_is_not_taken_for_one_like_the_others() -> None:
    def say(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
        return {"choices": [{"delta": {"content": text}, "finish_reason": reason}], **more}

    into = heard("chat", say("a"), say("b"), say("c", "stop"), say("d", usage={"completion_tokens": 3}), {"error": "x"})
    assert (into.content, into.finish_reason, into.usage, into.fault_text) == (["a", "b", "c", "d"], "stop", Usage(output=3), "x")


def test_what_a_server_says_about_an_error_is_found_in_any_form() -> None:
    assert said_by(b'{"error": {"message": "no", "code": "c"}}') == "c: no"
    assert said_by(b'{"error": "no"}') == said_by(b'{"detail": "no"}') == said_by(b"no") == "no"
    assert said_by(b"<html>no</html>") == said_by(b"") == said_by(b"[1]") == ""


def test_an_event_named_error_is_an_error_whatever_it_holds() -> None:
    for document, words in (
        ({"message": "boom", "code": 500}, "500: boom"),
        ({"detail": "gone"}, "gone"),
        ({"error": "full"}, "full"),
        ("no GPU", "no GPU"),
    ):
        into = Transcript()
        text = document if isinstance(document, str) else json.dumps(document)
        read_event(DIALECTS["chat"], Alike(into), Event(text, "error"), 1, into)
        read_event(DIALECTS["chat"], Alike(into), Event("[DONE]"), 2, into)
        assert (into.fault, into.fault_text, into.ended) == ("stream_error", words, True), document
