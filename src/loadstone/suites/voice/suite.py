"""Voice agents from inside: components in process, tools, sessions and their survival, and what measuring itself costs.

`loadstone run voice`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import sys
from typing import Any

import loadstone as ls
from loadstone.suites.voice import listeners, sessions, tool_registry
from loadstone.suites.voice.limits import Limit, limits_of
from loadstone.voice_parts.named import NAMES, factory_of, missing_for

AUTO = "auto"
PARTS = ("detectors", "speech", "tools", "sessions", "restart", "measuring")
TYPES: dict[str, tuple[str, ...]] = {
    "all": PARTS,
    "performance": ("detectors", "speech", "tools", "sessions", "measuring"),
    "stress": ("detectors", "tools", "sessions"),
    "regression": ("detectors", "tools", "sessions"),
    "integration": ("sessions", "restart"),
    "simple": ("tools", "sessions"),
}
HARDER = 4  # times as many users and messages under stress
LEAK_FROM_S = 48  # the shortest course of which a leak can be told
PAUSE = "2ms"  # between two calls of one user: a component is one of several things that a worker does
SOUND_S = 4.0

OPTIONS = (
    ls.Option("type", "all", f"Which tests: {', '.join(TYPES)}.", choices=tuple(TYPES)),
    ls.Option("only", None, f"These parts: {', '.join(PARTS)}; several with commas.", kind="parts", choices=PARTS),
    ls.Option("duration", "10s", "How long each part lasts.", kind="duration", least=2),
    ls.Option("limits", "laptop", "Limits of an environment: laptop, ci, production, or a file."),
    ls.Option("vad", AUTO, "Detectors: webrtcvad, silero or module:attribute, several with commas; auto takes those that are installed."),
    ls.Option("recogniser", AUTO, "Recognisers: pocketsphinx or module:attribute; auto as above."),
    ls.Option("synthesiser", AUTO, "Synthesisers: nanotts or module:attribute; auto as above."),
    ls.Option("rate", 16_000, "Samples per second of the audio.", least=8_000),
    ls.Option("tools", "loadstone.suites.voice.tool_registry:registry", "module:attribute that answers a mapping of names to tools."),
    ls.Option("users", 8, "Users at one time, for tools and sessions.", least=1),
    ls.Option("messages", 10, "Messages of one session.", least=1),
    ls.Option("forget", False, "Fault: the backend forgets its sessions when it is killed, which must be found."),
    ls.Option(
        "url",
        None,
        "The backend that keeps sessions; without a value http://localhost:8000, without the flag the reference backend.",
        bare="http://localhost:8000",
    ),
)
PRESETS = {
    "quick": {"duration": "4s"},
    "full": {"duration": "60s", "users": 20, "messages": 40},
    "stress": {"type": "stress", "duration": "60s"},
    "regression": {"type": "regression", "duration": "15s"},
}


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    parts = options.only or TYPES[options.type]
    plan = Plan(options, limits_of(options.limits))
    for part in parts:
        getattr(plan, part)()
    keeps = "sessions" in parts
    if not plan.scenarios:
        raise ls.UsageError("nothing of what was chosen can run", where="--only", hint="; ".join(plan.skipped))
    return ls.Suite(
        "voice",
        target=options.url if keeps else None,
        embedded=keeps and options.url is None,
        scenarios=plan.scenarios,
        gates=plan.gates,
        metrics=listeners.METRICS | sessions.METRICS,
        results={"files": "voice"},
        graceful_stop="10s",
    )


class Plan:
    """The scenarios, one after another, so that none disturbs the next, and their gates."""

    def __init__(self, options: ls.Options, limits: dict[str, Limit]) -> None:
        self.options, self.limits = options, limits
        self.scenarios: list[ls.Scenario] = []
        self.gates: list[dict[str, str]] = []
        self.skipped: list[str] = []
        self.harder = HARDER if options.type == "stress" else 1

    def detectors(self) -> None:
        """Time per second of audio, memory, and delays at the edges, for each detector by itself."""
        for part in self.chosen("vad"):
            name = f"vad {part}"
            settings = {"part": part, "rate_hz": self.options.rate, "seconds": SOUND_S}
            self.add(name, listeners.Detecting, ls.constant_users(1, self.options.duration), settings=settings)
            self.gate(f"mean(parts.time{{part={part}}}) < {self.limit('vad_ms_per_s')}ms", "vad_speed", "vad_ms_per_s")
            self.gate(f"mean(parts.speed{{part={part}}}) > 1", "vad_speed")
            self.memory(part)

    def speech(self) -> None:
        """What recognisers and synthesisers take for a second of audio: below one second."""
        for kind, users in (("synthesiser", listeners.Synthesising), ("recogniser", listeners.Recognising)):
            for part in self.chosen(kind):
                settings = {"part": part, "rate_hz": self.options.rate, "seconds": SOUND_S}
                self.add(f"{kind} {part}", users, ls.constant_users(1, self.options.duration), settings=settings)
                self.gate(f"mean(parts.rtf{{part={part}}}) < 1", f"{kind}_real_time")

    def tools(self) -> None:
        """Tools by one user, then by several at once."""
        for kind, users in (("one at a time", 1), ("at once", self.options.users * self.harder)):
            settings = {"registry": self.options.tools, "thread": users > 1}
            self.add(f"tools {kind}", tool_registry.Caller, ls.constant_users(users, self.options.duration), settings=settings)
            step = f"{{step=tool run,scenario=tools {kind}}}"
            self.gate(f"mean(call.service_time{step}) < {self.limit('tool_mean_ms')}ms", "tools", "tool_mean_ms")
            self.gate(f"max(call.service_time{step}) < {self.limit('tool_max_ms')}ms", "tools", "tool_max_ms")
            self.gate(f"throughput(call.requests{step}) > {self.limit('tools_per_s')}/s", "tools", "tools_per_s")
        self.gate("rate(call.errors) <= 0%", "tools")

    def sessions(self) -> None:
        """Many sessions at once that come and go, then few that are very large."""
        users = max(self.options.users * self.harder, int(self.limits["concurrent_sessions"].value))
        for name, at_once, messages in (("sessions", users, self.options.messages), ("large sessions", 2, 30 * self.options.messages)):
            profile = ls.constant_users(at_once, self.options.duration)
            self.add(name, sessions.Keeper, profile, settings={"messages": messages * self.harder}, think="1ms")
        for step, limit in (("create session", "create_ms"), ("insert message", "insert_ms"), ("query session", "query_ms")):
            self.gate(f"p95(http.response_time{{step={step},scenario=sessions}}) < {self.limit(limit)}ms", "sessions", limit)
        inserted = "http.requests{step=insert message,scenario=sessions}"
        self.gate(f"throughput({inserted}) > {self.limit('messages_per_s')}/s", "sessions", "messages_per_s")
        at_once = self.limit("concurrent_sessions")
        self.gate(f"max(load.users{{scenario=sessions}}) >= {at_once}", "sessions", "concurrent_sessions")
        self.gate("rate(http.errors) < 1%", "sessions")
        self.gate("rate(check.failures) <= 0%", "sessions")

    def restart(self) -> None:
        """A backend that is killed while it is written to keeps everything that it acknowledged."""
        settings = {"seconds": min(3.0, self.options.duration / 2), "forget": self.options.forget}
        self.add("restart", sessions.Restarting, ls.per_user_iterations(1, 1, "60s"), settings=settings)
        self.gate("sum(sessions.acknowledged) > 0", "survives_restart")
        self.gate("rate(sessions.lost) <= 0%", "survives_restart")

    def measuring(self) -> None:
        """What one measured call costs beside a call in a plain loop."""
        self.add("measuring", listeners.Measuring, ls.constant_users(1, min(self.options.duration, 5)))
        self.gate(f"median(parts.measuring) < {self.limit('measuring_us')}us", "cost_of_measuring", "measuring_us")

    def chosen(self, kind: str) -> list[str]:
        """The components of a kind; what is not installed is told, and when none is left its gate has no data."""
        asked = getattr(self.options, kind)
        if asked != AUTO:
            found = [part.strip() for part in asked.split(",") if part.strip()]
            for part in found:
                factory_of(part, kind)  # a missing package is a mistake where it was asked for by name
            return found
        known = [name for name, named in NAMES.items() if named.kind == kind]
        for name in known:
            if install := missing_for(name):
                self.skipped.append(f"{name} is not installed: {install}")
                sys.stderr.write(f"voice: skipped: {self.skipped[-1]}\n")
        found = [name for name in known if not missing_for(name)]
        if not found:
            hints = " or ".join(missing_for(name) for name in known)
            self.gates.append({"gate": "mean(parts.rtf) < 1", "requirement": f"{kind}_real_time", "name": f"a {kind}", "needs": hints})
        return found

    def add(self, name: str, users: type[ls.User], profile: Any, **settings: Any) -> None:
        """One more scenario, which begins when the one before has ended."""
        after = self.scenarios[-1].name if self.scenarios else None
        self.scenarios.append(ls.Scenario(name, users, profile, after=after, **{"think": PAUSE, **settings}))

    def gate(self, text: str, requirement: str, limit: str = "") -> None:
        """A gate; one whose limit is configurable says where it came from."""
        line = {"gate": text, "requirement": requirement}
        if limit:
            line["name"] = f"{text} [{self.limits[limit].origin}]"
        if line not in self.gates:
            self.gates.append(line)

    def memory(self, part: str) -> None:
        """The process in which a component lives does not grow while it works."""
        self.gate(f"max(parts.growth{{part={part}}}) < {self.limit('growth_mb')}MB", "vad_memory", "growth_mb")
        if self.options.duration >= LEAK_FROM_S:
            self.gate(f"leak(parts.memory{{part={part}}}) = none", "vad_memory")

    def limit(self, name: str) -> Limit:
        return self.limits[name]
