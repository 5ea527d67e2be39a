"""What a run was, what it asked for and what it measured: everything that is judged, kept and told afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """The load of the judged part, as asked for and as it came to be.

    target_rate:    arrivals per second the plan asks for on average; None when users, not arrivals, were asked for
    achieved_rate:  arrivals per second that were begun, or requests per second where users were asked for
    dropped:        arrivals that found no free session within the patience
    arrivals:       arrivals that were due
    asked_arrivals: arrivals the plan wanted due in that time; None when it asked for users
    users:          most users or sessions that were active at once
    """

    target_rate: float | None
    achieved_rate: float
    requests: int
    errors: int
    dropped: int
    arrivals: int
    asked_arrivals: int | None
    users: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from: enough to repeat the run, and to refuse a comparison of unlike machines.

    git_commit:          None outside a repository
    command:             the command line, secrets masked
    plan_hash:           the same for the same resolved plan
    kernel_clock:        were receive times taken by the kernel?
    clock_resolution_ns: smallest step of the clock that timed the samples
    """

    version: str
    python: str
    platform: str
    kernel: str
    cpu: str
    cores: int
    git_commit: str | None
    seed: int
    command: str
    plan_hash: str
    event_loop: str
    kernel_clock: bool
    clock_resolution_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One run with everything it recorded.

    started_at:  UTC
    seconds:     length of the judged part
    warm_up_s:   length of what came before and is not judged
    total:       the judged part, all seconds and workers together
    workers:     processes that made the load
    interrupted: a person or a signal ended the run before its plan did
    aborted_by:  the gate or stop rule that ended the run early; empty when none did
    clock_steps: how often the wall clock was set during the run
    """

    plan_name: str
    target: str
    started_at: datetime
    seconds: float
    warm_up_s: float
    total: Aggregate
    catalogue: Catalogue
    load: LoadSummary
    provenance: Provenance
    workers: int = 1
    interrupted: bool = False
    aborted_by: str = ""
    clock_steps: int = 0

    @property
    def failures(self) -> Mapping[Failure, int]:
        """How often exchanges failed, per type, step and text."""
        return self.total.failures
