"""The command `loadstone llm`: its plan, and a run against a server with a known schedule."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loadstone.cli.llm import _plan_at, command, plan_of
from loadstone.errors import LoadstoneError, UsageError
from loadstone.plan.parts import text
from loadstone.plan.prompt_source import PromptSource
from loadstone.testing.server import Peer, ScriptedServer, Step, always, answer, chunked, response

MODELS = response(json.dumps({"data": [{"id": "small"}]}).encode(), "Content-Type: application/json")


def serving(other: bytes) -> Step:
    """Says its models, and gives the other response to everything else."""

    def step(peer: Peer) -> None:
        while True:
            peer.send(MODELS if b" /v1/models " in peer.read_request() else other)

    return step


def given(**flags: Any) -> dict[str, Any]:
    """The values of all flags as click gives them."""
    names = [param.name or "" for param in command.params]
    many: dict[str, Any] = {"headers": (), "gates": (), "images": (), "sounds": ()}
    many |= dict.fromkeys(("poisson", "no_stream", "insecure", "no_keep_alive"), False)
    return {**dict.fromkeys(names), **many, **flags}


def plan(url: str = "", **flags: Any) -> Any:
    with ScriptedServer([always(answer(MODELS))]) as server:
        return plan_of(server.url + url, given(**flags))


@pytest.mark.parametrize(
    ("url", "dialect", "path"),
    [
        ("", "chat", ""),
        ("/v1", "chat", ""),
        ("/proxy/v1/", "chat", "/proxy"),
        ("/v1/chat/completions", "chat", ""),
        ("/v1/completions", "completions", ""),
        ("/a/v1/messages", "messages", "/a"),
        ("/v1/responses?x=1", "responses", ""),
    ],
)
def test_a_url_says_where_and_how(url: str, dialect: str, path: str) -> None:
    asked = plan(url)
    assert (asked.llm.dialect, asked.llm.model) == (dialect, "small")
    assert asked.target.endswith(path)
    assert asked.target.count("/v1") == 0


def test_flags_become_a_plan() -> None:
    asked = plan(concurrency="3", requests="9", max_tokens="5", gates=("p95(llm.ttft) < 1s",), slo="ttft < 1s", price_in="2", prompt="${x}")
    assert (asked.scenarios[0].profile.users, asked.llm.max_tokens, asked.prices.input) == (3, 5, 2.0)
    assert [gate.gate for gate in asked.gates] == ["p95(llm.ttft) < 1s", "goodput(ttft < 1s) > 95%"]
    assert asked.llm.prompts.texts == ("${x}",)
    assert asked.http.timeouts.total_s == asked.http.timeouts.idle_s == 600
    assert plan(output_tokens="10..20").llm.max_tokens is None
    assert plan(api_key_env="PATH").http.auth.bearer.get_secret_value() == "${env:PATH}"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"rate": "1/s", "concurrency": "2"}, "users or a rate"),
        ({"rate": "1/s", "requests": "2"}, "--duration"),
        ({"poisson": True}, "about a rate"),
        ({"prompt": "a", "prompt_file": "b"}, "one place"),
        ({"bearer": "a", "api_key_env": "PATH"}, "two tokens"),
        ({"api_key_env": "LOADSTONE_NO_SUCH_NAME"}, "LOADSTONE_NO_SUCH_NAME"),
        ({"concurrency": "many"}, "whole number"),
        ({"slo": "ttft < 5 parsecs"}, "parsecs"),
        ({"headers": ("none",)}, "not a header"),
        ({"trace": "t.csv", "rate": "1/s"}, "--trace and --rate"),
        ({"speed": "2x"}, "speed of a trace"),
        ({"trace": "nowhere.csv"}, "nowhere.csv"),
        ({"turns": "3", "prompt": "a"}, "--turns and --prompt"),
        ({"think": "1s"}, "belongs to conversations"),
        ({"turns": "three"}, "--turns"),
        ({"images": ("a.png",)}, "goes with a question"),
        ({"images": ("nowhere.png",), "prompt": "What?"}, "nowhere.png"),
    ],
)
def test_a_mistake_names_its_flag(flags: dict[str, Any], told: str) -> None:
    with pytest.raises(LoadstoneError) as mistake:
        plan(**flags)
    assert told in str(mistake.value)


AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.0,50,5\n2023-11-16 18:17:04.0,70,9\n2023-11-16 18:17:07.0,20,0\n"
BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,a,50,5,55,x\n6,a,70,9,79,x\n9,a,20,1,21,x\n"
MOONCAKE = "".join(
    json.dumps({"timestamp": at, "input_length": told, "output_length": said, "hash_ids": [0]}) + "\n"
    for at, told, said in ((0, 50, 5), (1000, 70, 9), (4000, 20, 1))
)


@pytest.mark.parametrize("rows", [AZURE, BURST, MOONCAKE], ids=["azure", "burstgpt", "mooncake"])
def test_a_trace_of_each_collection_is_replayed_at_its_speed_with_its_lengths(rows: str, tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text(rows)
    asked = plan(trace=str(file), speed="2x")
    profile = asked.scenarios[0].profile
    assert [round(each / 1e9, 6) for each in next(profile.arrivals(None)).tolist()] == [0, 0.5, 2]
    prompts = [PromptSource(asked.llm.prompts, 1).at(number) for number in range(3)]
    assert [(each.input_tokens, each.max_tokens) for each in prompts] == [(50, 5), (70, 9), (20, 1)]
    assert asked.llm.max_tokens is None
    first = plan(trace=str(file), requests="2")
    assert (first.scenarios[0].profile.expected_arrivals, first.llm.prompts.limit) == (2, 2)


def test_conversations_have_turns_and_waits_made_up_or_from_a_file(tmp_path: Path) -> None:
    made_up = plan(turns="3", think="2s..8s", input_tokens="20").llm.prompts
    turns = list(PromptSource(made_up, 1).conversation(0))
    assert [each.turn for each in turns] == [0, 1, 2]
    assert turns[0].think_s == 0
    assert 2 <= turns[1].think_s <= 8
    file = tmp_path / "talks.jsonl"
    file.write_text(json.dumps({"turns": [{"say": "Hello"}, {"say": "Bye"}]}) + "\n")
    written = plan(prompt_file=str(file), think="1s").llm.prompts
    assert [(each.messages[0]["content"], each.think_s) for each in PromptSource(written, 1).conversation(0)] == [("Hello", 0), ("Bye", 1)]


def test_no_keep_alive_is_a_connection_for_each_question() -> None:
    assert not plan(no_keep_alive=True).http.keep_alive
    assert plan().http.keep_alive


def test_a_picture_goes_with_the_question_and_leaves_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n rest")
    whole = response(json.dumps({"choices": [{"message": {"content": "A cat."}}]}).encode(), "Content-Type: application/json")
    with ScriptedServer([serving(whole)]) as server:
        monkeypatch.setattr("sys.argv", ["loadstone", "llm"])
        words = [server.url, "-c", "1", "-n", "1", "--no-stream", "-p", "What costs ${x}?", "--image", str(picture), "--json"]
        result = CliRunner().invoke(command, words, standalone_mode=False)
    assert result.return_value == 0
    asked = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])["messages"][0]["content"]
    assert asked == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgogcmVzdA=="}}, text("What costs ${x}?")]


def test_a_model_that_the_server_refuses_is_told_in_its_words() -> None:
    refusal = response(b'{"error": {"message": "the model large does not exist"}}', status=404)
    with ScriptedServer([serving(refusal)]) as server, pytest.raises(UsageError) as mistake:
        plan_of(server.url, given(model="large"))
    assert "the model large does not exist" in str(mistake.value)
    assert "small" in str(mistake.value)


def test_a_model_that_is_not_listed_and_not_refused_is_asked() -> None:
    with ScriptedServer([serving(response(b"{}"))]) as server:
        assert plan_of(server.url, given(model="alias")).llm.model == "alias"


def test_a_server_that_does_not_say_its_models_needs_a_name() -> None:
    with ScriptedServer([always(answer(response(status=404)))]) as server:
        with pytest.raises(UsageError, match="does not say"):
            plan_of(server.url, given())
        assert plan_of(server.url, given(model="any")).llm.model == "any"


def test_a_run_prints_its_section_and_leaves_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    token = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
    stream = chunked(token, token, b"data: [DONE]\n\n", headers=["Content-Type: text/event-stream"])
    with ScriptedServer([serving(stream)]) as server:
        monkeypatch.setattr("sys.argv", ["loadstone", "llm"])
        words = [server.url, "-c", "1", "-n", "5", "--json"]
        result = CliRunner().invoke(command, words, standalone_mode=False)
    document = json.loads(result.stdout)
    assert result.return_value == document["exit_code"] == 0
    metrics = document["metrics"]
    assert (metrics["llm.requests"]["count"], metrics["llm.counted_by_chunks"]["count"], metrics["llm.output_tokens"]["count"]) == (
        5,
        5,
        10,
    )
    assert document["token_counting"] == {"counted_by": "chunks", "tokenizer": None, "answers": {"chunks": 5}}
    assert metrics["llm.ttft"]["count"] == 5
    assert metrics["llm.concurrency"]["rate"] > 0


def test_the_document_says_that_a_tokenizer_counted_and_which(monkeypatch: pytest.MonkeyPatch) -> None:
    token = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
    stream = chunked(token, token, b"data: [DONE]\n\n", headers=["Content-Type: text/event-stream"])
    with ScriptedServer([serving(stream)]) as server:
        monkeypatch.setattr("sys.argv", ["loadstone", "llm"])
        words = [server.url, "-c", "1", "-n", "2", "--json", "--tokenizer", "loadstone.plan.words:count_tokens"]
        result = CliRunner().invoke(command, words, standalone_mode=False)
    counting = json.loads(result.stdout)["token_counting"]
    assert counting == {"counted_by": "tokenizer", "tokenizer": "loadstone.plan.words:count_tokens", "answers": {"tokenizer": 2}}


def level(knob: str, value: str, **flags: Any) -> Any:
    with ScriptedServer([always(answer(MODELS))]) as server:
        return _plan_at(server.url, given(**flags), knob, value)


def test_each_level_of_a_sweep_asks_questions_of_its_own_and_the_same_ones_again_the_next_time() -> None:
    levels = [level("concurrency", value) for value in ("1", "2", "2")]
    assert [each.scenarios[0].profile.users for each in levels] == [1, 2, 2]
    first, second, again = ([turn.messages for turn in PromptSource(each.llm.prompts, each.seed).conversation(0)] for each in levels)
    assert first != second == again
    assert level("concurrency", "2", seed="7").seed != levels[1].seed


def test_a_level_of_a_flag_with_a_dash_sets_that_flag() -> None:
    assert level("max-tokens", "9").llm.max_tokens == 9


def test_a_knob_that_llm_does_not_have_or_that_is_set_as_well_is_refused() -> None:
    with pytest.raises(UsageError, match="no knob of llm") as unknown:
        level("users", "2")
    assert "concurrency" in str(unknown.value)
    with pytest.raises(UsageError, match="cannot be set as well"):
        level("concurrency", "2", concurrency="3")
    with pytest.raises(UsageError, match="flag --max-tokens"):
        level("max-tokens", "2", max_tokens="3")
