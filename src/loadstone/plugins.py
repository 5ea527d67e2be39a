"""Names that a suite or a flag may choose, and where the code behind each lives: built-in ones and other packages'."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from loadstone.errors import LoadstoneError, PluginError

_PROFILES = "loadstone.plan.profiles"
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "client": {
        "http": "loadstone.clients.http:HttpClients",
        "voice": "loadstone.clients.voice.client:VoiceClients",
        "websocket": "loadstone.clients.websocket_client:WebSocketClients",
        "llm": "loadstone.clients.llm.client:LlmClients",
        "sse": "loadstone.clients.sse_client:SseClients",
        "speech": "loadstone.clients.voice.speech_http:SpeechClients",
        "call": "loadstone.clients.call:CallClients",
    },
    "profile": {
        "burst": f"{_PROFILES}:Burst",
        "constant-rate": f"{_PROFILES}:ConstantRate",
        "constant-users": f"{_PROFILES}:ConstantUsers",
        "gamma": "loadstone.plan.traffic:GammaRate",
        "per-user-iterations": f"{_PROFILES}:PerUserIterations",
        "poisson-rate": f"{_PROFILES}:PoissonRate",
        "ramping-rate": f"{_PROFILES}:RampingRate",
        "ramping-users": f"{_PROFILES}:RampingUsers",
        "shared-iterations": f"{_PROFILES}:SharedIterations",
        "soak": f"{_PROFILES}:soak",
        "spike": f"{_PROFILES}:spike",
        "stages": f"{_PROFILES}:stages",
        "trace": "loadstone.plan.traffic:TraceArrivals",
    },
    "metric": {},
    "gate": {
        "baseline": "loadstone.judge.regression:BaselineGate",
        "breaking_point": "loadstone.judge.breaking_point:BreakingPointGate",
        "leak_again": "loadstone.judge.leak_again:LeakAgainGate",
        "per_connection": "loadstone.judge.per_connection:PerConnectionGate",
        "recovery": "loadstone.judge.recovery:RecoveryGate",
        "regression": "loadstone.judge.regression:RegressionGate",
        "saving": "loadstone.judge.saving:SavingGate",
        "scaling": "loadstone.judge.scaling_gate:ScalingGate",
        "saturation": "loadstone.judge.queue_growth:SaturationGate",
        "statement": "loadstone.judge.panel:Statement",
    },
    "sink": {
        "lines": "loadstone.live.lines:line_view",
        "log": "loadstone.report.series:snapshot_log",
        "resources": "loadstone.report.resources:resource_records",
        "store": "loadstone.store.recording:store_sink",
        "terminal": "loadstone.live.terminal:terminal_view",
    },
    "report": {
        "bencher": "loadstone.report.bencher:render_bencher",
        "csv": "loadstone.report.csv:render_csv",
        "github-benchmark-bigger": "loadstone.report.benchmark_action:render_bigger",
        "github-benchmark-smaller": "loadstone.report.benchmark_action:render_smaller",
        "hdr": "loadstone.report.hdr_log:render_hdr_log",
        "html": "loadstone.report.html.page:render_html",
        "json": "loadstone.report.json:render_json",
        "junit": "loadstone.report.junit:render_junit",
        "md": "loadstone.report.markdown:render_markdown",
        "png": "loadstone.report.images:render_png",
        "svg": "loadstone.report.images:render_svg",
        "text": "loadstone.report.text:render_file",
    },
    "probe": {
        "command": "loadstone.probes.command:CommandProbe",
        "gpu": "loadstone.probes.gpu:GpuProbe",
        "inside": "loadstone.probes.inside:InsideProbe",
        "json": "loadstone.probes.json_endpoint:JsonProbe",
        "machine": "loadstone.probes.whole_machine:MachineProbe",
        "process": "loadstone.probes.process:ProcessProbe",
        "prometheus": "loadstone.probes.prometheus:PrometheusProbe",
        "remote": "loadstone.probes.remote:RemoteProbe",
    },
    "result_file": {
        "bot": "loadstone.suites.bot.files:FILES",
        "chat": "loadstone.suites.chat.files:FILES",
        "llm": "loadstone.suites.llm.files:FILES",
        "voice": "loadstone.suites.voice.files:FILES",
    },
    "speech": {
        "noise": "loadstone.synth.said:noisy",
        "say": "loadstone.synth.said:say",
    },
    "store": {
        "postgres": "loadstone.store.postgres:PostgresStore",
        "postgresql": "loadstone.store.postgres:PostgresStore",
        "sqlite": "loadstone.store.sqlite:SqliteStore",
    },
    "suite": {
        "bot": "loadstone.suites.bot.suite",
        "chat": "loadstone.suites.chat.suite",
        "demo": "loadstone.suites.demo.suite",
        "llm": "loadstone.suites.llm.suite",
        "voice": "loadstone.suites.voice.suite",
        "workflow": "loadstone.suites.workflow.suite",
    },
}
OWN = "loadstone"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A name of a kind, the `module:attribute` behind it, and the package that brings it."""

    kind: str
    name: str
    target: str
    package: str = OWN

    def load(self) -> Any:
        """The object itself; raises PluginError, with the reason, when it does not load."""
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = import_module(module)
            for part in attribute.split(".") if attribute else ():
                found = getattr(found, part)
        except Exception as error:  # whatever another package raises while it is imported
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(
                f"the {self.kind} {self.name!r} ({self.target}) does not load: {reason}",
                where=self.package,
                hint="loadstone plugins, or reinstall the package",
            ) from error
        return found


