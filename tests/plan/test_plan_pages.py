"""The pages about suites and settings say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadstone.plan.mistakes import known_keys
from loadstone.plan.resolve import load
from loadstone.plan.settings import LISTED, LOAD, RUN_SETTINGS, Overrides, setting_places
from loadstone.plugins import installed

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(yaml|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_each_setting_has_a_heading_and_no_other_name_does() -> None:
    headings = set(re.findall(r"^### (\S+)$", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert headings == {".".join(map(str, place)) for place in setting_places().values()} | {*LOAD, *RUN_SETTINGS, *LISTED}


def test_the_probes_of_the_page_are_valid(tmp_path: Path) -> None:
    path, watched = tmp_path / "suite.yaml", []
    for text in [text for language, text in BLOCK.findall((DOCS / "probes.md").read_text()) if language == "yaml"]:
        path.write_text(text + "scenarios: {a: {profile: {rate: 1/s, duration: 5s}, steps: [{get: /}]}}\n")
        watched += [probe.watches for probe in load([str(path)], Overrides())[0].probes]
    remote = ["http://localhost:9100/metrics", "http://kube-state-metrics:8080/metrics", "https://api.example:9105"]
    assert watched == ["/metrics", *remote, "/stats", "redis-cli llen jobs", ""]


@pytest.mark.parametrize(("kind", "number"), [("yaml", 0), ("python", 0)])
def test_the_suites_of_the_page_are_valid(kind: str, number: int, tmp_path: Path) -> None:
    blocks = [text for language, text in BLOCK.findall((DOCS / "suites.md").read_text()) if language == kind]
    (tmp_path / "products.csv").write_text("name,price\napple,1\n")
    path = tmp_path / f"suite.{kind.replace('python', 'py')}"
    path.write_text(blocks[number])
    assert load([str(path)], Overrides())[0].scenarios


def test_the_page_of_suites_names_every_profile_and_every_key() -> None:
    text = (DOCS / "suites.md").read_text()
    step: dict[str, object] = {"scenarios": {"a": {"steps": [{}], "data": [{}]}}}
    names = [*installed().names("profile"), *known_keys(("scenarios", "a"), step), *known_keys(("scenarios", "a", "steps", 0), step)]
    assert [name for name in names if f"`{name}`" not in text and name != "name"] == []
