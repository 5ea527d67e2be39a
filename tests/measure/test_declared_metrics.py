"""Metrics of plug-ins: known by name as soon as a gate or a script asks, and never before."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from loadstone import plugins
from loadstone.errors import PluginError
from loadstone.measure import catalogue as catalogue_module
from loadstone.measure.catalogue import Catalogue, Kind, Metric, brought
from loadstone.plugins import Plugins

WAIT = Metric("acme.wait", "ms", Kind.DISTRIBUTION, "lower", "time in the queue", scale=1e6)
FAMILY = (WAIT, Metric("acme.jobs", "1", Kind.COUNT, "higher", "jobs done"))
TWICE = Metric("http.requests", "1", Kind.COUNT, "higher", "mine")
NOT_ONE = "acme"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def make(**names: str) -> None:
        points = {"metric": [EntryPoint(name.replace("_", "."), target, "loadstone.metrics") for name, target in names.items()]}
        found = Plugins(plugins.BUILT_IN, points)
        monkeypatch.setattr(catalogue_module, "installed", lambda: found)

    return make


def test_a_kind_may_be_given_as_its_text_and_no_other_text() -> None:
    assert Metric("a", "1", "count", "lower", "x").kind is Kind.COUNT  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="histogram"):
        Metric("a", "1", "histogram", "lower", "x")  # type: ignore[arg-type]


@pytest.mark.parametrize(("claim", "target"), [("acme_wait", "WAIT"), ("acme", "FAMILY")])
def test_a_metric_of_a_plugin_is_known_by_its_name_or_by_the_family_it_begins_with(install: Any, claim: str, target: str) -> None:
    install(**{claim: f"{__name__}:{target}"})
    catalogue = Catalogue()
    assert "acme.wait" not in catalogue.names()
    assert catalogue["acme.wait"] is WAIT
    assert catalogue.get("acme.waiting") is None
    assert "acme.wait" in catalogue.names()


def test_a_broken_plugin_harms_nobody_who_does_not_ask_for_it(install: Any) -> None:
    install(acme="no.such.module:thing")
    catalogue = Catalogue()
    assert catalogue.get("shop.basket") is None
    with pytest.raises(PluginError, match="does not load: ModuleNotFoundError"):
        catalogue.get("acme.wait")


@pytest.mark.parametrize(
    ("claim", "found", "said"),
    [
        ("acme", NOT_ONE, "is a str, not a loadstone.Metric"),
        ("other", FAMILY, "'acme.wait', which does not begin with its name"),
        ("http", TWICE, "'http.requests', which is built in"),
    ],
)
def test_a_plugin_that_declares_what_it_may_not_is_refused(claim: str, found: object, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        brought(claim, found)
