"""Live calls: who is called, what callers say, and what a part that fails must not do to the call."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loadstone as ls
from loadstone.reference.voice import parts

PROTOCOLS = ("pcm", "realtime", "twilio", "wyoming")
RATES_HZ = {"pcm": 16_000, "realtime": 24_000, "twilio": 8_000, "wyoming": 16_000}
AGENT, ORACLE, OWN = "reference agent", "oracle", "your agent"
ENDPOINT_MS = 150  # of the pipeline's calls: what is judged is the work of the parts, not how long they wait for more words
TURN_S = 5.5  # of a call in which answers are heard to their end
FAILING = Path(__file__).with_name("failing_parts.csv")  # a caller for each of them
TOOLS, TOOL_S = ("time", "weather", "coffee"), 2.4  # and how long such a call lasts
BREAKS_OFF: dict[str, Any] = {"hang_up": {"after": "200ms"}}  # the answer's beginning is enough
DEAD_AFTER = "1500ms"
FAILS, RECOVERS = "a part fails", "after the failure"
HESITATION, PAUSES_MS, ENDPOINTS_MS = "hesitation", (300, 700, 1_200), (200, 500, 1_000)
WORDS = ({"speak": "time"}, "wait_answer", {"speak": "weather"}, "wait_answer", {"speak": "coffee"}, "wait_answer")
CONVERSATION = ({"speak": "taxi"}, "wait_answer", {"speak": "goodbye"}, "wait_answer")


@dataclass(frozen=True)
class Callee:
    """Who takes the calls.

    missing: why it is not the real reference agent; empty when it is, or when the user's own is called
    """

    name: str
    protocol: str
    url: str = ""
    missing: str = ""

    def path(self, **switches: object) -> str:
        """Where it is called; a user's own agent knows no switches."""
        if self.name == OWN:
            # Over plain TCP only host and port count, and a path is read as HTTP's.
            return self.url.replace("tcp://", "http://", 1) if self.url.startswith("tcp://") else self.url
        if self.protocol == "wyoming":
            return "/"
        query = "&".join(f"{name}={value}" for name, value in switches.items())
        where = "/voice/agent/" if self.name == AGENT else "/voice/"
        return f"{where}{self.protocol}{f'?{query}' if query else ''}"

    def step(self, name: str, script: tuple[Any, ...], **switches: object) -> dict[str, Any]:
        """A call."""
        return {"name": f"{self.name}: {name}", "voice": {"path": self.path(**switches), "script": list(script)}}

    @property
    def settings(self) -> dict[str, Any]:
        """Of all its calls."""
        return {"protocol": self.protocol, "rate": RATES_HZ[self.protocol], "ramp": "1s"}


def callee(url: str | None, protocol: str) -> Callee:
    """The user's agent at a URL; else the reference agent where its parts are installed; else the oracle."""
    if url:
        return Callee(OWN, protocol, url)
    if protocol == "wyoming":
        return Callee(ORACLE, protocol, missing="over plain TCP the oracle is called")
    if absent := parts.missing():
        return Callee(ORACLE, protocol, missing=f"the reference agent misses {', '.join(absent)}: {parts.INSTALL}")
    return Callee(AGENT, protocol)


def is_agent(url: str | None) -> bool:
    """A URL for calls; others are of the backend that keeps sessions."""
    return bool(url) and str(url).startswith(("ws://", "wss://", "tcp://"))


def origin(url: str) -> str:
    """The target of a plan: of an agent, where it listens."""
    if not is_agent(url):
        return url
    scheme, _, rest = url.partition("://")
    return f"{'https' if scheme == 'wss' else 'http'}://{rest.partition('/')[0]}"


@dataclass(frozen=True)
class Calls:
    """A scenario of the pipeline."""

    profile: ls.ClosedProfile
    steps: list[dict[str, Any]]
    data: dict[str, str] | None = None


@dataclass(frozen=True)
class OwnPipeline:
    """What only its owner knows of an agent: where each part of it is broken, and what makes it use a tool."""

    failing: tuple[tuple[str, str], ...] = ()
    tool_questions: tuple[str, ...] = ()


