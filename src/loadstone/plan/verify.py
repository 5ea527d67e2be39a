"""What only shows when the pieces of a plan are seen together: files, columns, names, texts that must compile."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from loadstone.errors import LoadstoneError, UsageError
from loadstone.plan.check_text import parse_check
from loadstone.plan.code import load_user_classes
from loadstone.plan.document import Place
from loadstone.plan.extract import compile_extract
from loadstone.plan.feed import read_rows
from loadstone.plan.http import environment_names
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.reply import look
from loadstone.plan.steps import Step
from loadstone.plan.template import Template, templates_in
from loadstone.plan.websocket import Dialogue, Turn
from loadstone.plan.wrong import Wrong, suggest
from loadstone.plugins import installed
from loadstone.units import format_duration


class Finding(NamedTuple):
    """A mistake at a place of the plan."""

    place: Place
    what: str
    hint: str = ""


def verify(plan: Plan) -> list[Finding]:
    """Everything that would go wrong at the start of a run, or in every exchange of it."""
    findings = [*_names(plan), *_http(plan), *_probes(plan)]
    for scenario in plan.scenarios:
        at: Place = ("scenarios", scenario.name)
        findings += _profile_file(scenario, at)
        lasts_s = _duration_s(scenario)
        if scenario.warm_up_s >= lasts_s:
            lasts = format_duration(lasts_s)
            findings.append(Finding((*at, "warm_up"), f"leaves nothing to judge: the scenario lasts {lasts}", "warm_up: 0s"))
        findings += _code(scenario, at)
        columns = _columns(scenario, at, findings)
        extracted = {name for step in scenario.steps for name in (*step.extract, *(name for turn in _turns(step) for name in turn.extract))}
        for index, step in enumerate(scenario.steps):
            findings += _step(step, (*at, "steps", index), columns, extracted)
        if plan.target is None and not plan.embedded and any(_below_target(step) for step in scenario.steps):
            findings.append(Finding(("target",), "is missing", "target: http://127.0.0.1:8000, or --target"))
    return list(dict.fromkeys(findings))


def _below_target(step: Step) -> bool:
    return any(not address.startswith(("http://", "https://", "ws://", "wss://")) for address in step.addresses)


def missing_file(path: str) -> str:
    """What is wrong with a file's name, and which names beside it are near; empty when it is there."""
    if not path:
        return "an empty name is given in the place of a file's"
    file = Path(path)
    if file.is_file():
        return ""
    if file.is_dir():
        return "is a folder, not a file"
    if file.exists():
        return "is a device or a pipe, not a file"
    if not file.parent.is_dir():
        return f"no folder {file.parent}"
    close = difflib.get_close_matches(file.name, sorted(each.name for each in file.parent.iterdir()), n=3, cutoff=0.4)
    return f"no such file; near: {', '.join(close)}" if close else "no such file"


def _profile_file(scenario: ScenarioPlan, at: Place) -> Iterator[Finding]:
    """What is wrong with the file of a profile that replays one."""
    file = getattr(scenario.profile, "file", None)
    if not isinstance(file, str):
        return
    place = (*at, "profile", "file")
    if what := missing_file(file):
        yield Finding(place, what)
        return
    try:
        _ = scenario.profile.duration_s
    except UsageError as error:
        yield Finding(place, f"{error.where.removeprefix(file).lstrip(':')} {error.what}".strip(), error.hint)


def _duration_s(scenario: ScenarioPlan) -> float:
    """The profile's length; nan, which equals nothing, when its file cannot be read."""
    try:
        return scenario.profile.duration_s
    except UsageError:
        return float("nan")


def _columns(scenario: ScenarioPlan, at: Place, findings: list[Finding]) -> list[str] | None:
    """The columns of a scenario's data; None when they cannot be known."""
    columns: list[str] = []
    broken = False
    for index, feed in enumerate(scenario.data):
        place = (*at, "data", index, "file")
        if what := missing_file(feed.file):
            findings.append(Finding(place, what))
            broken = True
            continue
        try:
            found, _ = read_rows(feed)
        except UsageError as error:
            findings.append(Finding(place, f"{error.where.removeprefix(feed.file).lstrip(':')} {error.what}".strip(), error.hint))
            broken = True
            continue
        columns += found
    return None if broken else columns


def _names(plan: Plan) -> Iterator[Finding]:
    names = [scenario.name for scenario in plan.scenarios]
    after = {scenario.name: scenario.after for scenario in plan.scenarios}
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield Finding(("scenarios", name), "is the name of two scenarios", "give each its own name")
    for scenario in plan.scenarios:
        place: Place = ("scenarios", scenario.name, "after")
        if scenario.after is not None and scenario.after not in names:
            yield Finding(place, "no scenario of that name", suggest(scenario.after, names))
        seen, at = {scenario.name}, scenario.after
        while at in after:
            if at in seen:
                yield Finding(place, "waits for itself in a circle", "remove one `after`")
                break
            seen.add(at)
            at = after[at]
        followed = next((each for each in plan.scenarios if each.name == scenario.after), None)
        if followed and _duration_s(followed) == float("inf"):
            yield Finding(place, "waits for a scenario that has no end", f"give {followed.name} a duration")


