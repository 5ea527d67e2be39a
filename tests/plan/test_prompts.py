"""What language models are asked."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadstone.errors import UsageError
from loadstone.plan.prompt_source import PromptSource
from loadstone.plan.prompts import Prompt, PromptPlan
from loadstone.plan.words import POOL, WORDS, Words, fitted
from loadstone.reference.simulator import count_tokens as simulated_count


def source(plan: Any, seed: int = 1, tokenizer: Any = None) -> PromptSource:
    return PromptSource(PromptPlan.model_validate(plan), seed, tokenizer)


def text_of(prompt: Prompt) -> str:
    return "\n".join(str(message["content"]) for message in prompt.messages)


def texts(plan: Any, count: int, seed: int = 1) -> list[str]:
    prompts = source(plan, seed)
    return [text_of(prompts.at(index)) for index in range(count)]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, *rows: Any) -> str:
        path = tmp_path / name
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


# Texts of a wanted length


def test_words_are_two_hundred_and_fifty_six_different_ones_of_one_token_each() -> None:
    assert len(set(WORDS)) == 256
    assert all(word.isalpha() and word.islower() for word in WORDS)


@given(st.integers(0, 3000), st.integers(0, 2**32))
def test_a_text_has_exactly_its_length_by_the_simulated_models_rule(words: int, seed: int) -> None:
    assert simulated_count(Words(seed % 3).text(str(seed), words)) == words


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_shorter_text_of_a_key_begins_the_longer_one(some: int, more: int) -> None:
    words = Words(1)
    assert words.text("a", some + more).startswith(words.text("a", some))


def test_a_text_longer_than_the_pool_is_as_long_as_asked() -> None:
    assert simulated_count(Words(1).text("a", 2 * POOL + 7)) == 2 * POOL + 7


@given(st.integers(0, 2**39), st.integers(1, 2**39), st.integers(0, 2**32))
def test_no_two_numbers_have_the_same_start(number: int, apart: int, seed: int) -> None:
    words = Words(seed)
    assert words.start(number) != words.start(number + apart)


def half_syllables(text: str) -> int:
    """A tokenizer that splits longer words and counts what is between them, as byte pairs do."""
    return sum(1 + (len(word) > 4) + (len(word) > 7) for word in text.split())


@given(st.integers(1, 2000))
def test_with_a_tokenizer_the_length_is_exact_by_its_count(tokens: int) -> None:
    words = Words(1)
    text, count = fitted(lambda n: words.text("a", n), tokens, half_syllables)
    assert count == half_syllables(text) == tokens


def test_made_up_prompts_are_exactly_as_long_as_a_tokenizer_says() -> None:
    for more in ({}, {"unique": True}, {"shared_prefix": "50%"}):
        prompts = source({"input": "40..400", **more}, tokenizer=half_syllables)
        again = source({"input": "40..400", **more})
        for index in range(50):
            prompt, plain = prompts.at(index), again.at(index)
            assert prompt.input_tokens == half_syllables(text_of(prompt)) == plain.input_tokens


# Kinds


def test_a_text_alone_is_asked_again_and_again() -> None:
    prompt = source("Say hello!").at(7)
    assert prompt == Prompt(({"role": "user", "content": "Say hello!"},), None, 3, 7)


def test_several_texts_are_asked_in_turn_or_in_a_seeded_order() -> None:
    assert texts(["a", "b"], 4) == ["a", "b", "a", "b"]
    shuffled = texts({"texts": list("abcdef"), "order": "shuffle"}, 12)
    assert sorted(shuffled[:6]) == list("abcdef")
    assert shuffled[:6] == shuffled[6:]


def test_a_system_message_comes_first_and_counts() -> None:
    prompt = source({"texts": ["Why?"], "system": "Be brief."}).at(0)
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    assert prompt.input_tokens == 3 + 2


def test_answers_are_limited_as_the_plan_says() -> None:
    prompts = source({"texts": ["a"], "output": "10..20"})
    limits = {prompts.at(index).max_tokens for index in range(300)}
    assert limits == set(range(10, 21))


@pytest.mark.parametrize(
    ("row", "messages", "limit"),
    [
        ({"prompt": "Why?"}, [("user", "Why?")], None),
        ({"text_input": "Why?", "output_length": 12}, [("user", "Why?")], 12),
        ({"prompt": "Why?", "max_tokens": 5}, [("user", "Why?")], 5),
        (
            {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]},
            [("system", "S"), ("user", "U")],
            None,
        ),
        (
            {"id": 1, "conversations": [{"from": "human", "value": "U"}, {"from": "gpt", "value": "one two three."}]},
            [("user", "U")],
            4,
        ),
    ],
)
def test_rows_of_json_lines_have_known_forms(write: Any, row: Any, messages: list[tuple[str, str]], limit: int | None) -> None:
    prompt = source({"file": write("p.jsonl", "", row)}).at(0)
    assert [(message["role"], message["content"]) for message in prompt.messages] == messages
    assert prompt.max_tokens == limit


def test_parts_of_a_message_go_through_as_they_are_and_have_no_length(write: Any) -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    file = write("p.jsonl", {"messages": [{"role": "user", "content": parts}]})
    prompt = source({"file": file}).at(0)
    assert prompt.messages[0]["content"] == parts
    assert prompt.input_tokens is None
    unique = source({"file": file, "unique": True}).at(0)
    assert unique.messages[0]["content"][1:] == parts
    assert len(unique.messages[0]["content"][0]["text"].split()) == 5


def test_csv_has_quoted_cells_over_several_lines(write: Any) -> None:
    file = write("p.csv", "prompt,max_tokens", '"a, ""b""\nc",7', "", "d,8")
    assert texts({"file": file}, 3) == ['a, "b"\nc', "d", 'a, "b"\nc']
    assert source({"file": file}).at(1).max_tokens == 8


def test_a_column_can_be_named(write: Any) -> None:
    assert texts({"file": write("p.csv", "id,frage", "1,Warum?"), "column": "frage"}, 1) == ["Warum?"]


def test_a_large_file_costs_24_bytes_a_row(write: Any) -> None:
    rows = 4000
    plan = {"file": write("p.jsonl", *({"prompt": f"{number} {'x' * 200}"} for number in range(rows))), "order": "shuffle"}
    tracemalloc.start()
    prompts = source(plan)
    assert len({text_of(prompts.at(index))[:5] for index in range(rows)}) == rows
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now / rows < 24 * 1.25 + 4  # arrays grow by an eighth at a time


def test_a_file_is_closed_with_its_source(write: Any) -> None:
    prompts = source({"file": write("p.jsonl", {"prompt": "a"})})
    descriptor = prompts._script._rows._descriptor  # type: ignore[attr-defined]
    del prompts
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("p.jsonl", ["no"], ":1: is not JSON"),
        ("p.jsonl", ['[{"prompt": "a"},'], "one object on each line: jq"),
        ("p.jsonl", [{"prompt": "a"}, "", {"promt": "b"}], ":3: no prompt; it has promt"),
        ("p.jsonl", [{"prompt": ""}], ":1: prompt is no text, or is empty"),
        ("p.jsonl", [{"prompt": [1, 2]}], ":1: prompt is no text"),
        ("p.csv", ["prompt", '"a" "b"'], ":2: is not CSV"),
        ("p.csv", ["prompt", "x" * 200_000], ":2: is not CSV: field larger"),
        ("p.jsonl", [{"prompt": "a", "max_tokens": 0}], ":1: max_tokens 0 is not a whole number above 0"),
        ("p.jsonl", [{"messages": []}], ":1: has no messages"),
        ("p.jsonl", [{"messages": ["Hi"]}], ":1: has a message without role and content"),
        ("p.jsonl", [{"conversations": [{"from": "ghost", "value": "a"}]}], ":1: has a part without from and value"),
        ("p.jsonl", [], "has no rows"),
        ("p.csv", ["prompt"], "has no rows"),
        ("p.csv", ["prompt", "a,b"], ":2: has 2 cells, the header has 1"),
        ("p.csv", ["prompt", '"a'], "a quote is not closed"),
        ("p.csv", ["prompt,prompt", "a,b"], "two columns have the same name"),
    ],
)
def test_a_row_that_is_no_prompt_is_told_with_its_line(write: Any, name: str, rows: list[Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        source({"file": write(name, *rows)}).check()
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match="cannot read the prompts"):
        source({"file": "nowhere.jsonl"})


# Made-up prompts


@pytest.mark.parametrize("more", [{}, {"unique": True}, {"shared_prefix": "50%", "prefix_groups": 3}])
def test_made_up_prompts_have_the_intended_length_by_the_simulated_models_rule(more: dict[str, Any]) -> None:
    prompts = source({"input": "20..400", **more})
    for index in range(300):
        prompt = prompts.at(index)
        assert prompt.input_tokens == simulated_count(text_of(prompt))
        assert 20 <= (prompt.input_tokens or 0) <= 400


def test_made_up_prompts_do_not_begin_alike() -> None:
    starts = Counter(" ".join(text.split()[:4]) for text in texts({"input": 50}, 2000))
    assert max(starts.values()) == 1


def test_the_prompts_of_a_group_share_exactly_their_part() -> None:
    plan = {"input": 100, "shared_prefix": "40%", "prefix_groups": 4}
    heads = Counter(tuple(text.split()[:40]) for text in texts(plan, 400))
    assert len(heads) == 4
    assert min(heads.values()) > 60
    assert len({text.split()[40] for text in texts(plan, 50)}) > 20


def test_unique_prompts_differ_from_their_first_words_on_whatever_the_kind(write: Any) -> None:
    file = write("p.jsonl", {"prompt": "the same"})
    for plan in ({"texts": ["the same"]}, {"file": file}, {"input": 5}, {"texts": ["x"], "system": "the same"}):
        starts = {" ".join(text.split()[:5]) for text in texts({**plan, "unique": True}, 3000)}
        assert len(starts) == 3000


def test_unique_prompts_of_two_seeds_are_not_the_same() -> None:
    plan = {"texts": ["the same"], "unique": True}
    assert not set(texts(plan, 500, seed=1)) & set(texts(plan, 500, seed=2))


@pytest.mark.parametrize("share", ["0%", "10%", "33%", "50%", "99%", "100%"])
def test_exactly_the_asked_share_of_prompts_was_asked_before(share: str) -> None:
    seen: set[str] = set()
    repeated = 0
    part = int(share[:-1])
    for count, text in enumerate(texts({"input": 30, "unique": True, "repeat": share}, 400), 1):
        repeated += text in seen
        seen.add(text)
        assert repeated == min(count - 1, count * part // 100)


def test_any_earlier_prompt_is_repeated_not_only_the_last() -> None:
    prompts = source({"input": 30, "repeat": "50%"})
    numbers = [prompts.at(index).conversation for index in range(2000)]
    back = [new - old for new, old in pairwise(numbers) if old < new]
    assert len(set(numbers)) == 1000
    assert max(Counter(numbers).values()) > 3
    assert back


plans = st.sampled_from(
    [
        {"texts": ["a", "b", "c"], "order": "shuffle", "unique": True},
        {"input": "lognormal 100 80", "output": "1..90", "repeat": "30%"},
        {"input": 64, "shared_prefix": "50%", "prefix_groups": 2},
        {"turns": "1..5", "input": "5..50", "think": "1s..3s", "output": 9},
    ]
)


@given(plans, st.integers(0, 2**32), st.integers(1, 50), st.integers(0, 5000))
def test_any_number_of_workers_asks_the_same(plan: Any, seed: int, workers: int, index: int) -> None:
    one = source(plan, seed)
    worker = source(plan, seed)
    for other in range(index % workers, index, max(workers, index // 10 + 1)):
        worker.at(other)  # what was asked before changes nothing
    assert list(worker.conversation(index)) == list(one.conversation(index))
    assert worker.at(index) == one.at(index)


# Conversations


def test_conversations_are_made_up_with_turns_lengths_and_waits() -> None:
    talks = [list(source({"turns": "2..4", "input": "5..9", "output": 30, "think": "1s..2s"}).conversation(n)) for n in range(100)]
    assert {len(talk) for talk in talks} == {2, 3, 4}
    for talk in talks:
        assert [turn.turn for turn in talk] == list(range(len(talk)))
        assert talk[0].think_s == 0
        assert all(1 <= turn.think_s <= 2 for turn in talk[1:])
        assert all(5 <= (turn.input_tokens or 0) <= 9 and turn.max_tokens == 30 for turn in talk)


def test_the_answers_of_the_target_stand_in_the_history_of_a_later_turn() -> None:
    first, second, *_ = source({"turns": 2, "input": 5}).conversation(0)
    history = [*first.messages, {"role": "assistant", "content": "An answer."}]
    prompt = second.prompt(history)
    assert [message["role"] for message in prompt.messages] == ["user", "assistant", "user"]
    assert (prompt.turn, prompt.input_tokens, first.prompt().input_tokens) == (1, None, 5)


def test_recorded_dialogues_give_turns_and_how_long_answers_were(write: Any) -> None:
    parts = [("system", "Be kind."), ("human", "Hi"), ("gpt", "one two"), ("human", "More"), ("gpt", "three")]
    file = write("d.jsonl", {"conversations": [{"from": who, "value": text} for who, text in parts]})
    talk = list(source({"kind": "conversations", "file": file, "think": "2s"}).conversation(0))
    assert [[message["content"] for message in turn.messages] for turn in talk] == [["Be kind.", "Hi"], ["More"]]
    assert [(turn.max_tokens, turn.think_s) for turn in talk] == [(2, 0), (1, 2)]


TREE = {
    "system": "You sell shoes.",
    "turns": [
        {"say": "Hello", "max_tokens": 20},
        {
            "branch": [
                {"weight": 3, "turns": [{"say": "Blue ones?", "think": "3s"}, {"say": "Bye"}]},
                {"weight": 1, "turns": []},
            ]
        },
    ],
}


def test_branches_of_a_conversation_are_taken_by_weight(write: Any) -> None:
    talks = source({"kind": "conversations", "file": write("t.jsonl", TREE), "think": "1s"})
    found = Counter(len(list(talks.conversation(number))) for number in range(2000))
    assert set(found) == {1, 3}
    assert found[3] == pytest.approx(1500, abs=4 * (2000 * 3 / 16) ** 0.5)
    talk = next(talk for number in range(99) if len(talk := list(talks.conversation(number))) == 3)
    assert [message["role"] for message in talk[0].messages] == ["system", "user"]
    assert [turn.think_s for turn in talk] == [0, 3, 1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"turns": []}, "has no turns"),
        ({"turns": ["Hi"]}, "has a turn of no known form"),
        ({"turns": [{"say": "Hi", "thnk": 1}]}, "has a turn of no known form"),
        ({"turns": [{"say": "Hi", "think": "long"}]}, "think 'long' is not a wait"),
        ({"turns": [{"branch": []}]}, "has a branch that is no list of ways"),
        ({"turns": [{"branch": [{"weight": 0}]}]}, "weights are not numbers above 0"),
        ({"turns": [{"branch": [{"turns": [{"say": ""}]}]}]}, "has a turn of no known form"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "nobody asks anything"),
    ],
)
def test_a_row_that_is_no_conversation_is_told_with_its_line(write: Any, row: Any, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        source({"kind": "conversations", "file": write("t.jsonl", row)}).check()
    assert said in str(raised.value)
    assert ":1" in raised.value.where


# Traces


def test_a_trace_gives_lengths_and_limits_row_by_row_and_again(write: Any) -> None:
    file = write("t.csv", "TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:17:03,48,10", "2023-11-16 18:17:04,31,0")
    prompts = source({"kind": "trace", "file": file})
    found = [prompts.at(index) for index in range(4)]
    assert [(prompt.input_tokens, prompt.max_tokens) for prompt in found] == [(48, 10), (31, 1), (48, 10), (31, 1)]
    assert text_of(found[0]) != text_of(found[2])


def test_equal_hash_ids_of_a_trace_are_equal_beginnings(write: Any) -> None:
    rows = [(1300, [0, 1, 2]), (1400, [0, 1, 3]), (600, [7, 8]), (1300, [0, 1, 2])]
    file = write("t.jsonl", *({"timestamp": 0, "input_length": n, "output_length": 5, "hash_ids": ids} for n, ids in rows))
    asked = [text.split() for text in texts({"kind": "trace", "file": file}, 4)]
    assert [len(words) for words in asked] == [1300, 1400, 600, 1300]
    assert asked[0][:1024] == asked[1][:1024]
    assert asked[0][1024:1032] != asked[1][1024:1032]
    assert asked[0][:8] != asked[2][:8]
    assert asked[0] == asked[3]


# Plans


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"kind": "synthetic"}, "have no source"),
        ({"kind": "fixed"}, "have no source"),
        ({}, "have no source"),
        ({"kind": "conversations", "turns": 3}, "have no source"),
        ({"kind": "trace", "file": "a.csv", "repeat": "10%"}, "prompts of kind trace have no repeat"),
        ({"texts": ["a"], "turns": 3}, "have no texts"),
        ({"input": 9, "think": "2s"}, "prompts of kind synthetic have no think"),
        ({"kind": "conversations", "file": "a", "turns": 2}, "not both"),
        ({"input": 9, "unique": True, "shared_prefix": "10%"}, "both begin uniquely and share"),
        ({"input": 9, "prefix_groups": 4}, "without a shared prefix"),
        ({"input": 9, "uniqe": True}, "uniqe"),
        ([], "have no source"),
        ("", "at least 1 character"),
    ],
)
def test_a_plan_of_prompts_that_contradicts_itself_is_refused(plan: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PromptPlan.model_validate(plan)


@given(plans)
def test_a_plan_of_prompts_travels_to_other_processes(plan: Any) -> None:
    written = PromptPlan.model_validate(plan)
    assert PromptPlan.model_validate_json(written.model_dump_json()) == written


def test_a_plan_of_prompts_is_shown_in_one_line() -> None:
    plan = PromptPlan.model_validate({"input": "lognormal 256 128", "output": 64, "unique": True, "repeat": "25%"})
    assert str(plan) == "synthetic, lognormal 256 128 tokens in, 64 out, unique, 0.25 repeated"
