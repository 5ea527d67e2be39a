"""Texts with places in them, `/items/${row.id}`, compiled once and filled in for each exchange."""

from __future__ import annotations

import os
import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from loadstone.plan.wrong import Wrong, suggest

KNOWN = ("row.COLUMN", "vars.NAME", "index", "uuid", "randint LOW HIGH", "env:NAME")
# `$${` writes a literal `${`.
_PLACE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class Values(Protocol):
    """What a user has at hand when a template is filled in."""

    data: Mapping[str, Any]
    vars: dict[str, Any]
    index: int

    @property
    def rng(self) -> random.Random:
        """Random numbers of this user alone."""


class MissingValue(LookupError):
    """A place whose value this user does not have, for instance because an earlier extract found nothing."""


Fill = Callable[[Values], Any]


@dataclass(frozen=True)
class Template:
    """A compiled text. `columns` and `variables` are the names that its places need."""

    text: str
    parts: tuple[str | Fill, ...]
    columns: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def is_constant(self) -> bool:
        """No place in it: the same for everybody."""
        return all(isinstance(part, str) for part in self.parts)

    def render(self, values: Values) -> str:
        """The text for one user; raises MissingValue."""
        return "".join(part if isinstance(part, str) else str(part(values)) for part in self.parts)

    def value(self, values: Values) -> Any:
        """Like `render`, but a template that is one place only keeps the type: `${row.age}` stays a number."""
        if len(self.parts) == 1 and not isinstance(self.parts[0], str):
            return self.parts[0](values)
        return self.render(values)


def compile_template(text: str) -> Template:
    """Read a text's places; raises Wrong for one that nobody knows."""
    parts: list[str | Fill] = []
    needs: dict[str, list[str]] = {"row": [], "vars": [], "env": []}
    literal, end = "", 0
    for match in _PLACE.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        if match[0] == "$${":
            literal += "${"
        elif match[1] is None:
            raise Wrong(f"'${{' at character {match.start() + 1} is never closed", hint="write $${ for a literal ${")
        else:
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(_place(match[1].strip(), needs))
    if literal + text[end:] or not parts:
        parts.append(literal + text[end:])
    return Template(text, tuple(parts), tuple(needs["row"]), tuple(needs["vars"]), tuple(needs["env"]))


def compile_value(value: Any) -> Callable[[Values], Any]:
    """The same for a tree of mappings, lists and texts, as a JSON body has."""
    if isinstance(value, str):
        template = compile_template(value)
        constant = template.parts[0] if template.is_constant else None
        return template.value if constant is None else lambda _values: constant
    if isinstance(value, dict):
        fields = [(compile_template(str(key)).render, compile_value(each)) for key, each in value.items()]
        return lambda values: {key(values): each(values) for key, each in fields}
    if isinstance(value, (list, tuple)):
        items = [compile_value(each) for each in value]
        return lambda values: [each(values) for each in items]
    return lambda _values: value


def templates_in(value: Any) -> list[Template]:
    """Every template in a tree of mappings, lists and texts."""
    if isinstance(value, str):
        return [compile_template(value)]
    if isinstance(value, dict):
        return [template for key, each in value.items() for template in (*templates_in(str(key)), *templates_in(each))]
    return [template for each in value for template in templates_in(each)] if isinstance(value, (list, tuple)) else []


def _place(inner: str, needs: dict[str, list[str]]) -> Fill:
    if inner == "index":
        return lambda values: values.index
    if inner == "uuid":
        return lambda values: str(uuid.UUID(int=values.rng.getrandbits(128), version=4))
    if match := re.fullmatch(r"randint\s+(-?\d+)\s+(-?\d+)", inner):
        low, high = int(match[1]), int(match[2])
        if low > high:
            raise Wrong(f"${{{inner}}}: the lower end comes first", hint=f"${{randint {high} {low}}}")
        return lambda values: values.rng.randint(low, high)
    if match := re.fullmatch(r"(row|vars)\.(.+)|(env):(\w+)", inner):
        source, name = match[1] or match[3], match[2] or match[4]
        needs[source].append(name)
        return _from(source, name)
    raise Wrong(f"unknown place ${{{inner}}}", hint=suggest(f"${{{inner}}}", (f"${{{each}}}" for each in KNOWN)))


def _from(source: str, name: str) -> Fill:
    def environment(_values: Values) -> Any:
        if name not in os.environ:
            raise MissingValue(f"the environment has no {name}")
        return os.environ[name]

    def stored(values: Values) -> Any:
        mapping = values.data if source == "row" else values.vars
        if name not in mapping:
            raise MissingValue(f"{source}.{name} has no value")
        return mapping[name]

    return environment if source == "env" else stored
