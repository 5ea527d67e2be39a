"""Rows of data for users."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import loadstone as ls
from loadstone.errors import UsageError
from loadstone.plan.feed import Feed, read_rows


@pytest.fixture
def users(tmp_path: Path) -> str:
    path = tmp_path / "users.csv"
    path.write_text('\ufeffname,city\nAda,"London, UK"\nBob,Rome\n\nCy,Oslo\n', encoding="utf-8")
    return str(path)


def names(feed: Feed, count: int) -> list[str | None]:
    return [row["name"] if (row := feed.row(position)) else None for position in range(count)]


def test_rows_come_in_order_and_start_again(users: str) -> None:
    assert names(Feed(ls.csv(users), 1), 5) == ["Ada", "Bob", "Cy", "Ada", "Bob"]


def test_rows_can_end(users: str) -> None:
    assert names(Feed(ls.csv(users, exhausted="stop"), 1), 4) == ["Ada", "Bob", "Cy", None]


def test_shuffled_rows_come_once_each_and_the_same_for_the_same_seed(users: str) -> None:
    first, again = (Feed(ls.csv(users, order="shuffle"), 7) for _ in range(2))
    assert sorted(filter(None, names(first, 3))) == ["Ada", "Bob", "Cy"]
    assert names(first, 9) == names(again, 9)


def test_random_rows_are_drawn_again_and_again(users: str) -> None:
    drawn = Counter(names(Feed(ls.csv(users, order="random"), 7), 3000))
    assert set(drawn) == {"Ada", "Bob", "Cy"}
    assert min(drawn.values()) > 850


def test_workers_share_the_rows_without_a_word(users: str) -> None:
    one, other = Feed(ls.csv(users, order="shuffle"), 7), Feed(ls.csv(users, order="shuffle"), 7)
    shared = {position: (one if position % 2 else other).row(position) for position in range(3)}
    assert len({str(row) for row in shared.values()}) == 3


def test_quotes_and_byte_order_mark_are_read(users: str) -> None:
    columns, rows = read_rows(ls.csv(users))
    assert columns == ["name", "city"]
    assert rows[0]["city"] == "London, UK"


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1}\n\n{"n": [2]}\n')
    assert [row["n"] for row in read_rows(ls.jsonl(str(path)))[1]] == [1, [2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows"),
        ("name\n", "no rows"),
        ("a,b\n1\n", ":2: has 1 cells, the header has 2"),
        ("a,a\n1,2\n", "same name"),
        ('a,b\n"1,2\n', "not CSV"),
    ],
)
def test_a_broken_csv_file_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_rows(ls.csv(str(path)))


@pytest.mark.parametrize(("text", "said"), [('{"a": 1}\nno\n', ":2: is not JSON"), ("[1]\n", ":1: is not a JSON object"), ("", "no rows")])
def test_a_broken_json_file_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_rows(ls.jsonl(str(path)))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_rows(ls.csv(str(path)))
