"""What a store keeps, as it gives it back: runs, baselines, and what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.event import Event
from loadstone.measure.result import Provenance

UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a line; everything but its measurements.

    id:         short, sorts by time; what commands take, or any beginning of it that is unique
    suite:      what was asked to run: a name, or files
    started_at: UTC
    verdict:    as in reports; `unfinished` while it goes on, and for ever if it was killed
    trust:      of the generator: ok, degraded, untrustworthy
    seconds:    length of the judged part
    machine:    class of the machine; machine_text is the same in words
    work_hash:  the same for runs that did the same work: scenarios, profiles and seed, whatever they were called, aimed at or judged by
    other_load: processes that ran or waited before the load began, averaged over a minute; None where unknown
    flagged:    why a comparison marked it as suspicious; empty when none did
    """

    id: str
    plan_name: str
    suite: str
    target: str
    started_at: datetime
    verdict: str = UNFINISHED
    exit_code: int | None = None
    trust: str = ""
    interrupted: bool = False
    seconds: float = 0.0
    warm_up_s: float = 0.0
    seed: int = 0
    version: str = ""
    python: str = ""
    platform: str = ""
    kernel: str = ""
    cpu: str = ""
    cores: int = 0
    machine: str = ""
    machine_text: str = ""
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    other_load: float | None = None
    command: str = ""
    plan_hash: str = ""
    work_hash: str = ""
    event_loop: str = ""
    kernel_clock: bool = False
    clock_resolution_ns: int = 1
    clock_steps: int = 0
    workers: int = 1
    flagged: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Did it come to a judgement?"""
        return self.verdict != UNFINISHED

    @property
    def provenance(self) -> Provenance:
        """Where its numbers come from, as results carry it."""
        return Provenance(
            self.version,
            self.python,
            self.platform,
            self.kernel,
            self.cpu,
            self.cores,
            self.git_commit,
            self.seed,
            self.command,
            self.plan_hash,
            self.event_loop,
            self.kernel_clock,
            self.clock_resolution_ns,
        )


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; None and empty ask for nothing.

    suite:  its name, or the plan's
    since:  UTC; those that began then or later
    most:   the newest so many
    """

    suite: str | None = None
    branch: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    verdict: str | None = None
    machine: str | None = None
    work_hash: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    most: int | None = None


class Span(NamedTuple):
    """A stretch of a run, in seconds since its start."""

    start_s: float
    end_s: float


class Packed(NamedTuple):
    """A stretch of a run as it lies in the store: a section, or a second."""

    seq: int
    start_s: float
    end_s: float
    content: bytes


@dataclass(frozen=True, slots=True)
class RunParts:
    """Everything beside the row, as it lies in the store and in a bundle: bytes that are read when somebody asks.

    totals:   the judged part, packed; empty for a run that did not finish
    document: the JSON report; empty for a run that did not finish
    timeline: the whole run, warm-up and rest included, in stretches of one phase; empty for a run that did not finish, or of old versions
    """

    plan_json: str
    document: bytes = b""
    totals: bytes = b""
    sections: tuple[Packed, ...] = ()
    seconds: tuple[Packed, ...] = ()
    events: tuple[Event, ...] = ()
    timeline: tuple[Packed, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """A run read back.

    plan_json: without its secrets
    document:  the JSON report; empty for a run that did not finish
    totals:    the judged part, as gates and reports saw it
    sections:  the same in at most 64 contiguous stretches, whose places are `spans`; each is unpacked when it is asked for
    """

    row: RunRow
    plan_json: str
    document: Mapping[str, Any]
    totals: Aggregate
    sections: Sequence[Aggregate]
    spans: Sequence[Span]
    events: Sequence[Event]

    @property
    def provenance(self) -> Provenance:
        """Where its numbers come from."""
        return self.row.provenance


@dataclass(frozen=True, slots=True)
class Member:
    """A run of a baseline, or, when it came from a file, only its figures.

    figures: by the names of `store.admission.FIGURES`
    pinned:  stays, however many newer ones there are
    source:  who put it there: a person, a run by itself, or a file's name
    """

    run: RunRow | None
    figures: Mapping[str, float]
    added_at: datetime
    pinned: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which members of a baseline count.

    last:        the newest so many that are not pinned; None: all
    per_branch:  only those of the asked branch
    per_machine: only those of the asked class of machine
    """

    last: int | None = 20
    per_branch: bool = False
    per_machine: bool = True

    def fits(self, member: Member, branch: str | None, machine: str | None) -> bool:
        """Whether a member is of the branch and the machine; None: any. Of one without a run nothing is known: it fits everywhere."""
        run = member.run
        if run is None:
            return True
        other_branch = self.per_branch and branch is not None and run.git_branch != branch
        other_machine = self.per_machine and machine is not None and run.machine != machine
        return not (other_branch or other_machine)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A named set of runs to compare with, oldest first: all its members, or those that its policy lets count."""

    name: str
    policy: Policy
    created_at: datetime
    members: tuple[Member, ...] = ()
    retired_at: datetime | None = None

    @property
    def run_ids(self) -> list[str]:
        """Of the members that are runs."""
        return [member.run.id for member in self.members if member.run is not None]

    def counting(self, branch: str | None, machine: str | None) -> tuple[Member, ...]:
        """The members that count for a branch and a class of machine: those that are pinned, and the newest of the others."""
        fit = [member for member in self.members if self.policy.fits(member, branch, machine)]
        loose = [member for member in fit if not member.pinned]
        kept = loose if self.policy.last is None else loose[max(0, len(loose) - self.policy.last) :]
        return tuple(member for member in fit if member.pinned or member in kept)
