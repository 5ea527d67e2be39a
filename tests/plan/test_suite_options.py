"""Options that suites declare for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import PlanError, UnitError, UsageError
from loadstone.plan.model import Plan
from loadstone.plan.options import Chosen, Declared, Option
from loadstone.plan.profile import ClosedProfile
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides, Setting

SUITE = """\
import loadstone as ls

OPTIONS = [
    ls.Option("users", 25, "users", env="SHOP_USERS", least=1),
    ls.Option("duration", "3m", kind="minutes"),
    ls.Option("deep-test", False),
    ls.Option("url", None, bare="http://localhost:8000"),
]
PRESETS = {"quick": {"users": 5, "duration": "20s"}}


class Shopper(ls.User):
    @ls.task
    async def buy(self) -> None: ...


def build(options: ls.Options) -> ls.Suite:
    if options.users == 13:
        raise ls.UsageError("13 users bring bad luck", hint="12")
    if options.users == 14:
        return None
    if options.users == 15:
        raise ZeroDivisionError("a bug")
    scenario = ls.Scenario("shop", Shopper, ls.constant_users(options.users * 2, options.duration), tags={"deep": options.deep_test})
    return ls.Suite("shop", target=options.url or "http://h", scenarios=[scenario])
"""
FILE = "name: other\ntarget: http://h\nscenarios: {browse: {profile: {users: 3, duration: 5s}, steps: [{get: /}]}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.py").write_text(SUITE)
    Path("other.yaml").write_text(FILE)


def loaded(flags: dict[str, Any] | None = None, *files: str, **others: Any) -> tuple[Plan, dict[str, Setting]]:
    plan, settings = load(files or ["shop.py"], Overrides(flags or {}, **others))
    return plan, {setting.name: setting for setting in settings}


def users_of(plan: Plan, scenario: str = "shop") -> int:
    profile = next(each.profile for each in plan.scenarios if each.name == scenario)
    assert isinstance(profile, ClosedProfile)
    return profile.max_users


def test_an_option_comes_from_its_default_then_preset_then_environment_then_flag() -> None:
    layers: list[tuple[dict[str, Any], dict[str, str], int, str]] = [
        ({}, {}, 25, "default"),
        ({"preset": "quick"}, {}, 5, "preset quick"),
        ({"preset": "quick"}, {"SHOP_USERS": "6"}, 6, "environment SHOP_USERS"),
        ({"preset": "quick"}, {"SHOP_USERS": "6", "LOADSTONE_USERS": "7"}, 7, "environment LOADSTONE_USERS"),
        ({"preset": "quick", "users": "8"}, {"SHOP_USERS": "6"}, 8, "flag --users"),
    ]
    for flags, environment, users, origin in layers:
        plan, settings = loaded(flags, environment=environment)
        assert users_of(plan) == 2 * users
        assert settings["options.users"] == Setting("options.users", users, origin)


def test_the_preset_too_may_come_from_the_environment() -> None:
    plan, settings = loaded(environment={"LOADSTONE_PRESET": "quick"})
    assert users_of(plan) == 10
    assert settings["options.preset"].origin == "environment LOADSTONE_PRESET"


def test_each_option_that_is_shown_can_be_set() -> None:
    _, settings = loaded({"duration": "0.5", "users": "9", "deep_test": True})
    again, _ = loaded(sets=tuple(f"{name}={each.value}" for name, each in settings.items() if name.startswith("options.") and each.value))
    assert users_of(again) == 18
    assert again.scenarios[0].profile.duration_s == 30
    assert again.scenarios[0].tags["deep"] == "True"


def test_a_flag_that_a_suite_takes_is_not_meant_for_the_scenarios_of_others() -> None:
    plan, _ = loaded({"users": "8"}, "shop.py", "other.yaml")
    assert (users_of(plan), users_of(plan, "browse")) == (16, 3)
    plan, _ = loaded({"users": "8"}, "other.yaml")
    assert users_of(plan, "browse") == 8


def test_all_mistakes_in_options_are_told_at_once() -> None:
    with pytest.raises(PlanError) as caught:
        loaded({"users": "many", "duration": "5 parsecs", "preset": "quik"})
    text = str(caught.value)
    assert "flag --users = 'many': 'many' is not a whole number. Try: 25" in text
    assert "unknown unit 'parsecs'" in text
    assert "unknown preset 'quik'. Try: quick" in text


@pytest.mark.parametrize(
    ("given_as", "said"),
    [
        ({"flags": {"users": "0"}}, "must be 1 or more"),
        ({"sets": ("options.user=3",)}, "the suite has no option 'user'. Try: users"),
        ({"flags": {"users": "13"}}, "^shop.py:19: 13 users bring bad luck. Try: 12"),
        ({"flags": {"users": "14"}}, r"build\(\) answered NoneType, not a Suite"),
        ({"flags": {"users": "15"}}, "raised ZeroDivisionError: a bug"),
    ],
)
def test_what_cannot_be_built_is_told_with_its_place(given_as: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        load(["shop.py"], Overrides(**given_as))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('{"quick": {"users": 5', '{"quick": {"user": 5', "preset 'quick' sets an unknown option 'user'. Try: users"),
        ('ls.Option("users", 25, "users", env="SHOP_USERS", least=1)', '"users"', "OPTIONS must be loadstone.Option"),
        ('kind="minutes"', 'kind="minute"', "unknown kind 'minute'. Try: minutes"),
    ],
)
def test_a_wrong_declaration_is_the_suites_mistake(old: str, new: str, said: str) -> None:
    Path("wrong.py").write_text(SUITE.replace(old, new))
    with pytest.raises(UsageError, match=said):
        load(["wrong.py"], Overrides())


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("minutes", "3", 180.0),
        ("minutes", "0.5", 30.0),
        ("minutes", "90s", 90.0),
        ("duration", "90", 90.0),
        ("rate", "30/m", 0.5),
        ("size", "4MiB", 4 * 2**20),
        ("share", "5%", 0.05),
        ("flag", "yes", True),
        ("flag", "0", False),
        ("number", "1.5", 1.5),
    ],
)
def test_each_kind_of_option_reads_its_quantity(kind: str, text: str, value: object) -> None:
    assert Option("x", kind=kind).read(text) == value


@pytest.mark.parametrize(("kind", "text"), [("flag", "maybe"), ("number", "x"), ("whole", "1.5"), ("minutes", "-1"), ("minutes", "nan")])
def test_a_text_that_is_not_of_its_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(UnitError):
        Option("x", kind=kind).read(text)


@given(st.sampled_from(["duration", "minutes", "rate"]), st.floats(0.001, 1e6))
def test_a_shown_quantity_reads_back_as_itself(kind: str, value: float) -> None:
    option = Option("x", kind=kind)
    once = option.read(option.shown(value))
    assert option.read(option.shown(once)) == once
    assert once == pytest.approx(value, rel=1e-5)


def test_options_that_nobody_gave_leave_the_overrides_as_they_were() -> None:
    overrides = Overrides({"rate": "5/s", "users": "3"}, ("seed=2",), ("a=b",), {"LOADSTONE_USERS": "4", "HOME": "/"})
    chosen = Chosen(overrides)
    assert chosen.rest() == overrides
    chosen.of(Declared((Option("users", 25),)))
    rest = chosen.rest()
    assert (rest.flags, rest.sets, rest.environment) == ({"rate": "5/s"}, ("seed=2",), {"HOME": "/"})
