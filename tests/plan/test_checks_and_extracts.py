"""Checks and extracts over replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.plan.check_text import parse_check
from loadstone.plan.extract import compile_extract
from loadstone.plan.reply import MISSING
from loadstone.plan.wrong import Wrong


@dataclass
class Reply:
    body: bytes = b'{"answer": "hello", "n": 3, "null": null, "items": [{"id": 1}, {"id": 2}], "length": 9, "a b": {"c.d": 5}}'
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    response_time_s: float = 0.4

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("json.answer exists", True),
        ("json.nothing exists", False),
        ("json.null exists", True),
        ("body contains hello", True),
        ('body contains "goodbye"', False),
        ("header content-type ~ json", True),
        ("header Content-Type == application/json", True),
        ("header x-none != anything", False),
        ("json.items.length > 0", True),
        ("json.items.length == 2", True),
        ("json.items[1].id == 2", True),
        ("json.items[-1].id == 2", True),
        ("json.items[2].id exists", False),
        ("json.length == 9", True),
        ("json.answer.length == 5", True),
        ('json["a b"]["c.d"] == 5', True),
        ("json.n >= 3", True),
        ("json.n < 3", False),
        ("json.answer < 3", False),
        ("json.answer == hello", True),
        ('json.answer == "hello"', True),
        ("json.null == null", True),
        ("json.missing != 3", False),
        ("response_time < 1s", True),
        ("response_time < 300ms", False),
        ("status == 200", True),
        ("json.answer ~ ^h.*o$", True),
        ("json.items ~ id", True),
    ],
)
def test_a_check_holds_or_does_not(text: str, holds: bool) -> None:
    assert parse_check(text).evaluate(Reply()) is holds


def test_a_reply_that_is_no_json_has_no_json_places() -> None:
    assert not parse_check("json.answer exists").evaluate(Reply(body=b"<html>"))
    assert not parse_check("json.answer != 3").evaluate(Reply(body=b"<html>"))


@pytest.mark.parametrize(
    "text",
    ["", "exists", "jsn.x exists", "json.x", "json.x >", "json..x exists", "body ~ (", "response_time < soon", "header == x", "body"],
)
def test_a_text_that_is_no_check_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        parse_check(text)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_no_reply_makes_a_check_raise(value: Any) -> None:
    reply = Reply(body=json.dumps(value).encode())
    for text in ("json.a.b > 1", "json[0] contains x", "json.length <= 3", "json ~ a", "json.a == [1]"):
        assert parse_check(text).evaluate(reply) in {True, False}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("json.items[0].id", 1),
        ("header content-type", "application/json"),
        ("header.content-type", "application/json"),
        (r"regex:\"n\": (\d+)", "3"),
        ("regex:hel+o", "hello"),
    ],
)
def test_a_value_is_taken_from_a_reply(text: str, value: object) -> None:
    assert compile_extract(text)(Reply()) == value


def test_what_a_reply_does_not_have_is_missing_and_null_is_a_value() -> None:
    assert compile_extract("json.token")(Reply()) is MISSING
    assert compile_extract("regex:token=(.*)")(Reply()) is MISSING
    assert compile_extract("json.null")(Reply()) is None


@pytest.mark.parametrize("text", ["regex:(", "jsn.x", "cookie x"])
def test_a_text_that_is_no_extract_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        compile_extract(text)
