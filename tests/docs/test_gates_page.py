"""The page about gates has every word of the language, and everything on it means something."""

import re
from pathlib import Path

import pytest
import yaml

from loadstone.judge.limits import STATS_OF, resolve
from loadstone.measure.catalogue import Catalogue, Kind
from loadstone.plan.gate_text import NONE_STATS, STATS, parse_gate
from loadstone.plan.model import BandLine, GateLine
from loadstone.plan.resolve import load
from loadstone.plan.scan import OPERATORS
from loadstone.plan.settings import Overrides

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(gates|yaml)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GATES = [line for language, text in BLOCKS if language == "gates" for line in text.splitlines()]


@pytest.mark.parametrize("text", GATES)
def test_each_gate_of_the_page_could_be_judged(text: str) -> None:
    assert resolve(parse_gate(text), Catalogue()).spec.text == text


def test_there_is_a_gate_for_each_statistic_and_each_operator() -> None:
    specs = [parse_gate(text) for text in GATES]
    assert {spec.stat for spec in specs} >= {*STATS, *NONE_STATS}
    assert {spec.op for spec in specs} >= set(OPERATORS)
    assert any(spec.window_s for spec in specs)
    assert any(spec.abort for spec in specs)
    assert any(spec.tags for spec in specs)
    assert any(spec.slo for spec in specs)


def test_the_table_says_of_which_kinds_each_statistic_is() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \|", PAGE.split("## Statistics")[1].split("\n## ")[0], re.MULTILINE))
    for stat in (*STATS, *NONE_STATS):
        assert {str(kind) for kind in Kind if stat in STATS_OF[kind]} == set(re.findall("distribution|count|gauge", rows[stat])), stat


def test_gates_that_are_written_as_mappings_are_lines_of_a_plan() -> None:
    lines = [line for language, text in BLOCKS if language == "yaml" for line in yaml.safe_load(text).get("gates", [])]
    assert [GateLine.model_validate(line).requirement for line in lines] == ["breaking_point", "", "response_time", "memory_efficiency"]


def test_the_example_has_a_gate_for_each_kind_of_metric_a_window_an_abort_and_a_requirement() -> None:
    plan, _ = load([str(ROOT / "examples" / "gates.yaml")], Overrides())
    ready = [resolve(gate.spec(), Catalogue()) for gate in plan.gates]
    assert {gate.metric.kind for gate in ready} == set(Kind)
    assert any(gate.spec.window_s for gate in ready)
    assert any(gate.spec.abort for gate in ready)
    assert any(gate.spec.requirement for gate in ready)


def test_the_bands_of_the_page_are_bands_of_a_plan() -> None:
    bands = [band for language, text in BLOCKS if language == "yaml" for band in yaml.safe_load(text).get("bands", [])]
    assert len([BandLine.model_validate(band) for band in bands]) >= 4
