"""The bot of the reference backend: what it answers is what is in the messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import UsageError
from loadstone.reference.app import ReferenceApp
from loadstone.reference.bot.message_base import MessageBase
from loadstone.reference.bot.question import read_question
from loadstone.reference.bot.search_index import SearchIndex
from loadstone.reference.state import Settings
from loadstone.synth.message_content import analyse
from loadstone.synth.message_queries import AGENTS, make_queries
from loadstone.synth.messages import Size, make_messages


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_messages(tmp_path_factory.mktemp("bot") / "messages.db", Size(messages=1500, users=30, channels=5, days=60))


@pytest.fixture
def bot(start: Callable[..., Any], messages: Path) -> Any:
    return start(bot_database=messages)


def ask(backend: Any, text: str, **more: Any) -> dict[str, Any]:
    answer = backend.ask("POST", "/bot/query", {"text": text, **more})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def test_every_query_made_of_the_content_is_answered_by_its_agent_with_what_can_be_counted(bot: Any, messages: Path) -> None:
    for query in make_queries(messages, analyse(messages), 60):
        answer = ask(bot, query.text)
        assert answer["agent"] == query.agent, query
        said = answer["answer"].lower()
        assert [fact for fact in query.expect if fact.lower() not in said] == [], query


def test_which_agents_worked_is_told_in_the_answer_and_counted(bot: Any) -> None:
    ask(bot, "How many messages are there?")
    digest = ask(bot, "Write a digest of #general")
    assert [each["agent"] for each in digest["agents"]] == ["digest_generation", "semantic_search"]
    calls = {each["agent"]: each["calls"] for each in bot.ask("GET", "/bot/agents").json["agents"]}
    assert calls == {"server_analysis": 1, "semantic_search": 1, "user_analysis": 0, "digest_generation": 1}


def test_a_named_agent_answers_whatever_the_words_are(bot: Any) -> None:
    assert {ask(bot, "anything about @ada", agent=agent)["agent"] for agent in AGENTS.values()} == set(AGENTS.values())


def test_a_batch_answers_each_in_its_place_also_where_one_is_refused(bot: Any) -> None:
    answers = bot.ask(
        "POST", "/bot/batch", {"queries": [{"text": "How many messages are there?"}, {"text": " "}, {"text": "Find lunch"}]}
    ).json["answers"]
    assert [each.get("agent") for each in answers] == ["server_analysis", None, "semantic_search"]
    assert answers[1]["error"]["status"] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"text": None}, 400),
        ({"text": 42}, 400),
        ({"text": ""}, 400),
        ({"text": " \n"}, 400),
        ({"text": "a\0b"}, 400),
        ({"text": "x" * 20_001}, 413),
        ({"text": "hello", "agent": "nobody"}, 404),
        ({"text": "What does @nobody do?"}, 404),
        ({"text": "How many messages are there in #nowhere?"}, 404),
        ({"text": "digest from 2024-02-31"}, 400),
        ({"text": "who?", "agent": "user_analysis"}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_cleanly(bot: Any, body: dict[str, Any], status: int) -> None:
    answer = bot.ask("POST", "/bot/query", body)
    assert answer.status == status
    assert answer.error["message"]


def test_a_question_that_looks_like_sql_changes_nothing(bot: Any) -> None:
    ask(bot, "'; DROP TABLE messages; --")
    assert "1500 messages" in ask(bot, "How many messages are there?")["answer"]


def test_without_messages_the_bot_says_how_to_get_some(backend: Any) -> None:
    answer = backend.ask("POST", "/bot/query", {"text": "hello"})
    assert answer.status == 404
    assert "--bot-database" in answer.error["message"]


def test_another_database_can_be_opened_and_a_wrong_one_leaves_what_was_there(bot: Any, tmp_path: Path) -> None:
    other = make_messages(tmp_path / "other.db", Size(messages=300, users=5, channels=2, days=10))
    assert bot.ask("PUT", "/bot/database", {"path": str(other)}).json == {"path": str(other), "messages": 300}
    assert bot.ask("PUT", "/bot/database", {"path": str(tmp_path / "none.db")}).status == 400
    assert bot.ask("GET", "/bot/database").json["messages"] == 300


def test_a_file_of_another_form_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(UsageError, match="no table messages"):
        MessageBase(tmp_path / "empty.db")
    with pytest.raises(UsageError, match="no such file"):
        ReferenceApp(Settings(bot_database=tmp_path / "none.db"))


def test_an_index_finds_the_text_itself_first_and_nothing_for_unknown_words() -> None:
    texts = ["the invoice is late", "the invoices are wrong and the refund is late", "lunch at noon", ""]
    index = SearchIndex(texts)
    best = [index.nearest(text, 1)[0] for text in texts[:3]]
    assert [row for row, _ in best] == [0, 1, 2]
    assert [score for _, score in best] == pytest.approx([1, 1, 1], abs=1e-5)
    assert {row for row, _ in index.nearest("invoice", 4)} == {0, 1}
    assert index.nearest("zebra", 4) == index.nearest("", 4) == SearchIndex([]).nearest("invoice", 4) == []
    assert all(0 <= score <= 1 + 1e-6 and not math.isnan(score) for score in index.scores("the late refund").tolist())


def test_a_question_is_read_with_what_it_names() -> None:
    found = read_question('Digest of #on-call by @bo-2, "page me", from 2024-03-01 until 2024-03-08')
    assert (found.agent, found.channel, found.user, found.words) == ("digest_generation", "on-call", "bo-2", ("page me",))
    assert found.end_s is not None
    assert found.begin_s is not None
    assert found.end_s - found.begin_s == 7 * 86_400
