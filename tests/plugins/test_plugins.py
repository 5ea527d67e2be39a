"""Names and the code behind them."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from loadstone.errors import PluginError
from loadstone.plan.profile import Profile
from loadstone.plugins import BUILT_IN, Plugins

KINDS = {"client", "profile", "metric", "gate", "sink", "report", "result_file", "probe", "store", "suite", "speech"}


def points(*pairs: tuple[str, str]) -> dict[str, list[EntryPoint]]:
    return {"report": [EntryPoint(name, value, "loadstone.reports") for name, value in pairs]}


def test_every_kind_of_the_design_has_a_table() -> None:
    assert set(BUILT_IN) == KINDS


def test_every_built_in_name_loads() -> None:
    plugins = Plugins(points={})
    for plugin in plugins.all():
        assert plugin.load() is not None


def test_built_in_profiles_are_profiles_or_choose_one() -> None:
    plugins = Plugins(points={})
    for name in plugins.names("profile"):
        found = plugins.get("profile", name)
        cls: type[Profile] = found if isinstance(found, type) else found({"users": 1})
        assert issubclass(cls, Profile)
        assert cls.model_fields["kind"].default == name


def test_another_package_adds_a_name_that_loads_when_it_is_chosen() -> None:
    plugins = Plugins({"report": {}}, points(("rst", "json:dumps"), ("broken", "no.such.module:thing")))
    assert plugins.names("report") == ["broken", "rst"]
    assert plugins.get("report", "rst")([1]) == "[1]"
    with pytest.raises(PluginError, match=r"'broken' \(no.such.module:thing\) does not load: ModuleNotFoundError"):
        plugins.get("report", "broken")


def test_a_name_claimed_twice_names_both() -> None:
    plugins = Plugins({"report": {"json": "json:dumps"}}, points(("json", "pickle:dumps")))
    with pytest.raises(PluginError, match=r"claimed by loadstone \(json:dumps\) and unknown package \(pickle:dumps\)"):
        plugins.get("report", "json")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(PluginError, match=r"unknown profile 'constantrate'. Try: constant-rate \(known: burst, "):
        Plugins(points={}).get("profile", "constantrate")


def test_an_attribute_that_is_not_there_is_a_broken_plugin() -> None:
    with pytest.raises(PluginError, match="AttributeError"):
        Plugins({"report": {"x": "json:nothing"}}, {}).get("report", "x")


def test_what_another_package_raises_names_it_and_what_we_raise_is_ours() -> None:
    plugins = Plugins({"report": {"ours": "json:loads"}}, points(("theirs", "json:loads")))
    assert plugins.make("report", "theirs", "[1]") == [1]
    with pytest.raises(PluginError, match=r"unknown package: the report 'theirs' raised JSONDecodeError: "):
        plugins.make("report", "theirs", "[")
    with pytest.raises(json.JSONDecodeError):
        plugins.make("report", "ours", "[")
