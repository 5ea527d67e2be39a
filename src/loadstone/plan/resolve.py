"""From file names, environment and flags to one validated plan, or to every mistake in it."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadstone.errors import Mistake, PlanError, PluginError, in_order
from loadstone.plan.document import Document, Place, read_document
from loadstone.plan.http import environment_names, from_environment
from loadstone.plan.mistakes import Absent, Where, located, mistakes_of, named, value_at
from loadstone.plan.model import NO_STEPS, NO_STEPS_HINT, Plan
from loadstone.plan.options import Chosen
from loadstone.plan.own_metrics import by_name
from loadstone.plan.parts import beside
from loadstone.plan.python_suite import document_of, imported, read_python
from loadstone.plan.settings import Layers, Overrides, Setting, apply
from loadstone.plan.suite import Suite
from loadstone.plan.verify import missing_file, verify
from loadstone.plan.wrong import Wrong
from loadstone.plugins import installed

FILE_KINDS = (".py", ".yaml", ".yml", ".toml", ".json")
_FILE_KEYS = ("ca_file", "client_cert", "client_key", "unix_socket")


def load(paths_or_names: Sequence[str], overrides: Overrides | None = None) -> tuple[Plan, list[Setting]]:
    """The plan of one or more suites (files, or names of suites that are installed) run together.

    raises: PlanError with every mistake that can be told
    """
    overrides = overrides if overrides is not None else Overrides(environment=os.environ)
    chosen = Chosen(overrides)
    documents, mistakes = [], []
    for name in paths_or_names:
        try:
            documents.append(_document(name, chosen))
        except PlanError as error:
            mistakes += error.mistakes
    if not documents and not mistakes:
        mistakes = [Mistake("no suite is named", hint="loadstone init writes one to start from")]
    if mistakes:
        raise PlanError(mistakes)
    layers = _merged(documents)
    apply(layers, chosen.rest())
    layers.mistakes += chosen.mistakes
    plan, settings = resolve(layers, source=" ".join(paths_or_names))
    return plan, [*chosen.settings, *settings]


def plan_of(suite: Suite, overrides: Overrides | None = None) -> tuple[Plan, list[Setting]]:
    """The plan of a suite that is already in memory."""
    lines: dict[Place, int] = {("scenarios", each.name): each.line for each in suite.scenarios}
    layers = _merged([Document("suite", suite.tree, lines)])
    apply(layers, overrides or Overrides())
    return resolve(layers, source="suite")


def resolve(layers: Layers, *, source: str) -> tuple[Plan, list[Setting]]:
    """Validate the layered data; raises PlanError."""
    tree, mistakes = layers.tree, layers.mistakes

    def where(place: Place) -> str:
        origin = layers.origin(place)
        return source if origin == "default" else origin.removeprefix("file ")

    try:
        plan = Plan.model_validate({**tree, "source": source})
    except ValidationError as error:
        raise PlanError(in_order([*mistakes, *mistakes_of(error, tree, where), *_idle(tree, where)])) from None
    for finding in verify(plan):
        place = named(finding.place, tree)
        mistakes.append(Mistake(finding.what, located(place, tree, where), finding.hint))
    if mistakes:
        raise PlanError(in_order(mistakes))
    for key, lines in (("gates", plan.gates), ("bands", plan.bands)):
        for index, line in enumerate(lines):
            places: list[Place] = [(key, index, part) for part in ("gate", "value", "kind")]
            written = next((place for place in places if not isinstance(value_at(tree, place), Absent)), (key, index))
            line.write_at(located(written, tree, where))
    return plan, [*_settings(plan, layers), *layers.run]


def _idle(tree: Mapping[str, Any], where: Where) -> list[Mistake]:
    """Scenarios without steps; pydantic gets to this only when everything else in them is right."""
    scenarios = tree.get("scenarios")
    items = scenarios.items() if isinstance(scenarios, dict) else ()
    idle = [name for name, each in items if isinstance(each, dict) and "profile" in each and not (each.get("steps") or each.get("code"))]
    return [Mistake(NO_STEPS, located(("scenarios", name), tree, where), NO_STEPS_HINT) for name in idle]


def _document(name: str, chosen: Chosen) -> Document:
    path = Path(name)
    in_the_way = path.exists() and not (path.is_dir() and name in installed().names("suite"))  # as the folder of `demo --out demo`
    if path.suffix.lower() in FILE_KINDS or in_the_way or os.sep in name:
        if what := missing_file(name):
            raise PlanError([Mistake(what, name)])
        return _beside(read_python(path, chosen) if path.suffix == ".py" else read_document(path), path.parent)
    try:
        found = installed().get("suite", name)
    except PluginError as error:
        raise PlanError([Mistake(f"no file of that name, and {error.what}", name, error.hint)]) from error
    if isinstance(found, Suite):
        return Document(name, found.tree)
    return document_of(found, name, chosen)


def _beside(document: Document, folder: Path) -> Document:
    """Files that a plan names are looked for beside the plan; `${env:NAME}` is filled in where it is no secret."""
    tree = document.tree
    scenarios = tree.get("scenarios")
    if isinstance(scenarios, list):  # a list of scenarios with names is as good as a mapping
        names = [each.get("name", f"scenario{n}") if isinstance(each, dict) else f"scenario{n}" for n, each in enumerate(scenarios, 1)]
        if len(set(names)) == len(names):
            tree["scenarios"] = {
                name: {key: value for key, value in each.items() if key != "name"} if isinstance(each, dict) else each
                for name, each in zip(names, scenarios, strict=True)
            }
            document.lines = {_renamed(place, names): line for place, line in document.lines.items()}
    for scenario in tree["scenarios"].values() if isinstance(tree.get("scenarios"), dict) else ():
        if isinstance(scenario, dict):
            _absolute_files(scenario, folder)
    if isinstance(tree.get("http"), dict):
        _absolute(tree["http"], _FILE_KEYS, folder)
    prompts = tree["llm"].get("prompts") if isinstance(tree.get("llm"), dict) else None
    if isinstance(prompts, dict):
        _absolute(prompts, ("file",), folder)
    _fill_environment(document, tree, ())
    return document


def _renamed(place: Place, names: Sequence[str]) -> Place:
    if len(place) > 1 and place[0] == "scenarios" and isinstance(place[1], int):
        return ("scenarios", names[place[1]], *place[2:])
    return place


def _absolute_files(scenario: dict[str, Any], folder: Path) -> None:
    feeds = scenario.get("data")
    if feeds is not None:
        feeds = [{"file": each} if isinstance(each, str) else each for each in (feeds if isinstance(feeds, list) else [feeds])]
        scenario["data"] = feeds
    profile = scenario.get("profile")
    if isinstance(profile, dict) and ".py:" in str(profile.get("kind")):
        _absolute(profile, ("kind",), folder)
    if isinstance(profile, dict) and profile.get("kind") == "trace":
        _absolute(profile, ("file",), folder)
    steps = scenario.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and isinstance(step.get("transcribe"), str):
            step["transcribe"] = {"file": step["transcribe"]}
        if isinstance(step, dict) and isinstance(step.get("llm"), dict):
            messages = step["llm"].get("messages")
            step["llm"] |= {"messages": [beside(each, folder) for each in messages]} if isinstance(messages, list) else {}
        if isinstance(step, dict) and isinstance(step.get("transcribe"), dict):
            _absolute(step["transcribe"], ("file",), folder)
    for holder in [*(feeds or ()), *(steps if isinstance(steps, list) else ()), scenario.get("code")]:
        if isinstance(holder, dict):
            _absolute(holder, ("file",), folder)


def _absolute(holder: dict[str, Any], keys: Sequence[str], folder: Path) -> None:
    for key in keys:
        if isinstance(holder.get(key), str):
            holder[key] = str((folder / holder[key]).resolve())


def _fill_environment(document: Document, holder: Any, at: Place) -> None:
    """Steps, headers and identity keep `${env:NAME}`, so that a plan that is shown or stored holds no secret."""
    probe_headers = at[:1] == ("probes",) and at[2:3] == ("headers",)
    if probe_headers or (len(at) > 2 and at[2] == "steps") or at[:2] in {("http", "headers"), ("http", "auth")}:
        return
    items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
    for key, value in list(items):
        place = (*at, key)
        if at[:1] == ("probes",) and key == "token":
            continue
        if isinstance(value, str) and (names := environment_names(value)):
            missing = [name for name in names if name not in os.environ]
            if missing:
                where = f"{document.file}:{document.lines.get(place, 1)} {'.'.join(map(str, place))}"
                raise PlanError([Mistake(f"the environment has no {missing[0]}", where, f"export {missing[0]}=…")])
            holder[key] = from_environment(value)
        else:
            _fill_environment(document, value, place)


def _merged(documents: Sequence[Document]) -> Layers:
    """Scenarios and gates of all files together; of other settings the later file's."""
    layers = Layers({}, {})
    for document in documents:
        for key, value in copy.deepcopy(document.tree).items():
            if key == "metrics":
                with contextlib.suppress(Wrong):  # what is wrong with it is told when the plan is made
                    value = by_name(value)
            mine, before = layers.tree.get(key), 0
            if key == "scenarios" and isinstance(mine, dict) and isinstance(value, dict):
                for name in value:
                    if name in mine:
                        where = f"{_line(document, (key, name))} {key}.{name}"
                        layers.mistakes.append(Mistake("another file has a scenario of that name", where, "rename one of them"))
                mine.update(value)
            elif key == "metrics" and (mine is not None):
                layers.mistakes += _declare(mine, value, document)
            elif key in {"gates", "probes"} and isinstance(mine, list) and isinstance(value, list):
                before = len(mine)
                mine.extend(value)
            else:
                layers.tree[key] = value
            _origins(layers, document, (key,), before)
    return layers


