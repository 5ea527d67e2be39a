"""What is watched beside the load: a kind of probe, what it looks at, and the settings of its kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, model_validator

from loadstone.plan.http import masked
from loadstone.plan.quantities import Duration
from loadstone.plan.wrong import Wrong, suggest
from loadstone.plugins import installed

DEFAULT_KIND = "prometheus"
SHORTEST_S = 0.1
EXAMPLE = "probes: [{prometheus: http://127.0.0.1:8000/metrics}]"


def _not_too_often(every_s: float) -> float:
    if every_s < SHORTEST_S:
        raise Wrong(f"must be {SHORTEST_S:g} s or more: a probe takes its share of the target's time", example="1s")
    return every_s


class ProbePlan(BaseModel):
    """`{prometheus: URL, every: 1s, metrics: [name]}`; a text alone is a kind that needs no more, or the URL of a Prometheus endpoint.

    watches:  what follows the kind's name: a URL, or a path of the target
    every_s:  from one reading to the next
    settings: everything else, which the kind reads
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: str
    watches: str
    every_s: Annotated[Duration, AfterValidator(_not_too_often)] = Field(default=1.0, alias="every")
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": DEFAULT_KIND, "watches": value} if value not in installed().names("probe") else {"kind": value, "watches": ""}
        if not isinstance(value, dict) or "kind" in value:
            return value
        known = installed().names("probe")
        kinds = [key for key in value if key in known]
        if len(kinds) != 1:
            unknown = next((key for key in value if key != "every"), "")
            raise Wrong("names no kind of probe" if not kinds else "names two kinds of probe", hint=suggest(str(unknown), known) or EXAMPLE)
        rest = {key: each for key, each in value.items() if key not in {*kinds, "every"}}
        every = {"every": value["every"]} if "every" in value else {}
        watches = value[kinds[0]]
        if isinstance(watches, int) and not isinstance(watches, bool):
            watches = str(watches)  # process: 4711
        return {"kind": kinds[0], "watches": "" if watches is None else watches, "settings": rest, **every}

    @field_serializer("settings", when_used="json")
    def _masked(self, settings: dict[str, Any], info: FieldSerializationInfo) -> dict[str, Any]:
        shown: dict[str, Any] = masked(settings, info)
        return shown
