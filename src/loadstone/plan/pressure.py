"""Pressure on the machine that the run is started on: processor and memory taken away from whatever else runs there."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loadstone.plan.quantities import Delay, Duration, Size
from loadstone.plan.wrong import Wrong
from loadstone.units import format_duration, format_size

EXAMPLE = "pressure: {cpu: 1, memory: 500MB, for: 30s}"


class PressurePlan(BaseModel):
    """What is taken, when, and for how long.

    cpu:     cores kept busy
    memory:  bytes that are written over and over
    for_s:   how long, at most until the load ends
    start_s: counted from the start of the load
    scenario: the one that is to bear it: without the pressure only gates on that one lack data; empty: all do
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    cpu: Annotated[int, Field(ge=0, le=1024)] = 0
    memory: Size | None = None
    for_s: Duration = Field(alias="for")
    start_s: Delay = Field(default=0.0, alias="start")
    scenario: str = ""

    @model_validator(mode="after")
    def _presses(self) -> PressurePlan:
        if not self.cpu and self.memory is None:
            raise Wrong("takes neither cpu nor memory", example=EXAMPLE)
        return self

    def __str__(self) -> str:
        cores = f"{self.cpu} core{'s' if self.cpu > 1 else ''}" if self.cpu else ""
        taken = " and ".join(part for part in (cores, format_size(self.memory) if self.memory else "") if part)
        return f"{taken} for {format_duration(self.for_s)} from {format_duration(self.start_s)} on"
