"""Voice agents: components in process, tools, sessions and their survival, what measuring costs, and live calls at the ear.

`loadstone run voice`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import sys
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.suites.voice import covered, listeners, live, measuring, memory, own_sessions, sessions, tool_registry
from loadstone.suites.voice.limits import Limit, limits_of
from loadstone.voice_parts.named import NAMES, factory_of, missing_for

AUTO = "auto"
PARTS = ("detectors", "turns", "speech", "tools", "sessions", "restart", "measuring", "pipeline", "calls", "hearing", "hesitation")
BY_NAME = ("hearing", "hesitation")
TYPES: dict[str, tuple[str, ...]] = {
    "all": tuple(part for part in PARTS if part not in BY_NAME),
    "performance": ("detectors", "turns", "speech", "tools", "sessions", "measuring", "pipeline", "calls"),
    "stress": ("detectors", "tools", "sessions", "calls"),
    "regression": ("detectors", "tools", "sessions", "calls"),
    "integration": ("sessions", "restart", "pipeline"),
    "simple": ("tools", "sessions"),
}
HARDER = 4  # times as many users and messages under stress
LEAK_FROM_S = 48  # the shortest course of which a leak can be told
WORSE = 0.1  # than the baseline, and the type `regression` fails
PAUSE = "2ms"  # between two calls of one user: a component is one of several things that a worker does
SOUND_S = 4.0
CALL_S = 6.0  # the shortest time in which a call is held

OPTIONS = (
    ls.Option("type", "all", f"Which tests: {', '.join(TYPES)}.", choices=tuple(TYPES)),
    ls.Option("only", None, f"These parts: {', '.join(PARTS)}; several with commas.", kind="parts", choices=PARTS),
    ls.Option("duration", "10s", "How long each part lasts.", kind="duration", least=2),
    ls.Option("limits", "laptop", "Limits of an environment: laptop, ci, production, or a file."),
    ls.Option("vad", AUTO, "Detectors: webrtcvad, silero or module:attribute, several with commas; auto takes those that are installed."),
    ls.Option("turn-detector", AUTO, "Turn detectors: pause or module:attribute; auto as above."),
    ls.Option("recogniser", AUTO, "Recognisers: pocketsphinx or module:attribute; auto as above."),
    ls.Option("synthesiser", AUTO, "Synthesisers: nanotts or module:attribute; auto as above."),
    ls.Option("rate", 16_000, "Samples per second of the audio.", least=8_000),
    ls.Option(
        "tools",
        "loadstone.suites.voice.tool_registry:registry",
        "module:attribute that answers a mapping of names to tools, or http://…: GET lists their names, POST …/NAME runs one.",
    ),
    ls.Option("sessions", "", "Where sessions are kept in place of a backend: sqlite:FILE, or module:factory of a store of your own."),
    ls.Option("users", 8, "Users at one time, for tools and sessions.", least=1),
    ls.Option("messages", 10, "Messages of one session.", least=1),
    ls.Option("calls", 4, "Calls at one time.", least=1),
    ls.Option("protocol", "pcm", f"How calls are held: {', '.join(live.PROTOCOLS)}.", choices=live.PROTOCOLS),
    ls.Option("restart-command", "", "With --url http://…: starts the backend that listens there; it is killed and started again."),
    ls.Option("failing", "", "PART=URL,…: your own agent with that part broken; a call there, then one to --url."),
    ls.Option("tool-questions", "", "What is asked of your own agent that needs a tool: WAV files, or texts, with | between."),
    ls.Option("memory", False, "The target's memory is judged while there are sessions and calls; the type stress does so."),
    ls.Option("max-regression", None, "Against --baseline; the type regression asks for 10%.", kind="percent"),
    ls.Option("coverage", "", "A package: after all else, its components and tools run once more, untimed, for coverage as HTML."),
    ls.Option("coverage-dir", "coverage", "Folder for that."),
    ls.Option("forget", False, "Fault: the backend forgets its sessions when it is killed, which must be found."),
    ls.Option(
        "url",
        None,
        "ws://, wss:// or tcp://: the agent that is called. http://: the backend that keeps sessions; without a value "
        "http://localhost:8000. Without the flag both are the reference backend's.",
        bare="http://localhost:8000",
    ),
)
PRESETS = {
    "quick": {"duration": "2s"},
    "full": {"duration": "60s", "users": 20, "messages": 40, "calls": 10},
    "stress": {"type": "stress", "duration": "60s"},
    "regression": {"type": "regression", "duration": "15s"},
    "soak": {"only": "calls", "duration": "10m", "memory": True},
}
# What `loadstone capacity voice` is about, unless its flags say otherwise: a call lasts longer than a request.
CAPACITY = {"only": "calls", "by": "calls", "level_time": "20s", "max_time": "8m"}


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    parts = options.only or TYPES[options.type]
    plan = Plan(options, limits_of(options.limits))
    for part in parts:
        getattr(plan, part)()
    if options.coverage:
        plan.covered()
    plan.regression()
    keeps, calls = "sessions" in parts and not options.sessions, bool({"pipeline", "calls", *BY_NAME} & set(parts))
    target = live.origin(options.url) if options.url and (keeps != live.is_agent(options.url)) else None
    if not plan.scenarios:
        raise ls.UsageError("nothing of what was chosen can run", where="--only", hint="; ".join(plan.skipped))
    return ls.Suite(
        "voice",
        target=target,
        embedded=(keeps or calls) and target is None,
        scenarios=plan.scenarios,
        gates=plan.gates,
        metrics=listeners.METRICS | measuring.METRICS | sessions.METRICS | memory.METRICS | (covered.METRICS if options.coverage else {}),
        results={"files": "voice"},
        baselines={"rules": "voice"},
        voice=plan.to.settings if calls else None,
        graceful_stop="15s",
    )


class Plan:
    """The scenarios, one after another, so that none disturbs the next, and their gates."""

    def __init__(self, options: ls.Options, limits: dict[str, Limit]) -> None:
        self.options, self.limits = options, limits
        self.scenarios: list[ls.Scenario] = []
        self.gates: list[dict[str, str]] = []
        self.skipped: list[str] = []
        agent = options.url if live.is_agent(options.url) else None
        self.to = live.callee(agent, options.protocol)
        self.harder = HARDER if options.type == "stress" else 1
        self.last: str | None = None
        self.compared: list[str] = []
        self.worse: float | None = options.max_regression or (WORSE if options.type == "regression" else None)

    def detectors(self) -> None:
        """Time per second of audio, memory, and delays at the edges, for each detector by itself."""
        for part in self.chosen("vad"):
            name = f"vad {part}"
            settings = {"part": part, "rate_hz": self.options.rate, "seconds": SOUND_S}
            self.add(name, listeners.Detecting, ls.constant_users(1, self.options.duration), settings=settings)
            self.gate(f"mean(parts.time{{part={part}}}) < {self.limit('vad_ms_per_s')}ms", "vad_speed", "vad_ms_per_s")
            self.gate(f"mean(parts.speed{{part={part}}}) > 1", "vad_speed")
            self.memory(part)
            self.compared.append(f"mean(parts.time{{part={part}}})")

    def turns(self) -> None:
        """How often a turn detector cuts callers off, against how long it lets them wait; told, and only its speed judged."""
        for part in self.chosen("turn_detector"):
            settings = {"part": part, "rate_hz": self.options.rate}
            self.add(f"turns {part}", listeners.Turning, ls.constant_users(1, self.options.duration), settings=settings)
            self.gate(f"mean(parts.speed{{part={part}}}) > 1", "turn_detector_speed")
            self.gate(f"rate(parts.not_taken{{part={part}}}) <= 0%", "turns_are_taken")

    def speech(self) -> None:
        """What recognisers and synthesisers take for a second of audio: below one second."""
        for kind, users in (("synthesiser", listeners.Synthesising), ("recogniser", listeners.Recognising)):
            for part in self.chosen(kind):
                settings = {"part": part, "rate_hz": self.options.rate, "seconds": SOUND_S}
                self.add(f"{kind} {part}", users, ls.constant_users(1, self.options.duration), settings=settings)
                self.gate(f"mean(parts.rtf{{part={part}}}) < 1", f"{kind}_real_time")

    def tools(self) -> None:
        """Tools by one user, then by several at once."""
        remote = self.options.tools.startswith(("http://", "https://"))
        users_of, by = (tool_registry.RemoteCaller, "http") if remote else (tool_registry.Caller, "call")
        for kind, users in (("one at a time", 1), ("at once", self.options.users * self.harder)):
            settings = {"registry": self.options.tools, "thread": users > 1}
            self.add(f"tools {kind}", users_of, ls.constant_users(users, self.options.duration), settings=settings)
            step = f"{{step=tool run,scenario=tools {kind}}}"
            self.gate(f"mean({by}.service_time{step}) < {self.limit('tool_mean_ms')}ms", "tools", "tool_mean_ms")
            self.gate(f"max({by}.service_time{step}) < {self.limit('tool_max_ms')}ms", "tools", "tool_max_ms")
            self.gate(f"throughput({by}.requests{step}) > {self.limit('tools_per_s')}/s", "tools", "tools_per_s")
            self.compared.append(f"mean({by}.service_time{step})")
        self.gate(f"rate({by}.errors) <= 0%", "tools")

    def sessions(self) -> None:
        """Many sessions at once that come and go, then few that are very large."""
        users, own = max(self.options.users * self.harder, int(self.limits["concurrent_sessions"].value)), self.options.sessions
        if own:
            own_sessions.opened(own)  # a mistake ends here, before there is load
        for name, at_once, messages in (("sessions", users, self.options.messages), ("large sessions", 2, 30 * self.options.messages)):
            profile, settings = ls.constant_users(at_once, self.options.duration), {"messages": messages * self.harder, "store": own}
            if not own:
                self.watched(name, self.options.duration)
            self.add(name, own_sessions.OwnKeeper if own else sessions.Keeper, profile, settings=settings, think="1ms")
        by = "call" if own else "http"
        for step, limit in (("create session", "create_ms"), ("insert message", "insert_ms"), ("query session", "query_ms")):
            here = f"{{step={step},scenario=sessions}}"
            self.compared.append(f"p95({by}.response_time{here})")
            self.gate(f"p95({by}.response_time{here}) < {self.limit(limit)}ms", "sessions", limit)
        inserted = f"{by}.requests{{step=insert message,scenario=sessions}}"
        self.gate(f"throughput({inserted}) > {self.limit('messages_per_s')}/s", "sessions", "messages_per_s")
        at_once = self.limit("concurrent_sessions")
        self.gate(f"max(load.users{{scenario=sessions}}) >= {at_once}", "sessions", "concurrent_sessions")
        self.gate(f"rate({by}.errors) < 1%", "sessions")
        self.gate("rate(check.failures) <= 0%", "sessions")

    def restart(self) -> None:
        """A backend that is killed while it is written to keeps everything that it acknowledged."""
        url, command = self.options.url or "", self.options.restart_command
        if command and not url.startswith(("http://", "https://")):
            raise ls.UsageError("where does it listen?", where="--restart-command", hint="--url http://127.0.0.1:8000")
        settings = {"seconds": min(3.0, self.options.duration / 2), "forget": self.options.forget, "command": command, "url": url}
        settings["store"] = "" if command else self.options.sessions
        self.add("restart", sessions.Restarting, ls.per_user_iterations(1, 1, "60s"), settings=settings)
        self.gate("sum(sessions.acknowledged) > 0", "survives_restart")
        self.gate("rate(sessions.lost) <= 0%", "survives_restart")

    def measuring(self) -> None:
        """What one measured call costs beside a call in a plain loop: of nothing at all, and of a tool."""
        remote, limit = self.options.tools.startswith(("http://", "https://")), self.limit("measuring_us")
        settings = {"registry": "" if remote else self.options.tools, "limit_us": limit.value}
        self.add("measuring", measuring.Measuring, ls.constant_users(1, min(self.options.duration, 5)), settings=settings)
        self.gate(f"median(parts.measuring{{operation={measuring.NOTHING}}}) < {limit}us", "cost_of_measuring", "measuring_us")
        if not remote:
            self.gate("median(parts.measuring_allowed) < 1", "cost_of_measuring", "measuring_us")

    def pipeline(self) -> None:
        """Audio in to first audio out, by one caller: one turn, several, with tools, and with parts that fail."""
        if not self.callable():
            return
        own = live.own_pipeline(self.options.failing, self.options.tool_questions)
        for name, calls in live.pipeline(self.to, max(CALL_S / 2, self.options.duration / 2), own).items():
            self.steps(name, calls.profile, calls.steps, data=calls.data)
            here = f"{{scenario={name}}}"
            self.gate(f"rate(voice.call_errors{here}) <= 0%", "pipeline")
            if name != "failing parts":
                self.gate(f"mean(voice.response_gap{here}) < {self.limit('answer_ms')}ms", "pipeline", "answer_ms")
                self.gate(f"rate(voice.dead_turn{here}) <= 0%", "pipeline")
                continue
            for step in calls.steps:
                if live.FAILS in step["name"] and self.to.name != live.OWN:  # another agent may say that it is sorry
                    self.gate(f"rate(voice.dead_turn{{step={step['name']}}}) >= 100%", "pipeline_recovers")
                if live.RECOVERS in step["name"]:
                    self.gate(f"rate(voice.dead_turn{{step={step['name']}}}) <= 0%", "pipeline_recovers")

    def calls(self) -> None:
        """Many calls at once."""
        if not self.callable():
            return
        calls, duration = self.options.calls * self.harder, max(CALL_S, self.options.duration)
        self.watched("calls", duration)
        self.steps("calls", ls.constant_users(calls, duration), [self.to.step("a call", live.CONVERSATION)])
        self.compared.append("mean(voice.response_gap{scenario=calls})")
        here, highest = "{scenario=calls}", live.statistic(calls, duration)
        setup = highest
        if list(self.options.only or ()) == ["calls"]:
            highest, setup = "p95", "p90"  # a search for capacity takes as many turns, and half as many calls, as they need
        self.gate(f"{highest}(voice.response_gap{here}) <= {self.limit('gap_ms')}ms", "calls", "gap_ms")
        self.gate(f"{setup}(voice.call_setup{here}) <= {self.limit('setup_ms')}ms", "calls", "setup_ms")
        self.gate(f"rate(voice.call_errors{here}) < 5%", "calls")
        self.gate(f"rate(voice.dead_turn{here}) < 5%", "calls")

    def hearing(self) -> None:
        """The same words said by one caller, then by many: how many of them the agent gets wrong, where it tells what it heard."""
        if not self.callable():
            return
        duration = max(2 * CALL_S, self.options.duration)
        for name, calls in (("heard alone", 1), ("heard at once", self.options.calls * self.harder)):
            self.steps(name, ls.constant_users(calls, duration), [self.to.step("what was said", live.WORDS)])
            self.gate(f"rate(voice.wer{{scenario={name}}}) < {self.limit('wer_percent')}%", "words_are_heard", "wer_percent")

    def regression(self) -> None:
        """Each part's main figure against the baseline's; without a baseline there is no data."""
        if self.worse is None:
            return
        for figure in self.compared:
            self.gate(f"regression({figure}) < {self.worse * 100:.12g}%", "regression")

    def watched(self, part: str, duration: float) -> None:
        """The target's memory while a part goes on: what it grows by, and whether it leaks."""
        if not (self.options.memory or self.options.type == "stress"):
            return
        if why := memory.unreadable(self.options.url):
            self.skip(why)
            return
        settings = {"part": part, "port": urlsplit(self.options.url).port if self.options.url else None}
        watching = ls.constant_users(1, duration)
        self.scenarios.append(
            ls.Scenario(f"memory of {part}", memory.Watcher, watching, after=self.last, settings=settings, think=memory.EVERY)
        )
        if duration >= memory.GROWTH_FROM_S:
            grown = f"growth(service.memory{{part={part}}}) < {self.limit('growth_mb')}MB"
            self.gate(grown, "memory_stability", "growth_mb")
        if duration >= memory.LEAK_FROM_S:
            self.gate(f"leak(service.memory{{part={part}}}) = none", "memory_stability")

    def hesitation(self) -> None:
        """How often an agent cuts off callers who pause, against how long it lets them wait: told, and not judged."""
        if not self.callable():
            return
        self.steps(live.HESITATION, ls.per_user_iterations(1, self.options.calls, "180s"), live.hesitation(self.to))
        self.gate(f"rate(voice.call_errors{{scenario={live.HESITATION}}}) <= 0%", live.HESITATION)

    def covered(self) -> None:
        """What lines of a package the components in process reach; in a process of its own, so that no timed call pays for it."""
        covered.check()
        chosen = [(kind, part) for kind in ("vad", "turn_detector", "recogniser", "synthesiser") for part in self.own(kind)]
        if not self.options.tools.startswith(("http://", "https://")):
            chosen.append(("tools", self.options.tools))
        if self.options.sessions:
            chosen.append(("sessions", self.options.sessions))
        settings = {"package": self.options.coverage, "folder": self.options.coverage_dir, "rate_hz": self.options.rate, "chosen": chosen}
        self.add("coverage", covered.Covering, ls.per_user_iterations(1, 1, "120s"), settings=settings)
        self.gate("mean(parts.coverage) > 0", "coverage_is_written")

    def own(self, kind: str) -> list[str]:
        """The components of a kind that were named as `module:attribute`."""
        return [part for part in getattr(self.options, kind).split(",") if ":" in part]

    def callable(self) -> bool:
        """Is there somebody to call? Says who stands in for the real agent."""
        if self.options.url is not None and self.to.name != live.OWN:
            self.skip("live calls need an agent: --url ws://HOST/PATH")
            return False
        if self.to.missing:
            self.skip(f"{self.to.missing}; the oracle, which understands nothing, takes the calls")
        return True

    def skip(self, why: str) -> None:
        """Something that is left out is told, once."""
        if why not in self.skipped:
            self.skipped.append(why)
            sys.stderr.write(f"voice: skipped: {why}\n")

    def steps(self, name: str, profile: Any, steps: list[dict[str, Any]], **settings: Any) -> None:
        """One more scenario of written steps, which begins when the one before has ended."""
        self.scenarios.append(ls.Scenario(name, profile=profile, steps=steps, after=self.last, **settings))
        self.last = name

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
                self.skip(f"{name} is not installed: {install}")
        found = [name for name in known if not missing_for(name)]
        if not found:
            hints = " or ".join(missing_for(name) for name in known)
            self.gates.append({"gate": "mean(parts.rtf) < 1", "requirement": f"{kind}_real_time", "name": f"a {kind}", "needs": hints})
        return found

    def add(self, name: str, users: type[ls.User], profile: Any, **settings: Any) -> None:
        """One more scenario, which begins when the one before has ended."""
        self.scenarios.append(ls.Scenario(name, users, profile, after=self.last, **{"think": PAUSE, **settings}))
        self.last = name

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
