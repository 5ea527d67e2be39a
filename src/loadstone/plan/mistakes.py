"""What pydantic found wrong, said in the words of the file that a person wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from loadstone.errors import Mistake
from loadstone.plan.any_profile import _AnyProfile, profile_class
from loadstone.plan.document import Place
from loadstone.plan.http import is_secret_name
from loadstone.plan.model import Plan
from loadstone.plan.wrong import Wrong, suggest

_LONGEST_VALUE = 60
_EXAMPLES = {
    "profile": "profile: {rate: 5/s, duration: 30s}",
    "scenarios": "scenarios: {browse: {profile: {users: 5, duration: 30s}, steps: [{get: /}]}}",
    "duration": "duration: 30s",
    "rate": "rate: 5/s",
    "users": "users: 10",
    "workers": "workers: 2",
    "file": "file: users.csv",
    "stages": "stages: [{duration: 30s, users: 10}]",
    "iterations": "iterations: 100",
    "gate": "gate: p95(http.response_time) < 2s",
}
_TEXTS: Mapping[str, str] = {
    "missing": "is missing",
    "too_short": "is empty",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "literal_error": "must be {expected}",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}
Where = Callable[[Place], str]


def mistakes_of(error: ValidationError, tree: Mapping[str, Any], where: Where) -> list[Mistake]:
    """Each thing wrong, with its origin (`where` of its place), its dotted name, its value, and what to try."""
    found = []
    every = list(_flat(error, ()))
    for raw_place, details in every:
        if details["type"] == "too_short" and any(other[: len(raw_place)] == raw_place != other for other, _ in every):
            continue  # pydantic does not count the items that are wrong
        place = named(raw_place, tree)
        found.append(_mistake(place, details, tree, where))
    return list(dict.fromkeys(found))


def located(place: Place, tree: Mapping[str, Any], where: Where, *, show: bool = True) -> str:
    """`suite.yaml:12 scenarios.browse.profile.rate = -1`."""
    text = f"{where(place)} {dotted(place)}".strip()
    value = value_at(tree, place)
    if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_relative_to(Path.cwd()):
        value = str(Path(value).relative_to(Path.cwd()))
    if not show or isinstance(value, (dict, list, tuple, Absent, BaseModel)) or any(is_secret_name(str(part)) for part in place[:-1]):
        return text
    if place and (is_secret_name(str(place[-1])) or place[-1] in {"basic", "bearer"}):
        return text
    shown = re.sub(r"//[^/@]*@", "//***@", repr(value)) if isinstance(value, str) else str(value)
    return f"{text} = {shown if len(shown) <= _LONGEST_VALUE else shown[: _LONGEST_VALUE - 1] + '…'}"


def dotted(place: Place) -> str:
    """`scenarios.browse.steps[0].get`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def named(place: Place, tree: Mapping[str, Any]) -> Place:
    """The place in the file's own words: scenarios are a mapping there, and short forms have fewer levels."""
    scenarios = tree.get("scenarios")
    if len(place) > 1 and place[0] == "scenarios" and isinstance(place[1], int) and isinstance(scenarios, Mapping):
        place = ("scenarios", list(scenarios)[place[1]], *place[2:])
    if len(place) > 3 and place[2] == "data" and not isinstance(value_at(tree, place[:3]), (list, tuple)):
        place = (*place[:3], *place[4:])
    while len(place) > 1 and isinstance(value_at(tree, place), Absent) and not isinstance(value_at(tree, place[:-1]), Mapping):
        place = place[:-1]
    return place


class Absent:
    """Nothing is at that place."""


def value_at(tree: Any, place: Place) -> Any:
    """The value at a place of a tree, or an Absent."""
    at: Any = tree
    for part in place:
        listed = isinstance(at, (list, tuple)) and isinstance(part, int) and 0 <= part < len(at)
        if not listed and not (isinstance(at, Mapping) and part in at):
            return Absent()
        at = at[part]
    return at


def _flat(error: ValidationError, before: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Errors of a profile come wrapped in the error of the field that holds it."""
    for details in error.errors(include_url=False):
        place = (*before, *details["loc"])
        cause = details.get("ctx", {}).get("error")
        if isinstance(cause, ValidationError):
            yield from _flat(cause, place)
        else:
            yield place, dict(details)


def _mistake(place: Place, details: dict[str, Any], tree: Mapping[str, Any], where: Where) -> Mistake:
    kind, context = details["type"], details.get("ctx", {})
    cause = context.get("error")
    key = str(place[-1]) if place else ""
    if isinstance(cause, Wrong):
        hint = f"{key}: {cause.example}" if cause.example else cause.hint
        return Mistake(cause.what, located(place, tree, where), hint)
    if kind == "extra_forbidden":
        known = known_keys(place[:-1], tree)
        return Mistake("unknown key", located(place, tree, where, show=False), suggest(key, known))
    what = _TEXTS.get(kind, "").format(**context) or details["msg"][:1].lower() + details["msg"][1:]
    return Mistake(what, located(place, tree, where), _EXAMPLES.get(key, ""))


def known_keys(place: Place, tree: Mapping[str, Any]) -> list[str]:
    """The keys that the mapping at a place may have, sorted."""
    model = _model_at(Plan, place, tree)
    if model is None:
        return []
    keys = {info.alias or name for name, info in model.model_fields.items()}
    if "method" in keys and "path" in keys:
        keys = (keys - {"method", "path"}) | {"get", "post", "put", "patch", "delete", "head"}
    return sorted(keys - {"source"})


def _model_at(model: type[BaseModel], place: Place, tree: Mapping[str, Any]) -> type[BaseModel] | None:
    """The model of the mapping at a place; scenarios, steps and the like are one level deeper than their field."""
    at, depth = model, 0
    while depth < len(place):
        fields = at.model_fields
        info = fields.get(str(place[depth])) or next((each for each in fields.values() if each.alias == place[depth]), None)
        if info is None:
            return None
        depth += 1
        if any(isinstance(each, _AnyProfile) for each in info.metadata):
            return _profile_at(place[:depth], place[depth:], tree)
        inner = inner_type(info.annotation)
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        at = inner
        depth += get_origin(info.annotation) is tuple
    return at


def _profile_at(place: Place, rest: Place, tree: Mapping[str, Any]) -> type[BaseModel] | None:
    value = value_at(tree, place)
    try:
        return _model_at(profile_class(value), rest, {}) if isinstance(value, Mapping) else None
    except Wrong:
        return None


def inner_type(annotation: Any) -> Any:
    """The model inside `X | None`, `tuple[X, ...]` and Annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return inner_type(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return inner_type(next((each for each in get_args(annotation) if each is not type(None)), None))
    if origin in {tuple, list}:
        return inner_type(get_args(annotation)[0])
    return annotation
