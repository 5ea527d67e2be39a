"""What a plan says of baselines: which one it is compared with, how much worse is tolerated, and who keeps it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loadstone.plan.quantities import Share


class BaselineSettings(BaseModel):
    """Beside the flags --baseline and --update-baseline, which go before it.

    name:        compared with when there is one of that name; empty: that of the suite is kept, and nothing is compared
    threshold:   worsening of a figure that is tolerated; None: that of `rules`
    rules:       a preset of limits, as `loadstone compare --rules` takes it
    auto_update: a run that passed enters by itself, into a baseline that is made when there is none
    files:       a folder in which a run that passed leaves its figures as performance_baseline_TIME.json; None: it leaves none
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    threshold: Annotated[Share, Field(gt=0)] | None = None
    rules: str = "default"
    auto_update: bool = False
    files: str | None = None
