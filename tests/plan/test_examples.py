"""Every example in the repository is a valid plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadstone.plan.describe import describe
from loadstone.plan.resolve import FILE_KINDS, load
from loadstone.plan.settings import Overrides

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(each for each in EXAMPLES.iterdir() if each.suffix in FILE_KINDS), ids=lambda path: path.name)
def test_an_example_is_a_plan_that_can_be_described(path: Path) -> None:
    plan, settings = load([str(path)], Overrides())
    assert plan.gates
    assert settings
    assert len(list(describe(plan))) > 5
