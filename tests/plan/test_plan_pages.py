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


def test_each_default_on_the_page_is_the_one_of_a_plan(tmp_path: Path) -> None:
    path, text = tmp_path / "suite.yaml", (DOCS / "settings.md").read_text()
    groups = (
        "prices: {input: 1, output: 1}\nwebsocket: {reconnect: {first: 0.1s}, stamp: {at: json.at}}\n"  # without them they have no parts
    )
    path.write_text(
        f"target: http://127.0.0.1:1\n{groups}scenarios: {{a: {{profile: {{rate: 1/s, duration: 5s}}, steps: [{{get: /}}]}}}}\n"
    )
    stated = {
        name: said.strip("`.:;,") for name, said in re.findall(r"^### (\S+)\n(?:(?!^#).*\n)*?(?:.*\b)?Default (\S+)", text, re.MULTILINE)
    }
    names = {".".join(map(str, place)): name for name, place in setting_places().items()}
    usual = {setting.name: setting.value for setting in load([str(path)], Overrides())[1]}
    asked = Overrides(flags={names[name]: said for name, said in stated.items() if name in names and usual.get(name) not in (None, "")})
    found = {setting.name: setting.value for setting in load([str(path)], asked)[1]}
    told = {name: value for name, value in usual.items() if name in stated}
    assert len(told) > 50
    assert {name: found[name] for name in told} == told
    unsaid = {name for name, value in usual.items() if name in names and name not in stated and value not in (None, "")}
    assert unsaid == {"target", "prices.input", "prices.output", "websocket.stamp.at"}


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
