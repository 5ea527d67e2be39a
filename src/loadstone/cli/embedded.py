"""The reference backend for the time of a run, where a plan asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadstone.plan.model import Plan


@contextlib.contextmanager
def aimed(plan: Plan, faults: Sequence[str] = ()) -> Iterator[Plan]:
    """The plan with a target: its own, or that of a reference backend which lives as long as the `with` block.

    faults: for the backend, as `loadstone serve` takes them
    raises: TargetUnreachable when the backend does not start

    That backend is ours, so its process is known, and watched.
    """
    if plan.target is not None or not plan.embedded:
        yield plan
        return
    from loadstone.plan.probe import ProbePlan
    from loadstone.reference.process import ReferenceProcess

    with ReferenceProcess(*faults) as backend:
        own = ProbePlan(kind="process", watches=f"pid:{backend.pid}", settings={"name": "backend"})
        yield plan.model_copy(update={"target": backend.url, "probes": (*plan.probes, own)})
