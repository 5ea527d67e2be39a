"""Undocumented is a failing test: each key of the JSON document stands on its page."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from loadstone.report import document, sweep_document

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
PARTS: dict[str, type[BaseModel]] = {
    "load": document.Load,
    "steps": document.Step,
    "errors": document.Error,
    "checks": document.Check,
    "gates": document.Gate,
    "requirements": document.Requirement,
    "decision": document.Release,
    "recovery": document.Recovery,
    "causes": document.Cause,
    "recommendations": document.Recommendation,
    "failure_patterns": document.FailurePattern,
    "connection_memory": document.ConnectionMemory,
    "token_counting": document.TokenCounting,
    "generator": document.Generator,
    "notices": document.Notice,
    "provenance": document.Origin,
}


def section(name: str) -> str:
    return PAGE.split(f"## `{name}`")[1].split("\n## ")[0]


def test_each_key_at_the_top_has_a_heading_and_no_other_does() -> None:
    keys = [field.alias or name for name, field in document.Document.model_fields.items()]
    assert re.findall(r"^## `(\w+)`$", PAGE, flags=re.MULTILINE) == keys


@pytest.mark.parametrize("name", PARTS)
def test_each_key_of_a_part_is_explained_in_its_section(name: str) -> None:
    assert not [key for key in PARTS[name].model_fields if f"`{key}`" not in section(name)]


@pytest.mark.parametrize("figures", [document.Distribution, document.Count, document.Level])
def test_each_figure_of_a_metric_is_explained(figures: type[BaseModel]) -> None:
    assert not [key for key in figures.model_fields if f"`{key}`" not in section("metrics")]


def test_each_verdict_is_explained() -> None:
    verdicts = document.Document.model_fields["verdict"].annotation.__args__  # type: ignore[union-attr]
    assert not [verdict for verdict in verdicts if f"| `{verdict}` |" not in section("verdict")]


@pytest.mark.parametrize("part", [sweep_document.SweepDocument, sweep_document.SweepLevel])
def test_each_key_of_a_sweep_stands_on_its_page(part: type[BaseModel]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8").split("## The document")[1]
    assert not [name for name, field in part.model_fields.items() if f"`{field.alias or name}`" not in page]
