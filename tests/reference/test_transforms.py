from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.reference.switches import Switches, read_switches
from loadstone.reference.texts import TASKS, classify, extract, summarize

TEXT = "Write to ml@example.org by 2024-05-06. The invoice of 12.50 is wrong. The refund of the invoice is late. It rains."


def test_a_summary_is_three_of_the_sentences_in_their_order() -> None:
    said = summarize(TEXT)
    assert said["sentences"] == 4
    assert "The invoice of 12.50 is wrong. The refund of the invoice is late." in said["summary"]
    assert len(said["summary"]) < len(TEXT)


def test_facts_are_found_once_each() -> None:
    assert extract("please ask Mara Lindt, or Jon")["names"] == ["Mara Lindt", "Jon"]
    assert extract(f"{TEXT} Again: ml@example.org, http://a.example/b?c=d") == {
        "emails": ["ml@example.org"],
        "urls": ["http://a.example/b?c=d"],
        "dates": ["2024-05-06"],
        "numbers": ["12.50"],
        "names": [],
    }


def test_the_topic_is_the_one_with_most_words() -> None:
    assert classify(TEXT)["topic"] == "billing"
    assert classify("nothing of note") == {"topic": "other", "shares": dict.fromkeys(("billing", "access", "performance", "product"), 0.0)}


@given(st.text(), st.sampled_from(sorted(TASKS)))
def test_any_text_can_be_worked_on(text: str, task: str) -> None:
    assert TASKS[task](text) == TASKS[task](text)


def test_a_batch_gives_what_its_texts_give_one_by_one_whatever_the_workers(backend: Any) -> None:
    texts = [TEXT, "slow login", "", "crash"]
    batch = backend.ask("POST", "/v1/transform", {"task": "classify", "texts": texts, "workers": 4}).json
    singles = [backend.ask("POST", "/v1/transform", {"task": "classify", "text": text}).json["result"] for text in texts]
    assert batch["results"] == singles == [classify(text) for text in texts]


def test_a_cached_batch_is_a_hit(start: Callable[..., Any]) -> None:
    backend = start(simulator=read_switches({"cache": "lru:5"}, Switches()))
    body = {"task": "extract", "texts": [TEXT]}
    answers = [backend.ask("POST", "/v1/transform", body) for _ in range(2)]
    assert [answer.headers["x-cache"] for answer in answers] == ["miss", "hit"]
    assert answers[0].json["results"] == answers[1].json["results"]


@pytest.mark.parametrize(
    "body",
    [
        {"task": "translate", "text": "a"},
        {"task": "extract"},
        {"task": "extract", "texts": []},
        {"task": "extract", "texts": [1]},
        {"task": "extract", "text": "a", "workers": 0},
        {"task": "extract", "text": "a", "wait": "soon"},
    ],
)
def test_work_that_makes_no_sense_is_refused(backend: Any, body: dict[str, Any]) -> None:
    assert backend.ask("POST", "/v1/transform", body).status == 400
