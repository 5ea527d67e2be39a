"""Users who look tools up in a registry and run them: one after another, and several at once."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import loadstone as ls
from loadstone.clients.call import find_callable

OPERATORS: Mapping[type, Callable[[float, float], float]] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Peru": "Lima"}


def calculate(text: str = "2 + 3 * 4") -> float:
    """A sum or product of numbers."""

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        raise ValueError(f"{text!r} is no calculation")

    return value(ast.parse(text, mode="eval").body)


def capital(country: str = "Peru") -> str:
    """The capital of a country."""
    return CAPITALS[country]


def count_words(text: str = "how many words are these") -> int:
    """How many words a text has."""
    return len(text.split())


def registry() -> dict[str, Callable[[], Any]]:
    """The tools that come with the suite; each can be called without arguments."""
    return {"calculate": calculate, "capital": capital, "count words": count_words}


def found(where: str) -> Mapping[str, Callable[[], Any]]:
    """The tools that `module:registry` answers; raises UsageError."""
    tools = find_callable(where, hint="--tools module:registry")()
    if not isinstance(tools, Mapping) or not tools:
        raise ls.UsageError("answers no mapping of names to tools", where=where, hint='{"name": function}')
    return tools


class Caller(ls.User):
    """Looks up a tool by its name, and runs it."""

    async def on_start(self) -> None:
        self.tools = found(self.settings["registry"])
        self.names = sorted(self.tools)

    @ls.task
    async def use(self) -> None:
        name = self.rng.choice(self.names)
        looked_up = await self.call(self.tools.__getitem__, name, name="tool lookup")
        if looked_up.ok:
            await self.call(looked_up.value, name="tool run", thread=self.settings["thread"])


class RemoteCaller(ls.User):
    """The same with tools behind HTTP: GET lists their names, POST to one of them runs it."""

    @ls.task
    async def use(self) -> None:
        where = self.settings["registry"].rstrip("/")
        listed = await self.http.get(where, name="tool lookup")
        if not listed.ok:
            return
        if self.check(names := named(listed.json()), "the registry names tools"):
            await self.http.post(f"{where}/{self.rng.choice(names)}", json={}, name="tool run")


def named(answer: Any) -> list[str]:
    """Names from `["a", "b"]`, from `{"tools": [...]}` of names or of objects with a `name`, or from the keys of an object."""
    listed = answer.get("tools", answer) if isinstance(answer, Mapping) else answer
    if not isinstance(listed, list | Mapping):
        return []
    names = [each.get("name") if isinstance(each, Mapping) else each for each in listed]
    return sorted(name for name in names if isinstance(name, str) and name)
