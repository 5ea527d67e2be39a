"""Where each value of a plan comes from: default < file < environment < flag."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import yaml
from pydantic import BaseModel

from loadstone.errors import Mistake, UsageError
from loadstone.plan.document import Place
from loadstone.plan.mistakes import inner_type
from loadstone.plan.model import Plan
from loadstone.plan.prompts import PromptPlan

PREFIX = "LOADSTONE_"
WRITTEN_WHOLE = (PromptPlan,)  # settings that are one value, however many parts that has
# Settings of a run that are no part of what is measured: `loadstone run` reads them from the list of settings.
RUN_SETTINGS = ("out", "json", "quiet", "no_color", "store")
LOAD = ("users", "rate", "duration")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and its origin: `default`, `file suite.yaml:3`, `environment LOADSTONE_RATE` or `flag --rate`."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Overrides:
    """What stands above the files.

    flags:       by setting, as `--rate 5/s` gives {"rate": "5/s"}; None is "not given"
    sets:        texts `scenarios.browse.profile.rate=5/s`
    tags:        texts `version=1.2`
    environment: usually os.environ; the settings' own variables are picked out
    """

    flags: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Layers:
    """A plan as plain data while layers are put on it, with the origin of every place that is not a default."""

    tree: dict[str, Any]
    origins: dict[Place, str]
    run: list[Setting] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def origin(self, place: Place) -> str:
        """The origin of a place, or of what holds it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.origins:
                return self.origins[place[:length]]
        return "default"

    def put(self, place: Place, value: Any, origin: str) -> None:
        """Set one value; mappings on the way are made, also in place of a `true` (`reconnect: true`); lists must have the index."""
        at: Any = self.tree
        for step, following in pairwise(place):
            if isinstance(at, dict) and (at.get(step) is None or at[step] is True):
                at[step] = [] if isinstance(following, int) else {}
            at = _inside(at, step)
        last = place[-1]
        if isinstance(at, list) and isinstance(last, int) and last <= len(at):
            at[last : last + 1] = [value]
        elif isinstance(at, dict):
            at[last] = value
        else:
            self.mistakes.append(Mistake("there is nothing to set at this place", f"{origin} {'.'.join(map(str, place))}"))
            return
        for known in [known for known in self.origins if known[: len(place)] == place]:
            del self.origins[known]
        self.origins[place] = origin


def setting_places() -> dict[str, Place]:
    """Every single-valued setting outside scenarios: `http_timeouts_connect` → ("http", "timeouts", "connect")."""
    return {"_".join(map(str, place)).lower(): place for place in _leaves(Plan, ()) if place[0] not in {"source", "name"}}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def apply(layers: Layers, overrides: Overrides) -> None:
    """Put environment, then flags, then --set on the files."""
    names = {*setting_places(), *LOAD, *RUN_SETTINGS, *LISTED}
    environment = {name: overrides.environment[variable(name)] for name in sorted(names) if variable(name) in overrides.environment}
    layers.mistakes += _misspelt(overrides.environment, names)
    _apply_layer(layers, environment, {name: f"environment {variable(name)}" for name in environment})
    flags = {name: value for name, value in overrides.flags.items() if value not in (None, ())}
    _apply_layer(layers, flags, {name: f"flag --{name.replace('_', '-')}" for name in flags})
    for text in overrides.tags:
        _apply_tag(layers, text, "flag --tag")
    for text in overrides.sets:
        _apply_set(layers, text)


