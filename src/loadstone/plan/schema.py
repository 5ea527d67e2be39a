"""The JSON schema of plan files: what editors complete and other programs check."""

from __future__ import annotations

from typing import Any

from loadstone.plan.model import Plan

SCHEMA_ID = "loadstone/plan/1"


def plan_schema() -> dict[str, Any]:
    """The schema of what a person writes: scenarios by name, gates as text, steps by method."""
    schema = Plan.model_json_schema(by_alias=True)
    definitions, properties = schema["$defs"], schema["properties"]
    scenario = definitions["ScenarioPlan"]
    scenario["required"] = ["profile"]
    scenario["properties"].pop("name")
    text: dict[str, Any] = {"type": "string"}
    for name in ("GateLine", "FeedPlan", "ThinkTime", "Pacing", "Lengths", "PromptPlan"):  # all of them have a short form
        if name not in definitions:
            continue
        definitions[f"{name}Mapping"] = definitions.pop(name)
        short: dict[str, Any] = text if name in {"GateLine", "FeedPlan"} else {"type": ["string", "number"]}
        if name == "PromptPlan":
            short = {"anyOf": [text, {"type": "array", "items": text}]}
        definitions[name] = {"anyOf": [short, {"$ref": f"#/$defs/{name}Mapping"}]}
    definitions["ProbePlan"] = {"anyOf": [text, _probe()]}
    feed = {"$ref": "#/$defs/FeedPlan"}
    scenario["properties"]["data"] = {"anyOf": [feed, {"type": "array", "items": feed}]}
    _methods(definitions["Step"])
    properties["scenarios"] = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/ScenarioPlan"}}
    properties.pop("source")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def _probe() -> dict[str, Any]:
    """The mapping of a probe: its kind is a key, and which settings there are is that kind's own business."""
    from loadstone.plugins import installed

    kinds = installed().names("probe")
    known = {kind: {"type": "string", "description": f"what the {kind} probe looks at"} for kind in kinds}
    every = {"anyOf": [{"type": "number"}, {"type": "string"}], "description": "from one reading to the next, for example 1s"}
    return {"type": "object", "properties": {**known, "every": every}, "oneOf": [{"required": [kind]} for kind in kinds]}


def _methods(step: dict[str, Any]) -> None:
    from loadstone.plan.steps import METHODS, OTHER_KINDS

    for name in ("method", "path"):
        step["properties"].pop(name)
    step["properties"] = {**{method: {"type": "string", "description": "path of the exchange"} for method in METHODS}, **step["properties"]}
    step["required"] = []
    step["oneOf"] = [{"required": [method]} for method in (*METHODS, *OTHER_KINDS)]
