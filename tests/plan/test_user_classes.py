"""Users written in Python."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

import loadstone as ls
from loadstone.errors import UsageError
from loadstone.plan.think import Pacing, ThinkTime


class Reader(ls.User):
    think = "1s..3s"
    pacing = 10

    @ls.task(weight=3, tags={"kind": "read"})
    async def browse(self) -> None: ...

    @ls.task
    async def search(self) -> None: ...


def test_tasks_are_found_in_their_order_with_weight_and_tags() -> None:
    assert [(task.name, task.weight, task.tags) for task in Reader.tasks] == [("browse", 3, (("kind", "read"),)), ("search", 1, ())]


def test_a_subclass_inherits_adds_and_replaces_tasks() -> None:
    class Buyer(Reader):
        @ls.task(weight=5)
        async def search(self) -> None: ...

        @ls.task(name="pay")
        async def payment(self) -> None: ...

    assert [(task.name, task.weight) for task in Buyer.tasks] == [("browse", 3), ("search", 5), ("pay", 1)]


def test_a_method_that_overrides_a_task_without_the_mark_is_no_task() -> None:
    class Idle(Reader):
        async def search(self) -> None: ...

    assert [task.name for task in Idle.tasks] == ["browse"]


def test_texts_of_think_time_and_pacing_are_read_when_the_class_is_made() -> None:
    assert vars(Reader)["think"] == ThinkTime.model_validate("1s..3s")
    assert vars(Reader)["pacing"] == Pacing.model_validate(10)


def test_a_task_must_be_async() -> None:
    with pytest.raises(UsageError, match="async function"):

        class Wrong(ls.User):
            @ls.task
            def browse(self) -> None: ...


@pytest.mark.parametrize("weight", [0, -1])
def test_a_weight_is_more_than_nothing(weight: int) -> None:
    with pytest.raises(UsageError, match="more than 0"):
        ls.task(weight=weight)(_nothing)


def test_a_wrong_think_time_names_the_class() -> None:
    with pytest.raises(UsageError, match="think = '1 parsec'"):
        type("Hasty", (ls.User,), {"think": "1 parsec"})


async def _nothing(self: Any) -> None: ...


class Recording:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.rng = random.Random(1)
        self.seed = 1
        self.data: Mapping[str, Any] = {}
        self.settings: Mapping[str, Any] = {}

    def speak(self, kind: str) -> Any:
        return f"a client of kind {kind}"

    def check(self, holds: bool, name: str) -> bool:
        self.calls.append(("check", holds, name))
        return holds

    def tagged(self, tags: Any) -> Any:
        self.calls.append(("tagged", tags))

    def group(self, name: str) -> Any:
        self.calls.append(("group", name))

    async def sleep(self, seconds: float) -> None:
        self.calls.append(("sleep", seconds))

    def record(self, metric: str, value: float, tags: Any = None) -> None:
        self.calls.append(("record", metric, value, tags))


def test_a_user_passes_on_to_its_session() -> None:
    user = Reader()
    session = user._session = Recording()
    assert user.client("gopher") == "a client of kind gopher"
    assert user.check([1], "has items") is True
    user.group("basket")
    assert user.rng is session.rng
    user.record("own.metric", 3.5, {"a": "b"})
    with pytest.raises(StopIteration):
        user.sleep("500ms").send(None)
    assert session.calls == [
        ("check", True, "has items"),
        ("group", "basket"),
        ("record", "own.metric", 3.5, {"a": "b"}),
        ("sleep", 0.5),
    ]


def test_each_other_kind_of_client_is_at_hand_under_its_name() -> None:
    user = Reader()
    user._session = Recording()
    assert (user.llm, user.sse, user.websocket) == tuple(f"a client of kind {kind}" for kind in ("llm", "sse", "websocket"))
    assert user.client("own") == "a client of kind own"
