"""A whole plan in simulated time: the real engine, sessions and recorder, with scripted answers in the place of a target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loadstone.clock import SECOND
from loadstone.load.behaviour import StepsBehaviour, UserBehaviour
from loadstone.load.control import Control
from loadstone.load.engine import Engine, EngineLimits
from loadstone.load.merge import merge
from loadstone.load.scene import Scene
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.declared import declared
from loadstone.measure.recorder import Recorder
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan, ScenarioPlan
from loadstone.plan.user import User
from loadstone.testing.client import Script, ScriptedClient, ScriptedTarget, constant
from loadstone.testing.clock import START_NS, SimulatedLoop, run_simulated, simulated_loop

MOST_SESSIONS = 10_000
Classes = Mapping[str, Sequence[type[User]]]


@dataclass(slots=True)
class Simulation:
    """What came of a simulated run.

    snapshots: of all workers together, in order of time
    ended_s:   second of the run at which the last session had ended
    """

    plan: Plan
    target: ScriptedTarget
    engines: list[Engine] = field(default_factory=list)
    recorders: list[Recorder] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    ended_s: float = 0.0

    @property
    def judged(self) -> Aggregate:
        """The judged part."""
        return Aggregate(snapshot for snapshot in self.snapshots if snapshot.judged)

    @property
    def everything(self) -> Aggregate:
        """Warm-up and judged part together."""
        return Aggregate(self.snapshots)

    def stop(self) -> None:
        """Stop all workers gracefully."""
        for engine in self.engines:
            engine.stop()

    def cut(self) -> None:
        """Stop all workers at once."""
        for engine in self.engines:
            engine.cut()


def simulate(
    plan: Plan,
    target: ScriptedTarget | Script | None = None,
    *,
    users: Classes | None = None,
    meanwhile: Callable[[Simulation], None] = lambda _run: None,
    sink: Callable[[Snapshot], None] | None = None,
    before: Sequence[tuple[Control, float]] = (),
    turn_ns: int = 0,
    most_s: float = 1e6,
) -> Simulation:
    """Run a plan, with as many engines as it has workers, in simulated time.

    users:     classes per scenario, in the place of the steps that the plan gives it
    meanwhile: called when the run begins; it may use `loadstone.testing.clock.at` to interfere later
    sink:      takes the snapshots of each worker as they come; they are not kept then
    before:    what was asked for in an earlier part of the run, with seconds of 0 or less
    raises:    StandsStill when the run hangs
    """
    if not isinstance(target, ScriptedTarget):
        target = ScriptedTarget(target or constant(0.001))
    run = Simulation(plan, target)
    return run_simulated(_play(run, users or {}, meanwhile, sink, before), turn_ns=turn_ns, most_s=most_s)


async def _play(
    run: Simulation,
    users: Classes,
    meanwhile: Callable[[Simulation], None],
    sink: Callable[[Snapshot], None] | None,
    before: Sequence[tuple[Control, float]],
) -> Simulation:
    loop = simulated_loop()
    emitted: list[list[Snapshot]] = [[] for _ in range(run.plan.workers)]

    def taker(worker: int) -> Callable[[list[Snapshot]], None]:
        def take(snapshots: list[Snapshot]) -> None:
            for snapshot in snapshots:
                sink(snapshot) if sink is not None else emitted[worker].append(snapshot)

        return take

    run.engines = [_engine(run, loop, users, worker, taker(worker)) for worker in range(run.plan.workers)]
    meanwhile(run)
    async with asyncio.TaskGroup() as group:
        for engine in run.engines:
            group.create_task(engine.run(START_NS, before))
    run.ended_s = (loop.now_ns() - START_NS) / SECOND
    run.snapshots = merge(emitted)
    return run


def _engine(run: Simulation, loop: SimulatedLoop, users: Classes, worker: int, emit: Callable[[list[Snapshot]], None]) -> Engine:
    plan, recorder, timers = run.plan, Recorder(), loop.timers()

    def scene(scenario: ScenarioPlan) -> Scene:
        classes = users.get(scenario.name)
        made = Scene(
            scenario,
            UserBehaviour(classes) if classes else StepsBehaviour(scenario.steps),
            recorder=recorder,
            timers=timers,
            catalogue=Catalogue(declared(plan.metrics)),
            speak=lambda _kind, session: ScriptedClient(made, session, run.target),
            tags=plan.tags,
            seed=plan.seed,
            worker=worker,
            workers=plan.workers,
        )
        run.scenes.append(made)
        return made

    limits = EngineLimits(round(plan.patience_s * SECOND), round(plan.graceful_stop_s * SECOND), MOST_SESSIONS)
    run.recorders.append(recorder)
    return Engine([scene(scenario) for scenario in plan.scenarios], recorder, timers, limits, emit)
