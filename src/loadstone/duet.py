"""Two targets loaded in turns of a few requests, on one machine, until it is clear whether one of them is slower."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loadstone.clients.address import split_url
from loadstone.clients.reach import check_reachable
from loadstone.clients.wire import Wire
from loadstone.clock import SECOND
from loadstone.errors import NoSamples, TargetUnreachable, UsageError
from loadstone.event_loop import new_event_loop
from loadstone.judge.duet_figures import Judges
from loadstone.judge.duet_outcome import Facts, Outcome, Pace
from loadstone.load.slices import Slice, Slices
from loadstone.plan.model import Plan
from loadstone.probes.cpu_share import CpuShare
from loadstone.probes.strain import Strain

SLICE = 15  # requests of an arm in a pair: as finely as possible, and still enough for a median
CALIBRATION_S, CALIBRATION_USERS = 0.5, 16
LOAD_SHARE = 0.6  # of the measured capacity: nearer to it, queues turn small differences of the machine into large ones of times
MOST_USERS = 8
RESTART_AFTER = (4, 8, 40, 160)  # pairs: three instances of each before the first look; starting them is what takes long
SETTLE, SETTLE_S = 30, 1.0  # requests that a fresh instance gets before it is measured; where they take longer than that, fewer
FIRST_LOOK = 12  # pairs; of slow requests turns are shorter, so that it fits into half of the time


class Target(Protocol):
    """One side of a duet.

    name:      as reports show it, without secrets
    restarts:  can be stopped and started again
    """

    name: str
    restarts: bool

    def launch(self) -> None:
        """Begin to start, without waiting: what starts together takes as long as the slowest."""

    def start(self) -> str:
        """The URL where it answers, waited for; raises TargetUnreachable when it does not."""

    def stop(self) -> None:
        """End what `start` began; twice does no harm."""

    def spent(self) -> tuple[float, int] | None:
        """Processor seconds so far, and how many processors it may use; None when nobody can know."""

    def gone(self) -> str:
        """Why it cannot answer any more; empty while nothing is known to be wrong."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a duet is played.

    limit:      the share of worsening that is tolerated; of failures, in points, `error_limit`
    users:      at once on an arm; None: measured, so that the load stays below 60 % of the capacity
    most_pairs: ends there at the latest, or after `most_s` seconds
    """

    limit: float = 0.05
    quantiles: tuple[float, ...] = (0.5,)
    seed: int = 1
    most_pairs: int = 80
    most_s: float = 120.0
    users: int | None = None
    error_limit: float = 0.005
    slice_requests: int = SLICE


@dataclass
class _Arm:
    key: str
    target: Target
    plan: Callable[[str], Plan]
    slices: Slices | None = None
    url: str = ""
    reasons: Counter[str] = field(default_factory=Counter)

    async def open(self, wire: Wire) -> Slices:
        """Start the target and connect to it."""
        self.url = self.target.start()
        plan = self.plan(self.url)
        check_reachable(split_url(plan.target or self.url, unix=plan.http.unix_socket or "")[0])
        self.slices = Slices(plan, wire)
        return self.slices

    async def close(self) -> None:
        """Let go of the connections; the target goes on."""
        slices, self.slices = self.slices, None
        if slices is not None:
            await slices.close()

    def check(self, taken: Slice) -> None:
        """Raises TargetUnreachable when nobody is there any more."""
        self.reasons.update(taken.reasons)
        why = self.target.gone()
        if not why and taken.failed and taken.unreached >= taken.asked:
            try:
                check_reachable(split_url(self.url)[0])
            except TargetUnreachable as error:
                why = error.what
        if why:
            hint = "look at its own log; a comparison with a target that is gone says nothing"
            raise TargetUnreachable(f"{self.key} is gone: {why}", where=self.target.name, hint=hint)


def duet(
    a: Target,
    b: Target,
    plan: Callable[[str, str], Plan],
    terms: Terms,
    *,
    control: Target | None = None,
    told: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Compare B with A.

    plan:    from "a" or "b" and the URL of an instance to what is asked of it
    control: a second A, or the same one, which shows what a difference of nothing looks like here
    told:    hears after every pair how it stands
    raises:  TargetUnreachable when a target does not answer, at the start or later; UsageError

    Ctrl-C ends it with what is known so far.
    """
    if terms.slice_requests < 1 or terms.most_pairs < 1:
        raise UsageError("a duet needs at least one pair of one request", where="--pairs")
    arms = [_Arm("A", a, lambda url: plan("a", url)), _Arm("B", b, lambda url: plan("b", url))]
    if control is not None:
        arms.append(_Arm("A′", control, lambda url: plan("a", url)))
    course = _Course(arms, terms, told)
    try:
        with termination_as_interrupt(), asyncio.Runner(loop_factory=new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
            runner.run(course.play())
        return course.outcome()
    finally:
        for arm in arms:
            arm.target.stop()


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM means what Ctrl-C means: what was started must be ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Course:
    """What is learnt while a duet goes on."""

    def __init__(self, arms: Sequence[_Arm], terms: Terms, told: Callable[[Outcome], None]) -> None:
        self._arms, self._terms, self._told = arms, terms, told
        self._rng = random.Random(f"{terms.seed}/duet")
        self._judges = Judges(terms.limit, terms.quantiles, terms.most_pairs, terms.error_limit)
        self._pace: Pace | None = None
        self._restarts, self._began = 0, time.monotonic()
        self._ended, self._a_first = "", True
        self._busy: list[float] = []
        self._slice_requests = terms.slice_requests

    async def play(self) -> None:
        """The whole duet."""
        wire = Wire(asyncio.get_running_loop())
        try:
            await self._open(self._arms, wire)
            self._pace = await self._calibrate()
            each_s = await self._settle()
            left_s = self._terms.most_s - (time.monotonic() - self._began)
            self._slice_requests = slice_that_fits(self._terms.slice_requests, each_s * len(self._arms), left_s)
            await self._pairs(wire)
        except asyncio.CancelledError:
            self._ended = "interrupted"
            raise
        finally:
            for arm in self._arms:
                await arm.close()
            wire.close()

    def outcome(self) -> Outcome:
        """How it stands."""
        self._ended = self._ended or "interrupted"
        return self._now(final=True)

    def _now(self, *, final: bool = False) -> Outcome:
        return self._judges.outcome(
            final=final,
            facts=Facts(
                names={arm.key: arm.target.name for arm in self._arms},
                seconds=time.monotonic() - self._began,
                pace=self._pace or Pace(),
                restarts=self._restarts,
                cpu=sum(self._busy) / len(self._busy) if self._busy else None,
                reasons={arm.key: dict(arm.reasons) for arm in self._arms},
            ),
            ended=self._ended,
        )

    async def _pairs(self, wire: Wire) -> None:
        terms, deadline, cpu = self._terms, self._began + self._terms.most_s, CpuShare()
        strain, strained = Strain({arm.key: arm.target.spent for arm in self._arms}), None
        restartable = [arm for arm in self._arms if arm.target.restarts]
        for number in range(1, terms.most_pairs + 1):
            order = self._order(number)
            taken = {arm.key: await self._slice(arm, strain) for arm in order}
            if (busy := cpu.look()) is not None:
                self._busy.append(busy)
            if (seen := strain.look()) is not None:
                strained = seen
            first = next(arm.key for arm in order if arm.key != "A′")
            self._judges.take(
                taken["A"], taken["B"], taken.get("A′"), first=first, cpu=strained, paced=self._pace is not None and self._pace.every_ns > 0
            )
            decided = self._judges.look()
            self._told(self._now())
            if decided:
                early = "clear" if self._judges.clear else "futile"
                self._ended = early if number < terms.most_pairs else "pairs"
                return
            if time.monotonic() >= deadline:
                self._ended = "time"
                return
            if number in RESTART_AFTER and number < terms.most_pairs and restartable:
                await self._restart(restartable, wire)
                strain.begin()
        self._ended = "pairs"

    def _order(self, number: int) -> list[_Arm]:
        """Who comes when: A and B shuffled in twos, AB BA or BA AB, so that each is first equally often; A′ anywhere."""
        if number % 2:
            self._a_first = self._rng.random() < 0.5
        else:
            self._a_first = not self._a_first
        order = list(self._arms[:2] if self._a_first else self._arms[1::-1])
        for control in self._arms[2:]:
            order.insert(self._rng.randrange(3), control)
        return order

    async def _slice(self, arm: _Arm, strain: Strain) -> Slice:
        assert arm.slices is not None
        assert self._pace is not None
        end = strain.slice(arm.key)
        taken = await arm.slices.play(self._slice_requests, self._pace.users, self._pace.every_ns)
        end()
        arm.check(taken)
        return taken

    async def _restart(self, arms: Sequence[_Arm], wire: Wire) -> None:
        """Fresh processes: hash seeds and memory layouts make instances of the same code differ."""
        for arm in arms:
            await arm.close()
            arm.target.stop()
        await self._open(arms, wire)
        self._restarts += 1
        await self._settle()

    async def _open(self, arms: Sequence[_Arm], wire: Wire) -> None:
        for arm in arms:
            arm.target.launch()
        for arm in arms:
            await arm.open(wire)

    async def _settle(self) -> float:
        """Seconds that an iteration of a slice takes, of the slowest arm."""
        slowest = 0.0
        for arm in self._arms:
            assert arm.slices is not None
            assert self._pace is not None
            users, every_ns = self._pace.users, self._pace.every_ns
            taken = await arm.slices.play(users, users, every_ns)
            _refuse_failing(arm, taken)
            each_s = taken.seconds / users
            if (more := min(SETTLE, round(SETTLE_S / each_s)) - users) > 0:
                taken = await arm.slices.play(more, users, every_ns)
                arm.check(taken)
                each_s = taken.seconds / more
            slowest = max(slowest, each_s)
        return slowest

    async def _calibrate(self) -> Pace:
        """Users and pace that keep both arms at or below 60 % of what the slower one can do."""
        if self._terms.users is not None:
            return Pace(self._terms.users)
        paces = []
        for arm in self._arms[:2]:
            alone = await self._measure(arm, 1)
            paces.append(pace_of(alone, max(alone, await self._measure(arm, CALIBRATION_USERS))))
        return min(paces, key=lambda pace: pace.rate_per_s)

    async def _measure(self, arm: _Arm, users: int) -> float:
        """Iterations per second of so many users that never rest."""
        assert arm.slices is not None
        taken, iterations = await arm.slices.play_for(CALIBRATION_S, users)
        _refuse_failing(arm, taken)
        return iterations / taken.seconds


def slice_that_fits(wanted: int, all_arms_s: float, left_s: float) -> int:
    """Iterations of a slice, as many as wanted or fewer, so that the pairs of the first look take half of the time that is left.

    all_arms_s: of one iteration on every arm
    """
    fitting = int(left_s / 2 / FIRST_LOOK / all_arms_s) if all_arms_s > 0 else wanted
    return min(wanted, max(1, fitting))


def _refuse_failing(arm: _Arm, taken: Slice) -> None:
    """Before anything is compared there must be something to compare."""
    arm.check(taken)
    if taken.failed >= taken.asked:
        reason = next(iter(taken.reasons), "nothing was asked")
        raise NoSamples(
            f"every request to {arm.key} failed: {reason}", where=arm.target.name, hint="loadstone hit on the same URL tells more"
        )


def pace_of(alone_per_s: float, capacity_per_s: float) -> Pace:
    """The most users whose load is at most 60 % of the capacity; one that is too much already has to wait between requests.

    alone_per_s: iterations per second of one user; capacity_per_s: of very many
    """
    users = int(LOAD_SHARE * capacity_per_s / alone_per_s)
    if users >= 1:
        return Pace(min(users, MOST_USERS), 0, capacity_per_s, alone_per_s * min(users, MOST_USERS))
    return Pace(1, round(SECOND / (LOAD_SHARE * capacity_per_s)), capacity_per_s, LOAD_SHARE * capacity_per_s)
