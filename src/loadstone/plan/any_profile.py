"""The field of a plan that holds a profile: a built-in one or a plug-in's, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from loadstone.plan import profiles
from loadstone.plan.profile import ClosedProfile, OpenProfile, Profile
from loadstone.plan.quantities import Wrong
from loadstone.units import nearest

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
)
_OPEN_OR_CLOSED = {
    "stages": (profiles.RateStages, profiles.UserStages),
    "spike": (profiles.RateSpike, profiles.UserSpike),
    "soak": (profiles.RateSoak, profiles.UserSoak),
}
_ONE: dict[str, type[OpenProfile | ClosedProfile]] = {
    cls.model_fields["kind"].default: cls for cls in BUILT_IN if cls.model_fields["kind"].default not in _OPEN_OR_CLOSED
}
KINDS = sorted([*_ONE, *_OPEN_OR_CLOSED])


def read_profile(value: Any) -> OpenProfile | ClosedProfile:
    """A profile from what a file says; raises Wrong or pydantic's ValidationError."""
    if isinstance(value, (OpenProfile, ClosedProfile)):
        return value
    if not isinstance(value, dict):
        raise Wrong("must be a mapping", hint="profile: {kind: constant-rate, rate: 5/s, duration: 30s}")
    return _class_of(value).model_validate(value)


def _class_of(value: dict[str, Any]) -> type[OpenProfile | ClosedProfile]:
    kind = value.get("kind", _kind_by_keys(value))
    if kind in _OPEN_OR_CLOSED:
        of_rate, of_users = _OPEN_OR_CLOSED[kind]
        return of_rate if _speaks_of_rate(value) else of_users
    if kind in _ONE:
        return _ONE[kind]
    if kind is None:
        raise Wrong("has no kind", hint=f"one of {', '.join(KINDS)}")
    raise Wrong(f"unknown kind {kind!r}{nearest(str(kind), KINDS)}", hint=f"one of {', '.join(KINDS)}")


def _kind_by_keys(value: dict[str, Any]) -> str | None:
    """The kind that a short form means: `{rate: 5/s, duration: 30s}`."""
    if "stages" in value:
        return "stages"
    if "iterations" in value:
        return "shared-iterations"
    return "constant-rate" if "rate" in value else "constant-users" if "users" in value else None


def _speaks_of_rate(value: dict[str, Any]) -> bool:
    stages = value.get("stages")
    inner = [key for stage in stages if isinstance(stage, dict) for key in stage] if isinstance(stages, (list, tuple)) else []
    return any(key in {"rate", "from_rate", "poisson"} for key in [*value, *inner])


class _AnyProfile:
    """Pydantic's way in: reads by `read_profile`, writes every field, describes the built-in kinds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def write(profile: Profile, info: SerializationInfo) -> dict[str, Any]:
            return profile.model_dump(mode=info.mode, by_alias=info.by_alias)

        return core_schema.no_info_plain_validator_function(
            read_profile, serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"oneOf": [handler(TypeAdapter(cls).core_schema) for cls in BUILT_IN]}


ProfileField = Annotated[OpenProfile | ClosedProfile, _AnyProfile()]
