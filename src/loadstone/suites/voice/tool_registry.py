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


class Caller(ls.User):
    """Looks up a tool by its name, and runs it."""

    async def on_start(self) -> None:
        found = find_callable(self.settings["registry"], hint="--tools module:registry")()
        if not isinstance(found, Mapping) or not found:
            raise ls.UsageError("answers no mapping of names to tools", where=self.settings["registry"], hint='{"name": function}')
        self.tools, self.names = found, sorted(found)

    @ls.task
    async def use(self) -> None:
        name = self.rng.choice(self.names)
        found = await self.call(self.tools.__getitem__, name, name="tool lookup")
        if found.ok:
            await self.call(found.value, name="tool run", thread=self.settings["thread"])