def own_pipeline(failing: str, questions: str) -> OwnPipeline:
    """From `stt=URL,tts=URL` and `a text|a file`; raises UsageError."""
    broken: list[tuple[str, str]] = []
    for each in filter(None, map(str.strip, failing.split(","))):
        part, _, url = each.partition("=")
        broken.append((part, url))
        if not part or not is_agent(url):
            raise ls.UsageError(f"{each}: no part with its URL", where="--failing", hint="stt=ws://127.0.0.1:8000/broken,tts=ws://…")
    return OwnPipeline(tuple(broken), tuple(each.strip() for each in questions.split("|") if each.strip()))


def pipeline(to: Callee, duration_s: float, own: OwnPipeline = OwnPipeline()) -> dict[str, Calls]:
    """Scenarios by name: one turn, several turns, tools, and parts that fail."""
    at_once: dict[str, object] = {"endpoint_ms": ENDPOINT_MS} if to.name == AGENT else {"delay_ms": ENDPOINT_MS, "speak_s": 1}
    one = ls.constant_users(1, duration_s)
    several = ({"speak": "yes"}, "wait_answer", {"speak": "goodbye"}, BREAKS_OFF)
    found = {
        "one turn": Calls(one, [to.step("one turn", ({"speak": "taxi"}, BREAKS_OFF), **at_once)]),
        "several turns": Calls(one, [to.step("several turns", several, **at_once)]),
    }
    if to.name == OWN:
        if own.tool_questions:
            asked = enumerate(own.tool_questions, 1)
            found["tool calls"] = Calls(one, [to.step(f"tool question {number}", ({"speak": each}, BREAKS_OFF)) for number, each in asked])
        if own.failing:
            steps = [step for part, url in own.failing for step in broken(to, part, url)]
            found["failing parts"] = Calls(ls.per_user_iterations(1, 1, "120s"), steps)
        return found
    rounds = max(1, round(duration_s / (len(TOOLS) * TOOL_S)))  # whole ones: each tool is used as often as the others
    tools = [to.step(f"tool {name}", ({"speak": name}, BREAKS_OFF), **at_once) for name in TOOLS]
    found["tool calls"] = Calls(ls.per_user_iterations(rounds, 1, max(20.0, 3 * duration_s)), tools)
    if to.protocol != "wyoming":
        parts_at_once = len(FAILING.read_text().split()) - 1
        data = {"file": str(FAILING), "take": "per_user"}
        found["failing parts"] = Calls(ls.per_user_iterations(1, parts_at_once, "30s"), failing(to, at_once), data)
    return found


def failing(to: Callee, switches: dict[str, object]) -> list[dict[str, Any]]:
    """A call whose turn is never answered, because the caller's part fails; and one right after it, which is."""
    said, part = {"speak": "time"}, "${row.part}"  # what every part has work to do for
    return [
        to.step(FAILS, (said, {"wait_answer": {"within": DEAD_AFTER}}), fail_every=1, fail_part=part, **switches),
        to.step(RECOVERS, (said, BREAKS_OFF), fail_part=part, **switches),
    ]


def broken(to: Callee, part: str, url: str) -> list[dict[str, Any]]:
    """The same of the user's own agent, which is broken at one URL and whole at the other."""
    said = {"speak": ""}
    return [
        Callee(OWN, to.protocol, url).step(f"{FAILS} ({part})", (said, {"wait_answer": {"within": DEAD_AFTER}})),
        to.step(f"{RECOVERS} ({part})", (said, BREAKS_OFF)),
    ]


def hesitation(to: Callee) -> list[dict[str, Any]]:
    """Callers who pause within what they say, for each pause and each time after which the agent takes the turn.

    A user's own agent has one such time, which is not known here.
    """
    settings: list[dict[str, object]] = [{"endpoint_ms": wait} for wait in ENDPOINTS_MS]
    if to.name == ORACLE:
        settings = [{"delay_ms": wait, "speak_s": 1} for wait in ENDPOINTS_MS]
    if to.name == OWN or to.protocol == "wyoming":
        settings = [{}]
    return [
        to.step(
            f"{f'endpoint {next(iter(switches.values()))} ms, ' if switches else ''}pause {pause} ms",
            ({"speak": f"taxi_{pause}"}, BREAKS_OFF),
            **switches,
        )
        for switches in settings
        for pause in PAUSES_MS
    ]


def statistic(calls: int, duration_s: float) -> str:
    """The highest of the customary percentiles that so many turns can bear; of very few turns, their mean."""
    turns = calls * duration_s / TURN_S
    return "p95" if turns >= 150 else "p90" if turns >= 75 else "mean"
