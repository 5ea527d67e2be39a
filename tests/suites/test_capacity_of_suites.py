"""How many users the chat and llm suites find room for: their own objectives, all of them measured, reach an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

BLAMED = {"host_busy", "own_limit"}  # a machine without a processor to spare; that is said, and is no answer about the target


@pytest.mark.parametrize(
    ("name", "users", "objectives"),
    [
        ("chat capacity", 300, {"p95(http.response_time) < 5s", "rate(http.errors) < 5%", "rate(check.failures) < 1%"}),
        (
            "llm capacity elsewhere",
            10,
            {
                "p95(http.response_time) < 10s",
                "rate(http.errors) < 1%",
                "p95(http.response_time{scenario=llm}) < 10s",
                "rate(llm.errors{scenario=llm}) < 5%",
            },
        ),
    ],
)
def test_users_are_turned_up_until_every_objective_of_the_suite_is_decided(
    runs: Mapping[str, Any], name: str, users: int, objectives: set[str]
) -> None:
    document = runs[name].document
    assert document["schema"] == "loadstone.capacity/1"
    assert set(document["objectives"]) == objectives
    assert document["not_measured"] == []
    assert all(level["load"] == users for level in document["levels"])
    assert all(level["errors"] == 0 for level in document["levels"])
    answers = {level["answer"] for level in document["levels"]}
    assert answers <= {"met", "unclear"} | BLAMED
    assert answers & ({"met"} | BLAMED)
    assert document["levels"][-1]["rate"] > 0.9 * document["levels"][-1]["requests"] / document["levels"][-1]["seconds"]
