from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import pytest

from loadstone.reference.simulator import MODEL

STEADY = {"ttft": "50ms", "token_gap": "10ms", "tokens": 8}


def test_events_come_on_their_schedule_with_ids(backend: Any) -> None:
    answer = backend.ask("GET", "/events?count=4&gap_ms=20&first_ms=5")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [round((instant - 1000) * 1e3) for instant, _ in answer.chunks] == [5, 25, 45, 65]
    heads = [chunk.decode().split("\n")[:2] for _, chunk in answer.chunks]
    assert heads == [[f"id: {number}", "event: tick"] for number in (1, 2, 3, 4)]
    assert all(chunk.endswith(b"\n\n") for _, chunk in answer.chunks)


def test_lines_of_json_come_on_their_schedule(backend: Any) -> None:
    answer = backend.ask("GET", "/ndjson?count=3&gap_ms=20&pad=1000000")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["n"] for line in answer.body.splitlines()] == [1, 2, 3]
    assert all(len(chunk) > 1_000_000 for _, chunk in answer.chunks)


@pytest.mark.parametrize("path", ["/events", "/ndjson"])
def test_an_endless_feed_ends_when_the_client_leaves(backend: Any, path: str) -> None:
    assert 50 <= len(backend.ask("GET", f"{path}?count=0&gap_ms=10", leave_after=50).chunks) < 60


def test_flaws_are_what_they_are_called(backend: Any) -> None:
    def asked(flaw: str) -> Any:
        return backend.ask("GET", f"/events?count=2&gap_ms=0&flaw={flaw}")

    with pytest.raises(UnicodeDecodeError):
        asked("utf8").body.decode()
    with pytest.raises(json.JSONDecodeError):
        json.loads(asked("json").body.decode().split("data: ")[1].split("\n")[0])
    assert not asked("half").body.endswith(b"\n\n")
    assert asked("type").headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("query", ["count=-1", "gap_ms=x", "flaw=odd", "count=0&gap_ms=0"])
def test_a_feed_that_makes_no_sense_is_refused(backend: Any, query: str) -> None:
    assert backend.ask("GET", f"/events?{query}").status == 400


def test_embeddings_are_unit_vectors_that_depend_on_the_text_alone(backend: Any) -> None:
    body = {"model": MODEL, "input": ["a", "b", "a"], "dimensions": 64, "simulator": {"ttft": "20ms"}}
    answer = backend.ask("POST", "/v1/embeddings", body)
    vectors = [row["embedding"] for row in answer.json["data"]]
    assert vectors[0] == vectors[2] != vectors[1]
    assert [len(vector) for vector in vectors] == [64] * 3
    assert math.hypot(*vectors[1]) == pytest.approx(1)
    assert answer.json["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert answer.chunks[0][0] - 1000 == pytest.approx(0.020)
    packed = backend.ask("POST", "/v1/embeddings", {**body, "input": "a", "encoding_format": "base64"}).json["data"][0]["embedding"]
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(vectors[0], rel=1e-6)


@pytest.mark.parametrize("change", [{"input": []}, {"input": 5}, {"dimensions": 0}, {"encoding_format": "hex"}, {"model": "x"}])
def test_a_wrong_request_for_embeddings_is_refused(backend: Any, change: dict[str, Any]) -> None:
    assert backend.ask("POST", "/v1/embeddings", {"model": MODEL, "input": "a", **change}).status in (400, 404)


def metric(backend: Any, name: str, **labels: str) -> float:
    """One value of the metrics page."""
    for line in backend.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"vllm:{name}{{") and all(f'{key}="{value}"' in line for key, value in labels.items()):
            return float(line.split()[-1])
    raise AssertionError(name)


def test_the_metrics_page_counts_what_was_done(backend: Any) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "how fast is it?"}], "simulator": STEADY}
    backend.ask("POST", "/v1/chat/completions", {**chat, "stream": True})
    backend.ask("POST", "/v1/chat/completions", {**chat, "max_tokens": 4})
    assert metric(backend, "prompt_tokens_total") == 10
    assert metric(backend, "generation_tokens_total") == 12
    assert metric(backend, "request_success_total", finished_reason="length") == 1
    assert metric(backend, "time_to_first_token_seconds_count") == 1
    assert metric(backend, "time_to_first_token_seconds_sum") == pytest.approx(0.05)
    assert metric(backend, "e2e_request_latency_seconds_bucket", le="0.1") == 1
    assert metric(backend, "e2e_request_latency_seconds_bucket", le="+Inf") == 2
    assert metric(backend, "num_requests_running") == 0


def test_answers_in_the_making_are_running_and_hold_their_tokens(backend: Any) -> None:
    model = backend.app.backend.model
    seen = []
    sent = model.sent

    def watched(*arguments: Any) -> None:
        sent(*arguments)
        seen.append((model.running, round(model.kv_usage * model.switches.kv_tokens)))

    model.sent = watched
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "how fast is it?"}], "simulator": STEADY, "stream": True}
    backend.ask("POST", "/v1/chat/completions", chat)
    assert seen == [(1, 5 + said) for said in range(1, 9)]
