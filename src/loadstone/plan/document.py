"""A plan's file as plain data, with the line of every key, so that a mistake can say where it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from loadstone.errors import Mistake, PlanError

Place = tuple[str | int, ...]
# A YAML file of a few lines can stand for billions of keys through its anchors.
MOST_KEYS = 100_000


@dataclass
class Document:
    """What a file says. `lines` maps the place of a key, `("scenarios", "browse", "think")`, to its line from 1."""

    file: str
    tree: dict[str, Any]
    lines: dict[Place, int] = field(default_factory=dict)


def read_document(path: Path) -> Document:
    """Read YAML, TOML or JSON by the file's ending; raises PlanError with the line of a syntax error."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PlanError([Mistake(f"cannot be read: {error.strerror}", str(path))]) from None
    except UnicodeDecodeError as error:
        raise PlanError([Mistake(f"is not UTF-8 text (byte {error.start})", str(path))]) from None
    read = {".toml": _toml, ".json": _json}.get(path.suffix.lower(), _yaml)
    tree, lines = read(str(path), text)
    if not isinstance(tree, dict):
        what = "is empty" if tree is None else "must be a mapping of settings"
        raise PlanError([Mistake(what, str(path), "loadstone init writes a file to start from")])
    return Document(str(path), tree, lines)


def _yaml(file: str, text: str) -> tuple[Any, dict[Place, int]]:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        lines, twice = _lines_of(root, loader)
        if twice:
            raise PlanError([Mistake(f"{key} is written twice", f"{file}:{line}", "keep one of them") for key, line in twice])
        return (None if root is None else loader.construct_document(root)), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        begun = f", {error.context} from line {error.context_mark.line + 1}" if error.context and error.context_mark else ""
        what = f"is not YAML: {error.problem or error.context}{begun}"
        hint = "indent with blanks, not with tabs" if "'\\t'" in what else "put texts with { } [ ] : or # in quotes"
        raise PlanError([Mistake(what, f"{file}:{line}", hint)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PlanError([Mistake(f"is not YAML: {str(error).splitlines()[0]}", file)]) from None
    finally:
        loader.dispose()


def _lines_of(root: yaml.Node | None, loader: yaml.SafeLoader) -> tuple[dict[Place, int], list[tuple[str, int]]]:
    lines: dict[Place, int] = {}
    twice: list[tuple[str, int]] = []
    for place, line in _walk(root, loader, (), ()):
        if len(lines) >= MOST_KEYS:
            raise ValueError(f"more than {MOST_KEYS} keys once its anchors are filled in")
        if place in lines and lines[place] != line and not isinstance(place[-1], int):
            twice.append((str(place[-1]), line))
        lines[place] = line
    return lines, twice


def _walk(node: yaml.Node | None, loader: yaml.SafeLoader, at: Place, inside: tuple[int, ...]) -> Iterator[tuple[Place, int]]:
    if id(node) in inside:
        raise ValueError("an anchor contains itself")
    inside = (*inside, id(node))
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key: Hashable = loader.construct_object(key_node, deep=True)
            place = (*at, key if isinstance(key, int) else str(key))
            yield place, key_node.start_mark.line + 1
            yield from _walk(value_node, loader, place, inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*at, index), item.start_mark.line + 1
            yield from _walk(item, loader, (*at, index), inside)


def _json(file: str, text: str) -> tuple[Any, dict[Place, int]]:
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanError([Mistake(f"is not JSON: {error.msg}", f"{file}:{error.lineno}")]) from None
    except RecursionError:
        raise PlanError([Mistake("is nested too deeply", file)]) from None
    try:  # JSON is flow YAML but for tabs between its parts, which it cannot have inside texts
        return tree, _yaml(file, text.replace("\t", " "))[1]
    except PlanError as error:
        if any("twice" in mistake.what for mistake in error.mistakes):
            raise
        return tree, {}


def _toml(file: str, text: str) -> tuple[Any, dict[Place, int]]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{file}:{line[1] if line else len(text.splitlines())}"
        raise PlanError([Mistake(f"is not TOML: {re.sub(r' [(]at .*[)]$', '', str(error))}", where)]) from None
    return tree, _toml_lines(text)


_TOML_HEAD = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_TOML_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=(?!=)""")


def _toml_lines(text: str) -> dict[Place, int]:
    """Lines of tables and of keys that begin a line; what stands inside a value has the line of its key."""
    lines: dict[Place, int] = {}
    table: Place = ()
    seen: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if head := _TOML_HEAD.match(line):
            table = _indexed(_toml_names(head[2]), seen)
            if head[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, seen[table])
            lines.setdefault(table, number)
        elif key := _TOML_KEY.match(line):
            lines.setdefault((*table, *_toml_names(key[1])), number)
    return lines


def _indexed(names: Place, seen: dict[Place, int]) -> Place:
    """`scenarios.steps` under `[[scenarios]]` belongs to the latest of them."""
    at: Place = ()
    for position, name in enumerate(names):
        at = (*at, name)
        if at in seen and position < len(names) - 1:
            at = (*at, seen[at])
    return at


def _toml_names(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in re.findall(r""""[^"]*"|'[^']*'|[\w-]+""", dotted))
