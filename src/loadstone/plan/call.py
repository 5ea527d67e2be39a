"""A call of a Python callable as a written step."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FieldSerializationInfo, field_serializer, model_validator

from loadstone.plan.http import masked
from loadstone.plan.quantities import Duration

TARGET = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"


class ProcessCall(BaseModel):
    """One call inside the worker, as `call: module:function` or `call: {target: module:function, args: [1, 2]}` writes it.

    args:   a list is given by place, a mapping by name
    thread: a synchronous callable runs in a thread, beside the other users', instead of keeping them all waiting
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    target: Annotated[str, Field(pattern=TARGET)]
    args: list[Any] | dict[str, Any] = Field(default_factory=list, repr=False)
    timeout_s: Duration | None = Field(default=None, alias="timeout")
    thread: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"target": value} if isinstance(value, str) else value

    @field_serializer("args", when_used="json")
    def _without_secrets(self, value: Any, info: FieldSerializationInfo) -> Any:
        return masked(value, info)

    @property
    def texts(self) -> list[Any]:
        """Everything in which places are filled in."""
        return [self.args]

    @property
    def addresses(self) -> tuple[str, ...]:
        """None: nothing is sent anywhere."""
        return ()
