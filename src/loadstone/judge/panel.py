"""All gates of a plan together: statements, judgements in code, and those that nobody can decide here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loadstone.errors import LoadstoneError, PluginError
from loadstone.judge.gates import GateWatch, undecided
from loadstone.judge.limits import ReadyGate
from loadstone.judge.mistakes import Mistakes
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot, View
from loadstone.plan.gate_text import GateSpec
from loadstone.plan.model import GateLine
from loadstone.plugins import Plugins, installed


class Gate(Protocol):
    """A judgement of a run."""

    def see(self, snapshot: Snapshot, /) -> Verdict | None:
        """One more second, warm-up included; a verdict ends the run, and is the gate's answer."""

    def check(self, view: View, /) -> Verdict:
        """The answer for all that was judged; NO DATA where nothing says anything, never a pass."""


class Past(Protocol):
    """What was measured before, for gates that compare."""

    @property
    def machine(self) -> Mapping[str, object]:
        """What this run is made on and with, as `alike.alikeness` reads it."""

    @property
    def doubted(self) -> Sequence[Any]:
        """Runs (`beside.PastRun`) made just before that were worse, and that this one is to confirm; empty for a run by itself."""

    def baseline(self, name: str, /) -> Any:
        """What is kept under a name (a `beside.Beside`), or for "" what the command line named; None when nobody named anything.

        raises: LoadstoneError when nothing is kept under that name
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan asks of a gate.

    spec:     how reports name it; every verdict carries it
    settings: those of the gate's line in the plan
    allow_few: judge percentiles also on fewer samples than they need
    past:      None where nothing was kept
    """

    spec: GateSpec
    settings: Mapping[str, Any]
    catalogue: Catalogue
    allow_few: bool = False
    past: Past | None = None


# What a plug-in of kind gate is: raises UsageError for settings that cannot be meant.
GateFactory = Callable[[Asked], Gate]


class Statement:
    """The built-in gate: a statistic of a metric, compared with a limit."""

    def __init__(self, asked: Asked) -> None:
        self._watch = GateWatch([asked.spec], asked.catalogue, allow_few=asked.allow_few)

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        fired = self._watch.see(snapshot)
        return fired[0] if fired else None

    def check(self, view: View) -> Verdict:
        """See Gate."""
        return self._watch.verdicts(view)[0]


class Guarded:
    """A gate of another package: what it raises leaves it without an answer, and never ends the run."""

    def __init__(self, spec: GateSpec, kind: str, gate: Gate) -> None:
        self._spec, self._kind, self._gate = spec, kind, gate
        self._failure = ""

    def see(self, snapshot: Snapshot) -> Verdict | None:
        """See Gate."""
        return None if self._failure else self._asked(lambda: self._gate.see(snapshot))

    def check(self, view: View) -> Verdict:
        """See Gate; no data once anything was raised, whatever it would answer."""
        verdict = None if self._failure else self._asked(lambda: self._gate.check(view))
        return verdict or Verdict(
            self._spec, Status.NO_DATA, None, 0.0, "1", 0, self._failure or f"the gate {self._kind!r} gives no verdict"
        )

    def _asked(self, call: Callable[[], Verdict | None]) -> Verdict | None:
        try:
            verdict = call()
        except Exception as error:  # noqa: BLE001  another package's code: anything may come
            self._failure = f"the gate {self._kind!r} raised {type(error).__name__}: {error}"
            return None
        return verdict if isinstance(verdict, Verdict) else None


class Panel:
    """The gates of one run, in the order of the plan.

    raises: PlanError with every gate that does not fit the catalogue, or whose kind is unknown or broken
    """

    def __init__(
        self,
        lines: Iterable[GateLine],
        catalogue: Catalogue,
        plugins: Plugins | None = None,
        *,
        allow_few: bool = False,
        past: Past | None = None,
    ) -> None:
        self._lines = tuple(lines)
        mistakes = Mistakes()
        statements = [line.spec() for line in self._lines if line.is_statement and not line.needs]
        self._statements = GateWatch([], catalogue)
        with mistakes.collected():
            self._statements = GateWatch(statements, catalogue, allow_few=allow_few)
        self._coded: dict[int, Gate] = {}
        self._fired: dict[int, Verdict] = {}
        for at, line in enumerate(self._lines):
            if not line.is_statement and not line.needs:
                asked = Asked(line.spec(), line.settings, catalogue, allow_few, past)
                with mistakes.collected(line.at):
                    known = plugins or installed()
                    gate = _made(asked, line.kind, known)
                    self._coded[at] = Guarded(asked.spec, line.kind, gate) if known.is_foreign("gate", line.kind) else gate
        mistakes.raise_any()

    @property
    def specs(self) -> list[GateSpec]:
        """The statements among them."""
        return [gate.spec for gate in self._statements.gates]

    @property
    def statements(self) -> list[ReadyGate]:
        """The same, ready for the catalogue."""
        return self._statements.gates

    def see(self, snapshot: Snapshot) -> list[Verdict]:
        """One more second; gives the verdicts that end the run."""
        fired = self._statements.see(snapshot)
        for at, gate in self._coded.items():
            verdict = None if at in self._fired else gate.see(snapshot)
            if verdict is not None:
                self._fired[at] = verdict
                fired.append(verdict)
        return fired

    def verdicts(self, view: View) -> list[Verdict]:
        """The answer of every gate, for all that was judged."""
        decided = iter(self._statements.verdicts(view))
        found = []
        for at, line in enumerate(self._lines):
            if line.needs:
                found.append(undecided(line.spec(), line.needs))
            elif at in self._coded:
                found.append(self._fired.get(at) or self._coded[at].check(view))
            else:
                found.append(next(decided))
        return found


def _made(asked: Asked, kind: str, plugins: Plugins) -> Gate:
    factory: GateFactory = plugins.get("gate", kind)
    try:
        return factory(asked)
    except LoadstoneError:
        raise
    except Exception as error:
        package = plugins.find("gate", kind).package
        raise PluginError(f"the gate {kind!r} raised {type(error).__name__}: {error}", where=package) from error
