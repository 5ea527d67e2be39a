"""How a plan wants language models to be asked: settings of all calls, and one call as a written step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, field_validator, model_validator

from loadstone.plan.http import masked
from loadstone.plan.prompts import PromptPlan
from loadstone.plan.quantities import Duration, Rate
from loadstone.plan.wrong import Wrong

Dialect = Literal["chat", "completions", "responses", "messages"]
# What each kind of call is asked at, below the target.
PATHS: dict[str, str] = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "embeddings": "/v1/embeddings",
}
TokenLimit = Annotated[int, Field(gt=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LlmSettings(_Settings):
    """What holds for every call of a language model that does not say otherwise."""

    dialect: Dialect = "chat"
    model: str = ""
    path: str | None = None
    stream: bool = True
    max_tokens: TokenLimit | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    system: str | None = None
    usage: bool = True
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)
    prompts: PromptPlan | None = None
    tokenizer: str | None = None
    stall_s: Duration | None = Field(default=None, alias="stall")
    reader_rate: Rate = 10.0

    @field_validator("tokenizer")
    @classmethod
    def _nameable(cls, value: str | None) -> str | None:
        if value is not None and not value.endswith(".json") and not all(part for part in value.partition(":")):
            raise Wrong("must be module:function, or a tokenizer.json", example="my_tokens:count")
        return value

    @field_serializer("extra", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)


class LlmCall(_Settings):
    """One call, as `llm: {prompt: …}` writes it; what it leaves out is as in the settings.

    Without a question of its own it asks the next of the settings' prompts; of conversations, all turns.
    """

    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = Field(default=None, repr=False)
    embed: str | tuple[str, ...] | None = None
    dialect: Dialect | None = None
    model: str | None = None
    path: str | None = None
    stream: bool | None = None
    max_tokens: TokenLimit | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    system: str | None = None
    tools: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    remember: bool = False
    leave_after_s: Duration | None = Field(default=None, alias="leave_after")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """`llm: Say hello` is a prompt."""
        return {"prompt": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_question(self) -> LlmCall:
        given = [name for name in ("prompt", "messages", "embed") if getattr(self, name) is not None]
        if len(given) > 1:
            raise Wrong(f"has {' and '.join(given)}: keep one", hint="llm: {prompt: Say hello}")
        if self.messages is not None and not self.messages:
            raise Wrong("has no messages", hint="messages: [{role: user, content: Say hello}]")
        return self

    @field_serializer("extra", "headers", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def takes_prompt(self) -> bool:
        """Is its question the next of the settings' prompts?"""
        return self.prompt is None and self.messages is None and self.embed is None

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        parts = (self.prompt, self.messages, self.embed, self.model, self.path, self.system, self.tools, self.extra, self.headers)
        return [list(part) if isinstance(part, tuple) else part for part in parts if part]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Paths or URLs it speaks to, as far as the step alone says it; the settings' path is below the target, too."""
        return (self.path or PATHS["embeddings" if self.embed is not None else self.dialect or "chat"],)
