"""Places in texts."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.plan.template import MissingValue, compile_template, compile_value, templates_in
from loadstone.plan.wrong import Wrong


@dataclass
class User:
    data: dict[str, Any] = field(default_factory=lambda: {"id": 7, "name": "Ada"})
    vars: dict[str, Any] = field(default_factory=lambda: {"token": "t0"})
    index: int = 3
    rng: random.Random = field(default_factory=lambda: random.Random(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/plain", "/plain"),
        ("", ""),
        ("/items/${row.id}/x", "/items/7/x"),
        ("${row.name}${vars.token}", "Adat0"),
        ("u${ index }", "u3"),
        ("$${row.id}", "${row.id}"),
        ("cost $5 {x}", "cost $5 {x}"),
    ],
)
def test_places_are_filled_in(text: str, expected: str) -> None:
    assert compile_template(text).render(User()) == expected


@given(st.text().filter(lambda text: "${" not in text))
def test_a_text_without_places_is_itself(text: str) -> None:
    template = compile_template(text)
    assert template.is_constant
    assert template.render(User()) == text


def test_numbers_are_drawn_by_the_users_own_generator() -> None:
    template = compile_template("${randint 1 10}-${uuid}")
    assert template.render(User()) == template.render(User())
    number, _, unique = template.render(User()).partition("-")
    assert 1 <= int(number) <= 10
    assert uuid.UUID(unique).version == 4


def test_a_json_body_keeps_types_where_a_place_stands_alone() -> None:
    fill = compile_value({"id": "${row.id}", "text": "no ${row.id}", "list": ["${index}", None, 2.5], "${row.name}": True})
    assert fill(User()) == {"id": 7, "text": "no 7", "list": [3, None, 2.5], "Ada": True}


def test_a_text_of_a_csv_file_can_be_a_number() -> None:
    user = User(data={"price": "7", "weight": "1.5", "name": "Ada"})
    assert compile_value({"p": "${int row.price}", "w": "${float row.weight}"})(user) == {"p": 7, "w": 1.5}
    assert compile_template("${int row.price}").columns == ("price",)
    with pytest.raises(MissingValue, match="'Ada' is not a number"):
        compile_value("${int row.name}")(user)


def test_a_value_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingValue, match=r"vars\.session"):
        compile_template("${vars.session}").render(User())


def test_the_environment_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    template = compile_template("${env:LOADSTONE_TEST_TOKEN}")
    with pytest.raises(MissingValue):
        template.render(User())
    monkeypatch.setenv("LOADSTONE_TEST_TOKEN", "x")
    assert template.render(User()) == "x"


@pytest.mark.parametrize("text", ["${rnd}", "${row}", "${row.id", "${randint 5 1}", "${randint a b}", "${}"])
def test_a_place_that_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        compile_template(text)


def test_the_names_that_a_tree_needs_are_found() -> None:
    found = templates_in({"a": ["${row.x}", {"b${vars.y}": "${env:Z}"}]})
    assert [name for template in found for name in (*template.columns, *template.variables, *template.environment)] == ["x", "y", "Z"]
