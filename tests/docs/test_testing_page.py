"""The page about testing: each public module has its row, what a row names is there, and the example holds."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
ROWS = {name: text for names, text in re.findall(r"^\| (`.+?) \| (.+) \|$", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", names)}
MODULES = {path.stem for path in (ROOT / "src" / "loadstone" / "testing").glob("*.py")} - {"__init__"}


def test_each_module_has_a_row() -> None:
    assert set(ROWS) == MODULES


@pytest.mark.parametrize("module", ["conformance", "clock", "client", "simulation", "samples", "kept_runs", "past_runs"])
def test_what_a_row_names_is_there(module: str) -> None:
    found = importlib.import_module(f"loadstone.testing.{module}")
    named = re.findall(r"`(\w+)(?:\(.*?\))?`", ROWS[module])
    assert named
    assert [name for name in named if not hasattr(found, name)] == []


def test_the_example_holds() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert "assert" in code
    exec(code, {})  # noqa: S102  our own page