def _declare(mine: Any, value: Any, document: Document) -> list[Mistake]:
    """Add the metrics of one more file to those of the others; a name may be declared twice in the same way."""
    if not (isinstance(mine, dict) and isinstance(value, dict)):
        return [Mistake("must be a mapping", f"{_line(document, ('metrics',))} metrics", "metrics: {shop.basket: {unit: '1'}}")]
    twice = [name for name in value if name in mine and mine[name] != value[name]]
    mine.update(value)
    what = "another file declares a metric of that name in another way"
    return [Mistake(what, f"{_line(document, ('metrics', name))} metrics.{name}", "rename one of them") for name in twice]


def _origins(layers: Layers, document: Document, top: Place, before: int) -> None:
    """Lines of one key of a file, of whose list the files before have so many members."""
    layers.origins.setdefault(top, f"file {_line(document, top)}")
    for place, line in document.lines.items():
        if place[:1] == top:
            moved = (*top, place[1] + before, *place[2:]) if before and len(place) > 1 and isinstance(place[1], int) else place
            layers.origins[moved] = f"file {document.file}:{line}"


def _line(document: Document, place: Place) -> str:
    return f"{document.file}:{document.lines[place]}" if place in document.lines else document.file


def _settings(plan: Plan, layers: Layers) -> list[Setting]:
    shown = plan.model_dump(mode="json", by_alias=True, exclude={"source"})
    scenarios = shown["scenarios"]
    shown["probes"] = [{probe["kind"]: probe["watches"], "every": probe["every"], **probe["settings"]} for probe in shown["probes"]]
    shown["scenarios"] = {scenario.pop("name"): scenario for scenario in scenarios}
    for scenario, values in zip(plan.scenarios, scenarios, strict=True):
        values["steps"] = [_as_written(step) for step in values["steps"]]
        values |= {key: str(value) for key in ("think", "pacing") if (value := getattr(scenario, key)) is not None}
    return list(_flattened(shown, (), layers))