class Plugins:
    """Everything that can be chosen by name; nothing is imported before it is chosen."""

    def __init__(
        self, built_in: Mapping[str, Mapping[str, str]] = BUILT_IN, points: Mapping[str, Iterable[EntryPoint]] | None = None
    ) -> None:
        self._by_kind: dict[str, dict[str, list[Plugin]]] = {}
        for kind, names in built_in.items():
            for name, target in names.items():
                self._add(Plugin(kind, name, target))
            for point in points.get(kind, ()) if points is not None else entry_points(group=f"loadstone.{kind}s"):
                self._add(Plugin(kind, point.name, point.value, point.dist.name if point.dist else "unknown package"))

    def _add(self, plugin: Plugin) -> None:
        self._by_kind.setdefault(plugin.kind, {}).setdefault(plugin.name, []).append(plugin)

    def names(self, kind: str) -> list[str]:
        """The names of a kind, sorted."""
        return sorted(self._by_kind.get(kind, {}))

    def all(self) -> list[Plugin]:
        """Every claim to a name, also where two claim the same, sorted by kind and name."""
        claims = [claim for kind in self._by_kind.values() for same in kind.values() for claim in same]
        return sorted(claims, key=lambda plugin: (plugin.kind, plugin.name, plugin.package))

    def find(self, kind: str, name: str) -> Plugin:
        """The plugin of that name; raises PluginError when nobody, or more than one, claims it."""
        claims = self._by_kind.get(kind, {}).get(name, [])
        if not claims:
            known = self.names(kind)
            close = difflib.get_close_matches(name, known, n=1)
            listed = ", ".join(known) or "(none)"
            hint = f"{close[0]} (known: {listed})" if close else f"one of {listed}"
            raise PluginError(f"unknown {kind} {name!r}", hint=hint)
        if len(claims) > 1:
            packages = " and ".join(f"{claim.package} ({claim.target})" for claim in claims)
            raise PluginError(f"the {kind} {name!r} is claimed by {packages}", hint="uninstall one of them")
        return claims[0]

    def get(self, kind: str, name: str) -> Any:
        """The object behind a name; raises PluginError."""
        return self.find(kind, name).load()

    def is_foreign(self, kind: str, name: str) -> bool:
        """Does another package bring it? Then what it raises is no bug of ours."""
        return self.find(kind, name).package != OWN

    def make(self, kind: str, name: str, *given: Any, **named: Any) -> Any:
        """What the callable behind a name makes of the arguments; what another package's raises becomes a PluginError that names it."""
        plugin = self.find(kind, name)
        factory = plugin.load()
        try:
            return factory(*given, **named)
        except LoadstoneError:
            raise
        except Exception as error:
            if plugin.package == OWN:
                raise
            raise PluginError(f"the {kind} {name!r} raised {type(error).__name__}: {error}", where=plugin.package) from error


@cache
def installed() -> Plugins:
    """The plug-ins of this environment, read once."""
    return Plugins()
