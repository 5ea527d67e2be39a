"""The line in docs/design.md, section 3, as a test: imports go only to the left."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "loadstone"

# Folders and modules of one set never import each other.
LINE: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"units", "clock", "event_loop", "plugins"}),
    frozenset({"stats"}),
    frozenset({"plan"}),
    frozenset({"measure"}),
    frozenset({"clients", "probes"}),
    frozenset({"load"}),
    frozenset({"judge"}),
    frozenset({"store"}),
    frozenset({"charts"}),
    frozenset({"report", "live", "synth"}),
    frozenset({"testing"}),
    frozenset({"run"}),
    frozenset({"sweep", "monitor", "duet", "capacity", "selftest", "dashboard", "watch"}),
    frozenset({"voice_parts"}),
    frozenset({""}),  # the package itself, `import loadstone`: what a user sees
    frozenset({"cli", "pytest_plugin", "suites"}),
)
RANK = {room: rank for rank, rooms in enumerate(LINE) for room in rooms}
APART = {"reference": {"errors", "units", "inside"}, "inside": {"errors", "units"}}  # they run in or as a target: what they may import
STARTERS = LINE[-1]  # who may start it


def room_of(module: str) -> str:
    """`loadstone.plan.model` is in the room `plan`; the package itself is the room of no name."""
    return [*module.split("."), ""][1]


def imported_modules(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of each import of our own, wherever it stands: at the top, in a function, for type checkers only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names if name.name.split(".")[0] == "loadstone")
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                above = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package]
                start = ".".join([*above, *([node.module] if node.module else [])])
            if start == "loadstone":
                yield from ((node.lineno, f"loadstone.{name.name}" if is_room(name.name) else "loadstone") for name in node.names)
            elif start.startswith("loadstone."):
                yield node.lineno, start


def is_room(name: str) -> bool:
    """`from loadstone import plan` names a room; `from loadstone import User` the public face."""
    return name in RANK or name in APART


def wrong_imports(text: str, module: str, *, is_package: bool = False) -> list[str]:
    """What breaks the line in one module, a sentence for each."""
    own = room_of(module)
    found = []
    for line, target in imported_modules(ast.parse(text), module, is_package=is_package):
        other = room_of(target)
        if other == own:
            continue
        if own in APART:
            fine = other in APART[own]
        elif other in APART:
            fine = own in STARTERS
        else:
            fine = other in RANK and RANK[other] < RANK[own]
        if not fine:
            found.append(f"{module}:{line} imports {target}: {other or 'the package'!r} is not to the left of {own or 'the package'!r}")
    return found


def module_name(path: Path) -> str:
    """`src/loadstone/plan/__init__.py` is `loadstone.plan`."""
    parts = ["loadstone", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_import_goes_to_the_left() -> None:
    found = [
        sentence
        for path in sorted(SOURCE.rglob("*.py"))
        for sentence in wrong_imports(path.read_text(), module_name(path), is_package=path.name == "__init__.py")
    ]
    assert not found, "\n".join(found)


def test_every_room_has_its_place_in_the_line() -> None:
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")}
    assert rooms - {"__init__"} <= RANK.keys() | APART.keys()


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from loadstone.plan.model import Plan", "loadstone.stats.histogram"),
        ("import loadstone.load.engine", "loadstone.measure.recorder"),
        ("def late():\n    from loadstone.run import run", "loadstone.judge.gates"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from loadstone import cli", "loadstone.run"),
        ("from loadstone.probes import health", "loadstone.clients.http"),
        ("from ..load import engine", "loadstone.plan.model"),
        ("from loadstone import User", "loadstone.load.session"),
        ("from loadstone.stats import histogram", "loadstone.reference.app"),
        ("from loadstone.reference import app", "loadstone.load.engine"),
        ("from loadstone.stats import histogram", "loadstone.inside.pauses"),
        ("from loadstone.inside import Inside", "loadstone.probes.inside"),
    ],
)
def test_an_import_to_the_right_is_found(text: str, module: str) -> None:
    assert wrong_imports(text, module)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from loadstone.stats.histogram import Histogram", "loadstone.plan.model"),
        ("from loadstone.plan.profile import Profile", "loadstone.plan.model"),
        ("from . import profile", "loadstone.plan.model"),
        ("from loadstone.units import parse_size", "loadstone.reference.app"),
        ("from loadstone import User", "loadstone.suites.chat.suite"),
        ("from loadstone.reference.process import ReferenceProcess", "loadstone.cli.serve"),
        ("import numpy", "loadstone.stats.histogram"),
    ],
)
def test_an_import_to_the_left_is_fine(text: str, module: str) -> None:
    assert wrong_imports(text, module) == []
