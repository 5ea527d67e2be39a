"""An event stream as a written step."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, model_validator

from loadstone.plan.http import masked
from loadstone.plan.quantities import Duration


class SseCall(BaseModel):
    """One stream, as `sse: /events` or `sse: {path: /events, limit: 10}` writes it.

    It ends with the stream, or at the first of these, whichever comes first.
    limit: events; timeout: from sent; until: the data, or the name, of the last event that is wanted
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    path: str
    limit: Annotated[int, Field(gt=0)] | None = None
    timeout_s: Duration | None = Field(default=None, alias="timeout")
    until: str | None = None
    headers: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_serializer("headers", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        return [self.path, self.headers]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The path or URL."""
        return (self.path,)