def _http(plan: Plan) -> Iterator[Finding]:
    http = plan.http
    for key in ("ca_file", "client_cert", "client_key"):
        path = getattr(http, key)
        if path is not None and (what := missing_file(path)):
            yield Finding(("http", key), what)
    for name, value in http.headers.items():
        yield from _environment(("http", "headers", name), environment_names(value))
    for key in ("basic", "bearer"):
        secret = getattr(http.auth, key, None)
        yield from _environment(("http", "auth", key), environment_names(secret.get_secret_value()) if secret else [])


def _probes(plan: Plan) -> Iterator[Finding]:
    for index, probe in enumerate(plan.probes):
        try:
            installed().make("probe", probe.kind, probe, plan.target or "http://127.0.0.1")
        except LoadstoneError as error:
            yield Finding(("probes", index), error.what, error.hint)


def _environment(place: Place, names: list[str] | tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        if name not in os.environ:
            yield Finding(place, f"the environment has no {name}", f"export {name}=…")


def _code(scenario: ScenarioPlan, at: Place) -> Iterator[Finding]:
    if scenario.code is None:
        return
    if what := missing_file(scenario.code.file):
        yield Finding((*at, "code", "file"), what)
        return
    try:
        classes = load_user_classes(scenario.code)
    except LoadstoneError as error:
        yield Finding((*at, "code"), error.what, error.hint)
        return
    except Exception as error:  # noqa: BLE001  the user's file: anything may come
        yield Finding((*at, "code", "file"), f"raised {type(error).__name__}: {error}")
        return
    for cls in classes:
        if not cls.tasks:
            yield Finding((*at, "code", "classes"), f"{cls.__name__} has no tasks", "mark an async method with @loadstone.task")


def _step(step: Step, at: Place, columns: list[str] | None, extracted: set[str]) -> Iterator[Finding]:
    for index, check in enumerate(step.checks):
        yield from _compiles((*at, "checks", index), parse_check, check)
    for name, text in step.extract.items():
        yield from _compiles((*at, "extract", name), compile_extract, text)
    if step.file is not None and "${" not in step.file and (what := missing_file(step.file)):
        yield Finding((*at, "file"), what)
    keys = ("path", "params", "headers", "json_body", "form", "multipart", "body", "file")
    texts = {{"json_body": "json", "path": step.method.lower() or "get"}.get(key, key): getattr(step, key) for key in keys}
    if step.websocket is not None:
        yield from _dialogue(step.websocket, (*at, "websocket"), columns, extracted)
    elif step.kind != "http":
        texts[step.kind] = getattr(step, step.kind).texts
    yield from _texts([((*at, key), value) for key, value in texts.items()], columns, extracted)


def _turns(step: Step) -> tuple[Turn, ...]:
    return step.websocket.dialogue if step.websocket is not None else ()


def _dialogue(dialogue: Dialogue, at: Place, columns: list[str] | None, extracted: set[str]) -> Iterator[Finding]:
    """Every text of a dialogue; its lines may use what earlier ones extract, and `vars.seq`, the number of the message."""
    known = extracted | {"seq"} | {name for turn in dialogue.dialogue for name in turn.extract}
    texts: list[tuple[Place, object]] = [((*at, "path"), dialogue.path), ((*at, "headers"), dialogue.headers)]
    for index, turn in enumerate(dialogue.dialogue):
        place = (*at, "dialogue", index)
        texts.append(((*place, "send"), turn.send))
        if turn.expect is not None:
            yield from _compiles((*place, "expect"), parse_check, turn.expect)
        if turn.match not in {None, "order"}:
            for part in str(turn.match).split("="):
                yield from _compiles((*place, "match"), look, part)
        for name, text in turn.extract.items():
            yield from _compiles((*place, "extract", name), compile_extract, text)
    yield from _texts(texts, columns, known)


def _texts(texts: list[tuple[Place, object]], columns: list[str] | None, extracted: set[str]) -> Iterator[Finding]:
    """Templates in texts, wherever these stand, that cannot be read or need what there is not."""
    for place, value in texts:
        try:
            templates = templates_in(value)
        except Wrong as error:
            yield Finding(place, error.what, error.hint)
            continue
        for template in templates:
            yield from _needs(template, place, columns, extracted)


def _needs(template: Template, place: Place, columns: list[str] | None, extracted: set[str]) -> Iterator[Finding]:
    yield from _environment(place, template.environment)
    for column in template.columns if columns is not None else ():
        if column not in (columns or ()):
            what = f"unknown column {column!r}" if columns else f"${{row.{column}}} needs data"
            hint = suggest(column, columns or ()) or "data: users.csv"
            # Names such as `1` are values: the file begins with a row, and not with its titles.
            untitled = any(name.strip().replace(".", "", 1).isdigit() for name in columns or ())
            yield Finding(place, what, f"a first line that names the columns; now it says {', '.join(columns or ())}" if untitled else hint)
    for name in template.variables:
        if name not in extracted:
            hint = suggest(name, sorted(extracted)) or f"extract: {{{name}: json.{name}}} in an earlier step"
            yield Finding(place, f"no step extracts {name!r}", hint)


def _compiles(place: Place, compile_text: Callable[[str], object], text: str) -> Iterator[Finding]:
    try:
        compile_text(text)
    except Wrong as error:
        yield Finding(place, error.what, error.hint)
