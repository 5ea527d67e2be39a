"""What a plan says of its result files, beside those that every run leaves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loadstone.plan.quantities import Duration


class ResultSettings(BaseModel):
    """Files that a run with --out leaves beside its own.

    files: a table of result files by name; empty for none
    every: so often those for it are written while the run goes on; None: only at the end
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    files: str = ""
    every_s: Annotated[Duration, Field(ge=1)] | None = Field(default=None, alias="every")
