"""The field of a plan that holds a profile: a built-in one or a plug-in's, told apart by `kind`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from loadstone.errors import PluginError
from loadstone.plan import profiles, traffic
from loadstone.plan.code import load_module
from loadstone.plan.profile import ClosedProfile, OpenProfile, Profile
from loadstone.plan.wrong import Wrong
from loadstone.plugins import installed

BUILT_IN: tuple[type[OpenProfile | ClosedProfile], ...] = (
    profiles.ConstantUsers,
    profiles.RampingUsers,
    profiles.SharedIterations,
    profiles.PerUserIterations,
    profiles.ConstantRate,
    profiles.PoissonRate,
    profiles.RampingRate,
    profiles.UserStages,
    profiles.RateStages,
    profiles.UserSpike,
    profiles.RateSpike,
    profiles.Burst,
    profiles.UserSoak,
    profiles.RateSoak,
    traffic.GammaRate,
    traffic.TraceArrivals,
)


def read_profile(value: Any) -> OpenProfile | ClosedProfile:
    """A profile from what a file says; raises Wrong or pydantic's ValidationError."""
    if isinstance(value, (OpenProfile, ClosedProfile)):
        return value
    if not isinstance(value, dict):
        raise Wrong("must be a mapping", hint="profile: {kind: constant-rate, rate: 5/s, duration: 30s}")
    cls = profile_class(value)
    own = ".py:" in str(value.get("kind"))
    return cls.model_validate({key: each for key, each in value.items() if key != "kind" or not own})


def profile_class(value: Mapping[str, Any]) -> type[OpenProfile | ClosedProfile]:
    """The class that reads a mapping; raises Wrong for a kind that nobody knows."""
    kind = value.get("kind", _kind_by_keys(value))
    if isinstance(kind, str) and ".py:" in kind:
        return _own_class(kind)
    try:
        found: Any = installed().get("profile", str(kind))
    except PluginError as error:
        raise Wrong("has no kind" if kind is None else error.what, hint=error.hint) from None
    cls: type[OpenProfile | ClosedProfile] = found if isinstance(found, type) else found(value)
    return cls


def kind_of(profile: Profile) -> str:
    """The name under which any process finds the profile's class: a known kind, or `file.py:Class` of the suite's own."""
    if profile.kind in installed().names("profile"):
        return profile.kind
    file = inspect.getfile(type(profile))
    return f"{Path(file).resolve()}:{type(profile).__qualname__}"


def _own_class(kind: str) -> type[OpenProfile | ClosedProfile]:
    file, _, name = kind.rpartition(":")
    try:
        found: Any = reduce(getattr, name.split("."), load_module(file))
    except (OSError, AttributeError):
        found = None
    if not (isinstance(found, type) and issubclass(found, (OpenProfile, ClosedProfile))):
        raise Wrong(f"{kind!r} is not a profile class", hint="suite.py:Sawtooth, a subclass of OpenProfile or ClosedProfile")
    return found


def _kind_by_keys(value: Mapping[str, Any]) -> str | None:
    """The kind that a short form means: `{rate: 5/s, duration: 30s}`."""
    if "stages" in value:
        return "stages"
    if "iterations" in value:
        return "shared-iterations"
    return "constant-rate" if "rate" in value else "constant-users" if "users" in value else None


class _AnyProfile:
    """Pydantic's way in: reads by `read_profile`, writes every field, describes the built-in kinds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def write(profile: Profile, info: SerializationInfo) -> dict[str, Any]:
            return {**profile.model_dump(mode=info.mode, by_alias=info.by_alias), "kind": kind_of(profile)}

        return core_schema.no_info_plain_validator_function(
            read_profile, serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(TypeAdapter(cls).core_schema) for cls in BUILT_IN]}


ProfileField = Annotated[OpenProfile | ClosedProfile, _AnyProfile()]
