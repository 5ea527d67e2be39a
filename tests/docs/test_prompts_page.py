"""What the page about prompts shows can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from loadstone.plan.lengths import Lengths
from loadstone.plan.prompt_source import PromptSource
from loadstone.plan.prompts import PromptPlan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

PAGE = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^<!-- (file \S+|prompts|suite) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for title, text in BLOCKS:
        if title.startswith("file "):
            (tmp_path / title.removeprefix("file ")).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", [text for title, text in BLOCKS if title == "prompts"])
@pytest.mark.usefixtures("beside")
def test_prompts_of_the_page_can_be_asked(text: str) -> None:
    prompts = PromptSource(PromptPlan.model_validate(yaml.safe_load(text)["prompts"]), 1)
    prompts.check()
    for index in range(20):
        assert all(turn.messages for turn in prompts.conversation(index))


@pytest.mark.parametrize("text", [text for title, text in BLOCKS if title == "suite"])
def test_suites_of_the_page_are_valid(text: str, beside: Path) -> None:
    (beside / "suite.yaml").write_text(text)
    assert load([str(beside / "suite.yaml")], Overrides())[0].scenarios


def test_the_page_names_every_kind_and_every_key() -> None:
    kinds = ["fixed", "file", "synthetic", "conversations", "trace"]
    assert [name for name in [*kinds, *PromptPlan.model_fields] if f"`{name}`" not in PAGE] == []


def test_every_distribution_of_the_page_can_be_read() -> None:
    table = PAGE.split("| written | meaning |")[1].split("\n\n")[0]
    written = [text for text in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) if not text.startswith("…")]
    assert len(written) == 6
    assert [str(Lengths.model_validate(text)) for text in written] == written
