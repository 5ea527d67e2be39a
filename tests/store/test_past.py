"""What comparisons get out of a store: each run once, a baseline's runs of the same machine, and what speaks against a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadstone.judge.beside import compare
from loadstone.store.past import side, sides
from loadstone.store.rows import Policy
from loadstone.store.store import Store
from loadstone.testing.kept_runs import make_parts, make_row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'runs.db'}") as opened:
        yield opened


def keep(store: Store, number: int, **changed: Any) -> str:
    row = replace(make_row(number, id=f"r{number:03d}"), **changed)
    store.add(row, make_parts())
    return row.id


def test_a_run_that_is_named_twice_is_one_run(store: Store) -> None:
    first, second = keep(store, 0), keep(store, 1)
    assert [run.name for run in side(store, [first, "last", second, "last~1"]).runs] == [first, second]


def test_of_a_baseline_the_runs_of_the_later_runs_machine_count(store: Store) -> None:
    store.make_baseline("main", Policy())
    for number in range(6):
        store.add_member("main", keep(store, number, machine="bbbb2222" if number % 2 else "aaaa1111"), {})
    here, elsewhere = keep(store, 7, machine="aaaa1111"), keep(store, 8, machine="cccc3333")
    assert [run.name for run in sides(store, ["main"], [here])[0].runs] == ["r000", "r002", "r004"]
    assert len(sides(store, ["main"], [elsewhere])[0].runs) == 6


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"trust": "untrustworthy"}, "a generator that was not trustworthy"), ({"interrupted": True}, "was interrupted after 10 s")],
    ids=["untrustworthy", "interrupted"],
)
def test_a_comparison_says_which_runs_are_doubtful(store: Store, changed: dict[str, Any], told: str) -> None:
    first, second = keep(store, 0), keep(store, 1, **changed)
    before, after = sides(store, [first], [second])
    assert any(told in notice and second in notice for notice in compare(before, after, []).found.notices)
    assert not any(first in notice for notice in compare(before, after, []).found.notices)
