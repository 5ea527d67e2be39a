"""The reference backend for the time of a run, where a plan asks for it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadstone.plan.model import Plan
    from loadstone.plan.probe import ProbePlan

TOKEN = "LOADSTONE_INSIDE_TOKEN"  # noqa: S105  where it stands, not what it is


@contextlib.contextmanager
def aimed(plan: Plan, faults: Sequence[str] = ()) -> Iterator[Plan]:
    """The plan with a target: its own, or that of a reference backend which lives as long as the `with` block.

    faults: for the backend, as `loadstone serve` takes them
    raises: TargetUnreachable when the backend does not start

    That backend is ours, so its process is known, and watched; where the plan reads the inside of its target, there is one.
    """
    if plan.target is not None or not plan.embedded:
        yield plan
        return
    from loadstone.plan.probe import ProbePlan
    from loadstone.reference.process import ReferenceProcess

    token = secrets.token_hex(16)
    probes = tuple(_with_token(probe, token) if _is_of_target(probe) else probe for probe in plan.probes)
    inside = ("--inside",) if probes != plan.probes else ()
    with ReferenceProcess(*inside, *faults, environment={TOKEN: token} if inside else None) as backend:
        own = ProbePlan(kind="process", watches=f"pid:{backend.pid}", settings={"name": "backend"})
        yield plan.model_copy(update={"target": backend.url, "probes": (*probes, own)})


def _is_of_target(probe: ProbePlan) -> bool:
    return probe.kind == "inside" and (not probe.watches or probe.watches.startswith("/"))


def _with_token(probe: ProbePlan, token: str) -> ProbePlan:
    return probe.model_copy(update={"watches": "/_inside", "settings": {**probe.settings, "token": token}})
