"""Steps of a user that are written down instead of programmed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, model_validator

from loadstone.plan.call import ProcessCall
from loadstone.plan.http import Expected, masked
from loadstone.plan.llm import LlmCall
from loadstone.plan.sse import SseCall
from loadstone.plan.think import ThinkTime
from loadstone.plan.voice import VoiceCall
from loadstone.plan.voice_http import SynthesizeCall, TranscribeCall
from loadstone.plan.websocket import Dialogue
from loadstone.plan.wrong import Wrong

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
# Exchanges that are not one HTTP request: each has a field of its name, whose model says `addresses`.
OTHER_KINDS: tuple[str, ...] = ("call", "llm", "sse", "synthesize", "transcribe", "voice", "websocket")
BODIES = ("json", "form", "multipart", "body", "file")


class Step(BaseModel):
    """One exchange; its texts may hold places, see `template`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    name: str
    method: Annotated[str, Field(pattern="^[A-Z]*$")] = ""
    path: str = ""
    params: dict[str, Any] = Field(default_factory=dict, repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    json_body: Any = Field(default=None, alias="json", repr=False)
    form: dict[str, Any] | None = Field(default=None, repr=False)
    multipart: dict[str, Any] | None = Field(default=None, repr=False)
    body: str | None = Field(default=None, repr=False)
    file: str | None = None
    websocket: Dialogue | None = None
    llm: LlmCall | None = None
    sse: SseCall | None = None
    synthesize: SynthesizeCall | None = None
    transcribe: TranscribeCall | None = None
    voice: VoiceCall | None = None
    call: ProcessCall | None = None
    expect: Expected | None = None
    checks: tuple[str, ...] = ()
    extract: dict[str, str] = Field(default_factory=dict)
    think: ThinkTime | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    group: str | None = None
    weight: Annotated[float, Field(gt=0)] | None = None

    @field_serializer("params", "headers", "json_body", "form", "multipart", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def kind(self) -> str:
        """Which client it speaks through."""
        return next((kind for kind in OTHER_KINDS if getattr(self, kind) is not None), "http")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Paths or URLs it speaks to, as written."""
        return (self.path,) if self.kind == "http" else tuple(getattr(self, self.kind).addresses)

    @model_validator(mode="before")
    @classmethod
    def _method_and_path(cls, value: Any) -> Any:
        """`get: /path` becomes method and path, and the name where none is given."""
        if not isinstance(value, dict) or value.get("method"):
            return value
        used = [way for way in (*METHODS, *OTHER_KINDS) if value.get(way) is not None]
        if len(used) != 1:
            what = f"has {' and '.join(used)}: a step is one exchange" if used else "says no method"
            raise Wrong(what, hint="get: /path")
        if used[0] in OTHER_KINDS:
            return {"name": used[0], **value}
        rest = {key: each for key, each in value.items() if key != used[0]}
        path = str(value[used[0]])
        return {"name": f"{used[0].upper()} {path.partition('?')[0]}", **rest, "method": used[0].upper(), "path": path}

    @model_validator(mode="after")
    def _one_body(self) -> Step:
        bodies = [name for name in BODIES if getattr(self, "json_body" if name == "json" else name) is not None]
        if len(bodies) > 1:
            raise Wrong(f"has {' and '.join(bodies)}: an exchange has one body", hint=f"keep {bodies[0]}")
        return self


class Steps(BaseModel):
    """Steps in their order; when steps carry a weight, each iteration does one of them, drawn by weight."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _all_or_none(self) -> Steps:
        weights = [step.weight is not None for step in self.steps]
        if any(weights) and not all(weights):
            raise Wrong("either all steps have a weight (one is drawn each time) or none (all run in order)", hint="weight: 1")
        return self

    @property
    def drawn(self) -> bool:
        """One step each time, by weight, instead of all in order."""
        return self.steps[0].weight is not None
