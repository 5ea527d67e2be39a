from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.reference.delays import parse_delay
from loadstone.reference.reply import due_times
from loadstone.reference.simulator import MODEL, complete, count_tokens

QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "how fast is it?"}]}
STEADY = {"ttft": "50ms", "token_gap": "10ms", "tokens": 8}


def events(answer: Any) -> list[tuple[float, Any]]:
    """The events of a stream, each with the instant it was sent at; the last must be [DONE]."""
    told = [(instant - 1000, chunk.removeprefix(b"data: ").strip()) for instant, chunk in answer.chunks]
    assert told[-1][1] == b"[DONE]"
    return [(instant, json.loads(chunk)) for instant, chunk in told[:-1]]


def content(chunk: Any) -> str:
    return str(chunk["choices"][0]["delta"].get("content", "")) if chunk["choices"] else ""


@settings(deadline=None)
@given(st.text(), st.integers(0, 99), st.integers(1, 80), st.integers(1, 100))
def test_the_count_of_tokens_is_exact_by_the_published_rule(prompt: str, seed: int, length: int, limit: int) -> None:
    said = complete(prompt, seed=seed, tokens=(length, length), limit=limit)
    assert len(said.tokens) == count_tokens(said.text) == min(length, limit)
    assert said.cut == (limit < length)
    assert said == complete(prompt, seed=seed, tokens=(length, length), limit=limit)


def test_another_seed_or_prompt_gives_another_text() -> None:
    texts = {complete(prompt, seed=seed, tokens=(30, 30)).text for prompt in ("a", "b") for seed in (1, 2)}
    assert len(texts) == 4


def test_a_plain_completion_has_exact_usage_and_comes_when_its_last_token_is_due(backend: Any) -> None:
    answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "simulator": STEADY})
    assert answer.json["usage"] == {"prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13}
    assert answer.json["choices"][0]["finish_reason"] == "stop"
    assert answer.chunks[0][0] - 1000 == pytest.approx(0.050 + 7 * 0.010)


def test_a_stream_says_the_same_token_by_token_on_schedule(backend: Any) -> None:
    plain = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "simulator": STEADY}).json
    backend.timer.instant = 1000.0
    answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "simulator": STEADY, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer)
    assert told[0][1]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    tokens = [(instant, content(chunk)) for instant, chunk in told if content(chunk)]
    assert "".join(token for _, token in tokens) == plain["choices"][0]["message"]["content"]
    assert [instant for instant, _ in tokens] == pytest.approx([0.05 + 0.01 * index for index in range(8)])
    assert told[-1][1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert all("usage" not in chunk for _, chunk in told)


def test_usage_comes_last_when_it_is_asked_for(backend: Any) -> None:
    body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 3}
    told = [chunk for _, chunk in events(backend.ask("POST", "/v1/chat/completions", body))]
    assert told[-1]["choices"] == []
    assert told[-1]["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert all(chunk["usage"] is None for chunk in told[:-1])
    assert told[-2]["choices"][0]["finish_reason"] == "length"


def test_chunks_of_several_tokens_come_when_their_last_token_is_due(backend: Any) -> None:
    body = {**QUESTION, "stream": True, "simulator": {**STEADY, "tokens_per_chunk": 3}}
    told = [(instant, content(chunk)) for instant, chunk in events(backend.ask("POST", "/v1/chat/completions", body)) if content(chunk)]
    assert [count_tokens(text) for _, text in told] == [3, 3, 2]
    assert [instant for instant, _ in told] == pytest.approx([0.07, 0.10, 0.12])


def test_a_stream_ends_when_the_client_leaves_and_is_counted(backend: Any) -> None:
    answer = backend.ask(
        "POST", "/v1/chat/completions", {**QUESTION, "stream": True, "simulator": {**STEADY, "tokens": 500}}, leave_after=5
    )
    assert len(answer.chunks) < 10
    assert backend.ask("GET", "/stats").json["streams_cancelled"] == 1


def test_due_times_never_go_back() -> None:
    dues = due_times(200, parse_delay("20ms"), parse_delay("normal:1ms,5ms"), Random(0))
    assert dues == sorted(dues)


def test_the_model_is_listed(backend: Any) -> None:
    assert [model["id"] for model in backend.ask("GET", "/v1/models").json["data"]] == [MODEL]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"model": "another"}, 404, "model"),
        ({"model": None}, 400, "model"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0]"),
        ({"messages": ["hi"]}, 400, "messages[0]"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"n": 2}, 400, "n"),
        ({"seed": "x"}, 400, "seed"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
        ({"simulator": {"speed": 1}}, 400, "simulator"),
        ({"simulator": {"ttft": "soon"}}, 400, "simulator.ttft"),
        ({"simulator": {"tokens": 0}}, 400, "simulator.tokens"),
    ],
)
def test_a_wrong_request_gets_an_error_in_openai_form(backend: Any, change: dict[str, Any], status: int, param: str) -> None:
    answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, **change})
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert answer.error["param"] == param


def test_content_in_parts_is_one_prompt(backend: Any) -> None:
    parts = [{"type": "text", "text": "how fast "}, {"type": "text", "text": "is it?"}]
    answers = [
        backend.ask("POST", "/v1/chat/completions", {**QUESTION, "messages": [{"role": "user", "content": content}]}).json["choices"]
        for content in ("how fast is it?", parts)
    ]
    assert answers[0] == answers[1]
