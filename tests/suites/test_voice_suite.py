"""The voice suite: its plan for chosen options, its limits, and what a killed backend keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadstone.errors import LoadstoneError, UsageError
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides
from loadstone.suites.voice.limits import PROFILES, USUAL, limits_of
from loadstone.suites.voice.sessions import killed_in_the_midst
from loadstone.suites.voice.tool_registry import calculate, registry


def planned(**flags: Any) -> Plan:
    return load(["voice"], Overrides({name: str(value) for name, value in flags.items()}, (), (), {}))[0]


def names(plan: Plan) -> list[str]:
    return [each.name for each in plan.scenarios]


def test_each_type_of_test_has_its_parts_one_after_another() -> None:
    plan = planned(type="integration")
    assert names(plan)[:4] == ["sessions", "large sessions", "restart", "one turn"]
    assert [each.after for each in plan.scenarios[1:]] == names(plan)[:-1]
    assert names(planned(type="simple"))[0] == "tools one at a time"


def test_stress_asks_for_more_than_performance() -> None:
    usual, harder = (planned(type=kind, duration="60s") for kind in ("performance", "stress"))
    few, many = ([each.profile.model_dump()["users"] for each in plan.scenarios if each.name == "sessions"] for plan in (usual, harder))
    assert many > few


def test_a_limit_says_where_it_came_from(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("inherits: ci\ninsert_ms: 20\n")
    found = limits_of(str(own))
    assert (found["insert_ms"].value, found["insert_ms"].origin) == (20, str(own))
    assert (found["tool_max_ms"].value, found["tool_max_ms"].origin) == (200, "ci")
    assert (found["query_ms"].value, found["query_ms"].origin) == (100, "laptop")
    gate = next(line for line in planned(only="sessions", limits=own).gates if "insert message" in line.gate)
    assert "< 20ms" in gate.gate
    assert gate.name.endswith(f"[{own}]")


def test_every_profile_knows_every_limit() -> None:
    for name in PROFILES:
        assert limits_of(name).keys() == USUAL.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("insert_msec: 20", "unknown limit"),
        ("insert_ms: -1", "above 0"),
        ("insert_ms: true", "above 0"),
        ("- 1", "no mapping"),
        ("{", "no file"),
    ],
)
def test_a_wrong_file_of_limits_is_refused(tmp_path: Path, text: str, message: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(UsageError, match=message):
        limits_of(str(own))


def test_limits_that_inherit_from_themselves_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"inherits: {own}\n")
    with pytest.raises(UsageError, match="inherit from themselves"):
        limits_of(str(own))


def test_without_any_detector_its_gate_lacks_data_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    plan = planned(only="detectors,tools")
    assert names(plan) == ["tools one at a time", "tools at once"]
    (gate,) = [line for line in plan.gates if line.needs]
    assert "pip install webrtcvad-wheels" in gate.needs
    assert "skipped: silero is not installed" in capfd.readouterr().err


def test_a_detector_asked_for_by_name_that_is_missing_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(LoadstoneError, match="silero needs onnxruntime"):
        planned(only="detectors", vad="silero")


def test_a_detector_of_the_users_own_is_judged_by_the_same_gates() -> None:
    plan = planned(only="detectors", vad="json:loads", duration="60s")
    assert names(plan) == ["vad json:loads"]
    assert [line.gate for line in plan.gates if line.requirement == "vad_memory"] == [
        "max(parts.growth{part=json:loads}) < 100MB",
        "leak(parts.memory{part=json:loads}) = none",
    ]


def test_the_tools_that_come_along_work() -> None:
    assert {name: tool() for name, tool in registry().items()} == {"calculate": 14.0, "capital": "Lima", "count words": 5}
    with pytest.raises(ValueError, match="no calculation"):
        calculate("__import__('os')")


def test_a_command_without_the_place_where_it_listens_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="where does it listen"):
        planned(only="restart", restart_command="python server.py")


def test_a_backend_that_is_killed_keeps_what_it_acknowledged() -> None:
    acknowledged, lost = killed_in_the_midst(0.5)
    assert acknowledged > 0
    assert lost == 0


def test_a_backend_that_forgets_is_found_to_have_lost_everything() -> None:
    acknowledged, lost = killed_in_the_midst(0.3, forget=True)
    assert lost == acknowledged > 0
