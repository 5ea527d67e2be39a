"""What the users of the llm suite decide by themselves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from loadstone.clients.llm.transcript import Usage
from loadstone.suites.llm.questions import popular_question
from loadstone.suites.llm.suite import POPULAR, CacheUser, from_cache


@pytest.mark.parametrize(
    ("header", "usage", "hit"),
    [
        ("hit", Usage(), True),
        ("MISS", Usage(input=100, cached_input=100), False),
        ("", Usage(), None),
        ("", Usage(input=100), None),
        ("", Usage(cached_input=100), None),
        ("", Usage(input=100, cached_input=0), False),
        ("", Usage(input=100, cached_input=40), False),
        ("", Usage(input=100, cached_input=99), True),
    ],
)
def test_a_cache_is_believed_by_its_header_first_and_a_shared_beginning_is_no_hit(header: str, usage: Usage, hit: bool | None) -> None:
    answer = SimpleNamespace(headers={"x-cache": header} if header else {}, usage=usage)
    assert from_cache(answer) is hit


@pytest.mark.parametrize("users", [1, 2, 5, 10, 25, 50])
def test_users_share_the_popular_questions_out_so_that_each_is_asked_once(users: int) -> None:
    asked = []
    for index in range(users):
        user = CacheUser()
        user.index, user.vars = index, {}
        user._session = SimpleNamespace(settings={"users": users}, seed=7)
        asked += [user.next_popular() for _ in range(POPULAR // users)]
    assert sorted(asked) == sorted(popular_question(number, 7) for number in range(POPULAR))
    assert not set(asked) & {popular_question(number, 8) for number in range(POPULAR)}
