"""The suite that docs/llm.md shows is one."""

import re
from pathlib import Path

import pytest

from loadstone.clients.llm.transcript import Fault
from loadstone.errors import PlanError
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

PAGE = (Path(__file__).parents[2] / "docs" / "llm.md").read_text()
LOOKERS, SUITE = re.findall(r"<!-- suite -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_suite_of_the_page_is_valid(tmp_path: Path) -> None:
    (tmp_path / "topics.csv").write_text("topic\nsea\n")
    (tmp_path / "suite.yaml").write_text(SUITE)
    plan = load([str(tmp_path / "suite.yaml")], Overrides())[0]
    assert [step.kind for scenario in plan.scenarios for step in scenario.steps] == ["llm"] * 3
    assert plan.scenarios[1].steps[0].llm is not None
    assert plan.scenarios[1].steps[0].llm.leave_after_s == 2


def test_the_suite_with_pictures_keeps_addresses_and_finds_files_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(LOOKERS.replace("{image: ", "{image: cat.png}, {image: "))
    call = load([str(tmp_path / "suite.yaml")], Overrides())[0].scenarios[0].steps[0].llm
    assert call is not None
    assert call.messages is not None
    asked = [{"text": "What is on it?"}, {"image": str(tmp_path / "cat.png")}, {"image": "https://host/cat.png"}]
    assert call.messages[0]["content"] == asked


def test_a_column_that_a_question_needs_and_the_data_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "topics.csv").write_text("subject\nsea\n")
    (tmp_path / "suite.yaml").write_text(SUITE)
    with pytest.raises(PlanError) as mistake:
        load([str(tmp_path / "suite.yaml")], Overrides())
    assert "topic" in str(mistake.value)


def test_each_fault_of_an_answer_is_explained() -> None:
    assert not [fault for fault in Fault if f"| `{fault}` |" not in PAGE]
