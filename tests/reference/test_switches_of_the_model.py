"""What was set is what a plain client sees, in a time that passes only when somebody waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.reference.simulator import MODEL, count_tokens
from loadstone.reference.switches import OF_A_REQUEST, Switches, read_switches

QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "how fast is it?"}]}
STEADY = {"ttft": "50ms", "token_gap": "10ms", "tokens": 8}
DONE = b"data: [DONE]\n\n"


def stream(backend: Any, **switches: Any) -> Any:
    backend.timer.instant = 1000.0
    return backend.ask("POST", "/v1/chat/completions", {**QUESTION, "stream": True, "simulator": {**STEADY, **switches}})


def deltas(answer: Any, name: str = "content") -> list[tuple[float, Any]]:
    """Instant, in ms after the request, and text of each delta of that name."""
    found = []
    for instant, chunk in answer.chunks:
        if chunk.startswith(b"data: {"):
            told = [choice["delta"][name] for choice in json.loads(chunk[6:]).get("choices", []) if choice["delta"].get(name)]
            found += [(round((instant - 1000) * 1e3, 3), text) for text in told]
    return found


def instants(answer: Any, name: str = "content") -> list[float]:
    return [instant for instant, _ in deltas(answer, name)]


def test_reasoning_comes_first_in_deltas_of_its_own_and_at_its_own_pace(backend: Any) -> None:
    answer = stream(backend, reasoning=5, reasoning_gap="4ms")
    assert instants(answer, "reasoning_content") == [50, 54, 58, 62, 66]
    assert instants(answer) == [76, 86, 96, 106, 116, 126, 136, 146]
    assert count_tokens("".join(text for _, text in deltas(answer, "reasoning_content"))) == 5


def test_a_stall_freezes_its_token_and_moves_all_later_ones(backend: Any) -> None:
    assert instants(stream(backend, stall="500ms@4,100ms@6")) == [50, 60, 70, 580, 590, 700, 710, 720]
    assert backend.ask("GET", "/stats").json["model"]["stalls"] == 2


@pytest.mark.parametrize("cut", ["end", "close", "reset"])
@pytest.mark.parametrize("at", [0, 1, 3, 8])
def test_a_cut_stream_gives_exactly_so_many_tokens_and_no_end(backend: Any, cut: str, at: int) -> None:
    answer = stream(backend, cut_at=at, cut=cut, tokens_per_chunk=2)
    assert count_tokens("".join(text for _, text in deltas(answer))) == at
    assert b"[DONE]" not in answer.body
    assert b'"finish_reason":"' not in answer.body
    name = {"end": "ended_early", "close": "closed", "reset": "reset"}[cut]
    counted = backend.ask("GET", "/stats").json["model"]
    assert (counted[name], counted["completed"], counted["tokens"]) == (1, 0, at)


def test_a_cut_past_the_last_token_never_comes(backend: Any) -> None:
    assert stream(backend, cut_at=9).body.endswith(DONE)


def test_an_error_in_mid_stream_is_the_last_event(backend: Any) -> None:
    answer = stream(backend, error_at=3)
    assert len(deltas(answer)) == 3
    last = answer.body.decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "injected_fault"


def test_the_last_word_can_be_left_out(backend: Any) -> None:
    answer = stream(backend, done=False)
    assert b"[DONE]" not in answer.body
    assert b'"finish_reason":"stop"' in answer.body


def test_faked_streaming_sends_every_chunk_when_the_last_token_is_due(backend: Any) -> None:
    assert instants(stream(backend, faked=True)) == [120] * 8


def test_keep_alives_come_on_their_own_beat_and_say_nothing(backend: Any) -> None:
    answer = stream(backend, ping="24ms")
    pings = [round((instant - 1000) * 1e3, 3) for instant, chunk in answer.chunks if chunk == b": ping\n\n"]
    assert pings == [24, 48, 72, 96]
    assert instants(answer) == [50, 60, 70, 80, 90, 100, 110, 120]


def test_without_a_role_chunk_the_role_comes_with_the_first_token(backend: Any) -> None:
    answer = stream(backend, first_chunk="token")
    first = json.loads(answer.chunks[0][1][6:])
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "Simulated"}
    assert instants(answer)[0] == round((answer.chunks[0][0] - 1000) * 1e3, 3) == 50


def test_writes_of_few_bytes_cut_characters_in_the_middle_and_lose_nothing(backend: Any) -> None:
    whole, parts = (
        stream(backend, text="multibyte", tokens=40),
        stream(backend, text="multibyte", tokens=40, write_bytes=7, write_gap="1ms"),
    )
    texts = ["".join(text for _, text in deltas(whole))]
    events = [json.loads(event[6:]) for event in parts.body.decode().split("\n\n") if event.startswith("data: {")]
    texts.append("".join(event["choices"][0]["delta"].get("content", "") for event in events))
    assert texts[0] == texts[1]
    assert len(texts[0].encode()) > len(texts[0]) + 20
    assert max(len(chunk) for _, chunk in parts.chunks) == 7

    def is_cut(chunk: bytes) -> bool:
        try:
            chunk.decode()
        except UnicodeDecodeError:
            return True
        return False

    assert any(is_cut(chunk) for _, chunk in parts.chunks)


def test_tool_calls_are_streamed_as_pieces_of_their_arguments(backend: Any) -> None:
    answer = stream(backend, tool_calls=2, tokens=12)
    calls = [call for _, told in deltas(answer, "tool_calls") for call in told]
    heads = [call for call in calls if "id" in call]
    assert [(call["index"], call["function"]["name"]) for call in heads] == [(0, "search"), (1, "search")]
    for index in (0, 1):
        text = "".join(call["function"]["arguments"] for call in calls if call["index"] == index)
        assert list(json.loads(text)) == ["query"]
        assert count_tokens(text) == 12
    assert b'"finish_reason":"tool_calls"' in answer.body
    assert instants(answer, "tool_calls") == [50 + 10 * index for index in range(24)]


def test_a_request_that_forces_a_tool_gets_a_call(backend: Any) -> None:
    answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "tool_choice": "required"})
    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"
    assert "query" in json.loads(answer.json["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])


@pytest.mark.parametrize(("usage", "asked", "told"), [("asked", True, 1), ("asked", False, 0), ("always", False, 1), ("never", True, 0)])
def test_usage_can_be_given_always_or_never(backend: Any, usage: str, asked: bool, told: int) -> None:
    body = {**QUESTION, "stream": True, "simulator": {**STEADY, "usage": usage}, "stream_options": {"include_usage": asked}}
    assert backend.ask("POST", "/v1/chat/completions", body).body.count(b'"completion_tokens":8') == told


def test_reasoning_counts_in_usage_and_against_the_limit(backend: Any) -> None:
    body = {**QUESTION, "max_tokens": 7, "simulator": {**STEADY, "reasoning": 5}}
    answer = backend.ask("POST", "/v1/chat/completions", body).json
    assert answer["usage"]["completion_tokens"] == 7
    assert answer["usage"]["completion_tokens_details"] == {"reasoning_tokens": 5}
    assert count_tokens(answer["choices"][0]["message"]["content"]) == 2
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("share", ["25%", "10%"])
def test_the_share_of_rate_limited_requests_is_exact_and_says_when_to_come_back(start: Callable[..., Any], share: str) -> None:
    backend = start(simulator=read_switches({**STEADY, "rate_limit": share, "retry_after": "1500ms"}, Switches()))
    answers = [backend.ask("POST", "/v1/chat/completions", QUESTION) for _ in range(200)]
    refused = [answer for answer in answers if answer.status == 429]
    assert abs(len(refused) - 200 * float(share.rstrip("%")) / 100) <= 1
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert backend.ask("GET", "/stats").json["model"]["rate_limited"] == len(refused)


def test_a_cache_with_a_set_ratio_hits_exactly_that_often_and_answers_in_its_own_time(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches({**STEADY, "cache": "40%", "cache_latency": "2ms"}, Switches()))
    hits = 0
    for _ in range(100):
        backend.timer.instant = 1000.0
        answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "stream": True})
        hit = answer.headers["x-cache"] == "hit"
        hits += hit
        assert instants(answer) == ([2] * 8 if hit else [50 + 10 * index for index in range(8)])
    assert abs(hits - 40) <= 1
    assert backend.ask("GET", "/stats").json["cache"] == {"hits": hits, "misses": 100 - hits, "evicted": 0, "entries": 0, "entry_bytes": 0}


def test_a_real_cache_holds_the_entries_used_last(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches({"cache": "lru:2"}, Switches()))

    def asked(text: str) -> str:
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
        return str(backend.ask("POST", "/v1/chat/completions", body).headers["x-cache"])

    assert [asked(text) for text in "aabacb"] == ["miss", "hit", "miss", "hit", "miss", "miss"]
    assert backend.ask("GET", "/stats").json["cache"] == {"hits": 2, "misses": 4, "evicted": 2, "entries": 2, "entry_bytes": 0}


def test_a_prompt_that_begins_as_an_earlier_one_is_cached_in_whole_blocks_and_starts_sooner(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches({**STEADY, "prefix_blocks": 100, "prefill": "1ms"}, Switches()))
    seen = []
    for tail in ("one", "two", "two"):
        backend.timer.instant = 1000.0
        prompt = " ".join(f"word{index}" for index in range(40)) + f" {tail}"
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        answer = backend.ask("POST", "/v1/chat/completions", body)
        usage = next(json.loads(chunk[6:])["usage"] for _, chunk in answer.chunks if b'"choices":[]' in chunk)
        seen.append((instants(answer)[0], usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)))
    assert seen == [(50 + 41, 0), (50 + 9, 32), (50 + 9, 32)]
    page = backend.ask("GET", "/metrics").body.decode()
    assert 'prefix_cache_hits_total{engine="0",model_name="loadstone-simulator"} 64' in page


def test_switches_change_while_running_and_go_back_to_the_start(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches(STEADY, Switches()))
    before = backend.ask("GET", "/simulator").json
    changed = backend.ask("PUT", "/simulator", {"reasoning": 3, "cache": "lru:5", "stall": "1s@2"}).json
    assert {name: changed[name] for name in changed if changed[name] != before[name]} == {"reasoning": 3, "cache": "lru:5", "stall": "1s@2"}
    assert backend.ask("PUT", "/simulator", changed).json == changed
    assert backend.ask("DELETE", "/simulator").json == before


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"speed": 1}, "simulator"),
        ({"ttft": "soon"}, "simulator.ttft"),
        ({"tokens": "9-3"}, "simulator.tokens"),
        ({"tokens_per_chunk": 0}, "simulator.tokens_per_chunk"),
        ({"stall": "500ms"}, "simulator.stall"),
        ({"cut": "sometimes"}, "simulator.cut"),
        ({"done": "perhaps"}, "simulator.done"),
        ({"ping": "0s"}, "simulator.ping"),
        ({"write_gap": True}, "simulator.write_gap"),
        ({"faked": 1}, "simulator.faked"),
        ({"cut_at": True}, "simulator.cut_at"),
        ({"slots": 3}, "simulator"),
        ("fast", "simulator"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_by_name(backend: Any, asked: Any, param: str) -> None:
    answer = backend.ask("POST", "/v1/chat/completions", {**QUESTION, "simulator": asked})
    assert (answer.status, answer.error["param"]) == (400, param)


def test_one_mistake_changes_nothing(backend: Any) -> None:
    before = backend.ask("GET", "/simulator").json
    assert backend.ask("PUT", "/simulator", {"reasoning": 3, "cache": "often"}).status == 400
    assert backend.ask("GET", "/simulator").json == before


def test_every_switch_is_read_back_as_it_is_shown() -> None:
    asked = {
        "ttft": "uniform:10ms,20ms", "tokens": "3-9", "stall": "0.5s@4", "cache": "lru:7", "rate_limit": 0.25, "ping": 0.1,
        "reasoning_gap": "constant:1ms", "cut_at": 3, "cut": "reset", "slots": 2, "faked": True, "text": "multibyte",
    }  # fmt: skip
    switches = read_switches(asked, Switches())
    assert read_switches(switches.as_json(), Switches()) == switches
    assert set(switches.as_json()) >= OF_A_REQUEST
    with pytest.raises(UsageError, match="unknown switch"):
        read_switches({"speed": 1}, Switches())


def test_so_many_slots_serve_and_the_rest_waits_in_order(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches({"ttft": "100ms", "token_gap": "10ms", "tokens": 6, "slots": 2}, Switches()))

    async def crowd() -> list[Any]:
        asks = [backend._ask("POST", "/v1/chat/completions", {**QUESTION, "stream": True}, {}, None) for _ in range(6)]
        tasks = [asyncio.create_task(ask) for ask in asks]
        for _ in range(4):
            await asyncio.sleep(0)
        model = backend.app.backend.model
        seen.append((model.running, model.waiting))
        return await asyncio.gather(*tasks)

    seen: list[tuple[int, int]] = []
    answers = asyncio.run(crowd())
    assert seen == [(2, 4)]
    firsts = [instants(answer)[0] for answer in answers]
    assert firsts == sorted(firsts)
    assert firsts[0] == 100
    assert firsts[-1] >= 100 + 2 * 150
    model = backend.app.backend.model
    assert (model.running, model.waiting, model.done.completed) == (0, 0, 6)
