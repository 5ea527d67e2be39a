"""Modules stay small enough to be read in one go: docs/design.md, section 3."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "src" / "loadstone").rglob("*.py") if path.read_text().strip())
MOST_LINES = 400
MEDIAN_LINES = 150
P95_FUNCTION_LINES = 40

FORBIDDEN_NAMES = {"base", "common", "core", "handler", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}


def lines_of(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text().splitlines())


def function_lengths(text: str) -> list[int]:
    """Lines of each function and method, docstring included, decorators not."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def test_no_module_is_longer_than_400_lines() -> None:
    too_long = {str(path.relative_to(ROOT)): lines_of(path) for path in MODULES if lines_of(path) > MOST_LINES}
    assert not too_long


def test_the_median_module_is_shorter_than_150_lines(capsys: pytest.CaptureFixture[str]) -> None:
    median = statistics.median(lines_of(path) for path in MODULES)
    lengths = sorted(length for path in MODULES for length in function_lengths(path.read_text()))
    p95 = lengths[int(0.95 * (len(lengths) - 1))]
    with capsys.disabled():
        print(
            f"\n{len(MODULES)} modules, {sum(map(lines_of, MODULES))} lines, median {median:.0f} (below {MEDIAN_LINES}); "
            f"{len(lengths)} functions, p95 {p95} lines (aim {P95_FUNCTION_LINES})"
        )
    assert median < MEDIAN_LINES


def test_no_module_has_a_name_that_says_nothing() -> None:
    rooms = {path for path in (ROOT / "src" / "loadstone").rglob("*") if path.is_dir() or path.suffix == ".py"}
    assert not {str(path.relative_to(ROOT)) for path in rooms if path.stem in FORBIDDEN_NAMES}


def test_a_function_is_as_long_as_its_lines() -> None:
    assert function_lengths("def one():\n    '''x'''\n    return 1\n\nclass A:\n    async def two(self): ...\n") == [3, 1]