def _as_written(step: dict[str, Any]) -> dict[str, Any]:
    """`get: /path`, as a file has it, so that each line shown is one that can be set."""
    rest = {key: value for key, value in step.items() if key not in {"name", "method", "path"}}
    if not step["method"]:
        return {"name": step["name"], **rest}
    return {"name": step["name"], step["method"].lower(): step["path"], **rest}


def _flattened(value: Any, at: Place, layers: Layers) -> Any:
    """One setting for each leaf that says something; short lists of plain values are one leaf."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _flattened(each, (*at, key), layers)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for index, each in enumerate(value):
            yield from _flattened(each, (*at, index), layers)
    elif not (len(at) > 2 and at[0] == "scenarios" and (value is None or value in ([], {}))):
        yield Setting(".".join(map(str, at)), value, _origin(at, layers))


def _origin(at: Place, layers: Layers) -> str:
    """A value that is not written anywhere is a default, unless a short form (`think: 1s..3s`) stands for it."""
    for length in range(len(at), 0, -1):
        value = value_at(layers.tree, at[:length])
        if not isinstance(value, Absent):
            return "default" if length < len(at) and isinstance(value, (dict, list)) else layers.origin(at[:length])
    return "default"


__all__ = ["Overrides", "Setting", "imported", "load", "plan_of", "resolve"]