def _apply_layer(layers: Layers, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    places = setting_places()
    if "users" in values and "rate" in values:
        where = f"{origins['users']} and {origins['rate']}"
        layers.mistakes.append(Mistake("a load is either users or a rate", where, "keep one of them"))
        values = {name: value for name, value in values.items() if name != "users"}
    for name in LOAD:  # users or rate first: they may make a profile of which the duration is known
        if name in values:
            _apply_load(layers, name, values[name], origins[name])
    if _typed(values.get("embedded")) is True and "target" not in values:
        layers.put(("target",), None, origins["embedded"])  # asked for above a file that names a target
    for name, value in values.items():
        if name in places:
            layers.put(places[name], _typed(value), origins[name])
        elif name in LISTED:
            for text in value if isinstance(value, tuple) else str(value).split(","):
                LISTED[name](layers, text, origins[name])
        elif name not in LOAD:
            layers.run.append(Setting(name, _typed(value), origins[name]))


def _apply_load(layers: Layers, name: str, value: Any, origin: str) -> None:
    """`--users`, `--rate` and `--duration` hold for every scenario.

    A profile that has the key gets the value; any other becomes constant users, or a constant rate, for as long as it was.
    A length that follows from several parts (stages, spikes) cannot be set as one.
    """
    scenarios = layers.tree.get("scenarios")
    for scenario, settings in scenarios.items() if isinstance(scenarios, dict) else ():
        profile = settings.get("profile", {}) if isinstance(settings, dict) else None
        if not isinstance(profile, dict):
            continue
        place: Place = ("scenarios", scenario, "profile")
        if name == "duration":
            _set_duration(layers, place, profile, value, origin)
        elif name in profile or (name == "users" and "iterations" in profile):
            layers.put((*place, name), _typed(value), origin)
        else:
            length = _length(profile)
            kept = {} if length is None else {"duration": length}
            layers.put(place, {"kind": f"constant-{name}", name: _typed(value), **kept}, origin)


def _set_duration(layers: Layers, place: Place, profile: Mapping[str, Any], value: Any, origin: str) -> None:
    kind = profile.get("kind", "stages" if "stages" in profile else "")
    if kind in {"stages", "spike"} or profile.get("hold"):
        where = f"{origin} {'.'.join(map(str, place))}"
        which = "with a hold" if profile.get("hold") else f"of kind {kind}"
        layers.mistakes.append(
            Mistake(f"the length of a profile {which} follows from its parts", where, "--set, or --users or --rate with it")
        )
        return
    key = "max_duration" if "iterations" in profile or str(kind).endswith("iterations") else "duration"
    layers.put((*place, key), _typed(value), origin)


def _length(profile: Mapping[str, Any]) -> Any:
    """The duration of a profile that is being replaced, as far as it can be known before it is validated."""
    from loadstone.plan.any_profile import read_profile

    try:
        seconds = read_profile(dict(profile)).duration_s
    except (ValueError, UsageError):
        return profile.get("duration")
    return seconds if seconds != float("inf") else None


def _add_probe(layers: Layers, url: str, origin: str) -> None:
    """Probes of the command line stand beside those of the file."""
    listed = layers.tree.setdefault("probes", [])
    if isinstance(listed, list):
        layers.put(("probes", len(listed)), url.strip(), origin)


def _add_process(by: str) -> Callable[[Layers, str, str], None]:
    """Processes of the command line, named by their PID, name or port."""

    def add(layers: Layers, text: str, origin: str) -> None:
        listed = layers.tree.setdefault("probes", [])
        if isinstance(listed, list):
            layers.put(("probes", len(listed)), {"process": f"{by}:{text.strip()}"}, origin)

    return add


def _add_endpoint(layers: Layers, text: str, origin: str) -> None:
    """`true` and `false` stand for themselves; paths of the environment stand beside those of the file."""
    value, listed = _typed(text.strip()), layers.tree.get("endpoints")
    if isinstance(value, bool) or not isinstance(listed, list):
        layers.put(("endpoints",), value if isinstance(value, bool) else [value], origin)
    else:
        layers.put(("endpoints", len(listed)), value, origin)


def _apply_tag(layers: Layers, text: str, origin: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        layers.mistakes.append(Mistake(f"{text!r} is not a tag", origin, "--tag version=1.2"))
        return
    layers.put(("tags", key.strip()), value.strip(), f"{origin} {key.strip()}")


def _apply_set(layers: Layers, text: str) -> None:
    path, equals, value = text.partition("=")
    place: Place = tuple(int(part) if part.isdigit() else part for part in path.strip().replace("[", ".").replace("]", "").split("."))
    if not equals or "" in place:
        layers.mistakes.append(Mistake(f"{text!r} is not NAME=VALUE", "flag --set", "--set scenarios.browse.profile.rate=5/s"))
        return
    layers.put(place, _typed(value), f"flag --set {path.strip()}")


def _typed(value: Any) -> Any:
    """A flag's text as a file would read it: numbers, true and false, lists; what is no YAML stays a text."""
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


# What is given by one text after another: `--tag a=1 --tag b=2`, or with commas in the environment.
LISTED: Mapping[str, Callable[[Layers, str, str], None]] = {
    "tags": _apply_tag,
    "endpoints": _add_endpoint,
    "probe": _add_probe,
    "pid": _add_process("pid"),
    "process": _add_process("name"),
    "port": _add_process("port"),
}


# Variables that are read before there is a plan; docs/settings.md.
NO_SETTINGS = frozenset({f"{PREFIX}PURE"})


def _misspelt(environment: Mapping[str, str], names: set[str]) -> Iterator[Mistake]:
    """A variable that is nearly one of ours was meant to be one of ours."""
    known = {variable(name) for name in names} | NO_SETTINGS
    for name in sorted(environment):
        close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.85)
        if name.startswith(PREFIX) and name not in known and close:
            yield Mistake("unknown setting", f"environment {name}", close[0])


def _leaves(model: type[BaseModel], at: Place) -> Iterator[Place]:
    for name, info in model.model_fields.items():
        inner = inner_type(info.annotation)
        key = info.alias or name
        if inner in WRITTEN_WHOLE:
            yield (*at, key)
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            if "tuple" not in str(info.annotation):
                yield from _leaves(inner, (*at, key))
        elif "dict" not in str(info.annotation) and "tuple" not in str(info.annotation):
            yield (*at, key)


def _inside(at: Any, step: str | int) -> Any:
    if isinstance(at, dict):
        return at.get(step)
    return at[step] if isinstance(at, list) and isinstance(step, int) and step < len(at) else None
