"""An AI web backend with many people talking to it at once: people who stay (light, mixed, heavy), and people who come by.

`loadstone run chat`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import loadstone as ls
from loadstone.suites.chat.wording import WORDING, answer_of, endpoints, filled, found_at, is_like, placed, spoken
from loadstone.suites.ws.users import Assisted, LimitSearch

SHORT = ("Hello", "What can you do?", "Where is my order?", "Thanks!", "How late are you open?")
USUAL = (
    "I was charged twice this month. Can you check both invoices and tell me which one is right?",
    "We are moving our team of twelve to the larger plan. What happens to the seats that we paid for already?",
    "The export stops at row 50,000 every time. Is there a limit, and can somebody raise it?",
)
LONG = "Please summarise these minutes, list every decision with who made it, and mark what is still open. " + " ".join(
    ["The team looked at the figures of the last quarter, compared them with the plan and asked for two more scenarios."] * 12
)
ROOM = 5  # members of a room
USUAL_LIMIT = 200  # connections that a backend of this kind is asked for
HELD = ("target.memory", "target.descriptors", "target.threads", "target.tasks")  # what must not leak
CHECKPOINTS = 12  # of the objects in the backend, over the whole run
SETTLE = "5s"  # of rest, after which it is seen what memory is kept
MOST_MESSAGES = 20  # a conversation ends some time, and a new one begins

PARTS = {"users": "concurrent_users", "visitors": "load_test", "websockets": "websocket_test", "memory": "memory_test"}  # of --only

OPTIONS = (
    ls.Option("all", False, "Every test."),
    ls.Option("only", None, f"These parts: {', '.join(PARTS)}; several with commas.", kind="parts", choices=tuple(PARTS)),
    ls.Option("concurrent-users", False, "The users who stay; this and --load-test when nothing is chosen."),
    ls.Option("load-test", False, "Visitors who come by chance, with a question each."),
    ls.Option("websocket-test", False, "Requirement websocket_stability."),
    ls.Option("memory-test", False, "Requirement memory_efficiency: growth and leaks."),
    ls.Option("users", 25, "Users at one time.", env="MAX_CONCURRENT_USERS", least=1),
    ls.Option("duration", "3m", "How long; a plain number is minutes.", kind="minutes", env="TEST_DURATION_MINUTES", least=1),
    ls.Option("connections", 100, "WebSocket connections.", env="MAX_WEBSOCKET_CONNECTIONS", least=1),
    ls.Option(
        "url",
        None,
        "The backend; without a value http://localhost:8000, without the flag the reference backend.",
        env="AI_BACKEND_URL",
        bare="http://localhost:8000",
    ),
    ls.Option("websocket-url", None, "Where WebSockets are opened, when it is not the backend's URL.", env="WEBSOCKET_URL"),
    ls.Option("inside", False, "With --url: the backend tells its inside at /_inside, to whoever has LOADSTONE_INSIDE_TOKEN."),
    ls.Option("monitoring-interval", "1s", "How often memory is read.", kind="duration", env="MONITORING_INTERVAL", least=0.1),
    ls.Option("memory-leak-threshold", 50, "Growth in MB that counts as a leak.", kind="number", env="MEMORY_LEAK_THRESHOLD_MB", least=0),
    *WORDING,
)
PRESETS = {
    "quick": {"users": 20, "duration": "25s"},
    "ci": {"users": 50, "duration": "90s"},
    "full": {"users": 50, "duration": "5m", "connections": 200},
}


class Light(ls.User):
    """Asks a short question now and then."""

    weight = 5
    think = "3s..8s"
    tags = {"pattern": "light"}

    @ls.task(weight=4)
    async def ask(self) -> None:
        how = self.settings
        reply = await self.http.post(how["ask_path"], json=placed(how["question_field"], self.rng.choice(SHORT)), name="ask")
        if reply.ok:
            self.check(found_at(answer_of(reply), how["answer_field"]), "the answer is not empty")

    @ls.task(weight=1)
    async def look_in(self) -> None:
        if self.settings["health_path"]:
            await self.http.get(self.settings["health_path"], name="health")


class Mixed(ls.User):
    """Keeps a session: several messages, and a look back at what was said."""

    weight = 3
    think = "2s..5s"
    tags = {"pattern": "mixed"}

    async def on_start(self) -> None:
        await self.open_session()

    async def open_session(self) -> None:
        how = self.settings
        who = placed(how["user_field"], f"user {self.index}") if how["user_field"] else {}
        reply = await self.http.post(how["sessions_path"], json=who, name="open session")
        self.vars["session"] = found_at(answer_of(reply), how["session_field"]) if reply.ok else None
        self.vars["answered"] = 0

    @ls.task(weight=4)
    async def send_message(self) -> None:
        how, session = self.settings, self.vars["session"]
        if session is None or self.vars["answered"] >= MOST_MESSAGES:
            await self.open_session()
            return
        body = placed(how["message_field"], self.rng.choice(USUAL))
        reply = await self.http.post(filled(how["messages_path"], id=session), json=body, name="send message")
        if reply.ok:
            self.vars["answered"] += 1
            self.check(found_at(answer_of(reply), how["reply_field"]), "the assistant answers")

    @ls.task(weight=1)
    async def read_history(self) -> None:
        how, session = self.settings, self.vars["session"]
        if session is None or not how["history_path"]:
            return
        reply = await self.http.get(filled(how["history_path"], id=session), name="read history")
        if reply.ok:
            said = answer_of(reply)
            kept = found_at(said, how["history_field"]) if how["history_field"] else said
            self.check(isinstance(kept, list) and len(kept) >= 2 * self.vars["answered"], "every answered message was kept")


class Heavy(ls.User):
    """Sends long texts, and waits for streamed completions to their last token."""

    weight = 2
    think = "1s..3s"
    tags = {"pattern": "heavy"}

    async def on_start(self) -> None:
        self.vars["model"] = self.settings["model"] or "unknown"
        if self.settings["models_path"] and not self.settings["model"]:
            reply = await self.http.get(self.settings["models_path"], name="models")
            self.vars["model"] = (found_at(answer_of(reply), "data.0.id") if reply.ok else None) or "unknown"

    @ls.task
    async def stream_completion(self) -> None:
        body = {
            "model": self.vars["model"],
            "messages": [{"role": "user", "content": LONG}],
            "stream": True,
            "max_tokens": 60,
            "seed": self.rng.randrange(1000),
        }
        reply = await self.http.post(self.settings["completions_path"], json=body, name="stream completion")
        if reply.ok:
            self.check(reply.text.rstrip().endswith("data: [DONE]"), "the stream ends with [DONE]")


class Member(ls.User):
    """Sits in a room of five over a WebSocket, and says something now and then; its own message comes back to it, too."""

    think = "500ms..2s"

    async def on_start(self) -> None:
        path = filled(self.settings["path"], room=f"room-{self.index // ROOM}", user=f"member-{self.index}")
        self.ws = await self.websocket.connect(path, name="chat", ping_every=5)
        self.vars["said"] = 0

    @ls.task
    async def say(self) -> None:
        how = self.settings
        if not self.check(self.ws.ok, "the connection is still open"):
            return
        self.vars["said"] += 1
        message = filled(how["websocket_message"], text=self.rng.choice(SHORT), id=f"{self.index}-{self.vars['said']}")
        await self.ws.request(message, match=how["websocket_match"], timeout=5)

    async def on_stop(self) -> None:
        await self.ws.close()


class Asker(Assisted):
    """Asks the assistant, and watches its typing indicator."""

    async def on_start(self) -> None:
        self.ws = await self.websocket.connect(filled(self.settings["path"], room=f"desk-{self.index}", user="asker"), name="assistant")
        self.asked = 0

    def asks(self, *, fail: bool) -> str:
        return filled(self.settings["websocket_ask"], text=f"question {self.asked}", fail=json.dumps(fail))

    def kind_of(self, message: Any) -> str:
        try:
            value = message.json()
        except ValueError:
            return ""
        signs = {"on": "typing_on", "off": "typing_off", "answer": "answer", "error": "error"}
        return next((kind for kind, key in signs.items() if is_like(value, self.settings[f"websocket_{key}"])), "")


class Crowding(LimitSearch):
    """Opens connections until there is no room."""


class Visitor(Light):
    """Comes by chance with one question, whatever the state of the backend."""

    tags = {"pattern": "visitor"}


STAYING = {"light": Light, "mixed": Mixed, "heavy": Heavy}


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    choose(options)
    some = options.load_test or options.concurrent_users
    users = options.concurrent_users or options.all or not some
    visitors = options.load_test or options.all or not some
    ramp = min(options.duration / 5, 15)  # users come one after another, and nothing is judged before all are there
    scenarios, how = [], spoken(options)
    if users:
        profile = ls.ramping_users(1, options.users, ramp, hold=options.duration - ramp)
        scenarios.append(ls.Scenario("users", [STAYING[each] for each in options.patterns], profile, warm_up=ramp, settings=how))
    if visitors:
        rate = max(1, options.users / 2)
        scenarios.append(ls.Scenario("visitors", Visitor, ls.poisson_rate(rate, options.duration), warm_up=ramp, settings=how))
    sockets, memory = options.websocket_test or options.all, options.memory_test or options.all
    if sockets:
        scenarios += socket_scenarios(options, ramp, how)
    return ls.Suite(
        "chat",
        target=options.url,
        embedded=options.url is None,
        scenarios=scenarios,
        gates=[
            *promises(options, users=users),
            *(socket_promises(options) if sockets else []),
            *(memory_promises(options) if memory else []),
        ],
        probes=[*(process_probes(options) if memory or sockets else []), *(inside_probes(options) if memory else [])],
        settle=SETTLE if memory else 0,
        bands=[
            {"name": "response time, p95", "value": "p95(http.response_time)", "good": "3s", "issue": "5s"},
            {"name": "error rate", "value": "rate(http.errors)", "good": "2%", "concern": "5%", "issue": "10%"},
            *([SOCKET_BAND] if sockets else []),
            *([MEMORY_BAND] if memory else []),
        ],
        baselines={"rules": "chat"},
        results={"files": "chat"},
        endpoints=endpoints(options, users=users, visitors=visitors),
        graceful_stop="10s",
    )


def promises(options: ls.Options, *, users: bool) -> list[dict[str, str]]:
    """What the backend must keep; degradation is a stretch of time in which it does not."""
    stretch = max(1, round(min(10, options.duration / 4)))
    gates = [
        {"gate": "p95(http.response_time) < 5s", "requirement": "response_time_under_5s"},
        {"gate": f"p95(http.response_time) < 5s over {stretch}s", "requirement": "concurrent_user_handling", "name": "no degradation"},
        {"gate": "rate(http.errors) < 5%", "requirement": "concurrent_user_handling"},
        {"gate": "rate(check.failures) < 1%", "name": "answers are answers"},
    ]
    if users:
        reached = f"max(load.users{{scenario=users}}) >= {options.users}"
        gates.append({"gate": reached, "requirement": "concurrent_user_handling", "name": "all users at once"})
    return gates


REFUSED = "rate(ws.connect_failures{scenario=sockets})"
SOCKET_BAND = {"name": "WebSocket success", "value": f"1 - {REFUSED}", "good": "95%", "concern": "90%", "issue": "80%"}
MEMORY_BAND = {"name": "memory with the load", "value": "by_load(target.memory)", "good": "1.5", "issue": "leak"}


def socket_scenarios(options: ls.Options, ramp: float, how: dict[str, Any]) -> list[ls.Scenario]:
    """Members of rooms, a few who watch the typing indicator, and afterwards the search for the most connections."""
    settings = {**how, "path": f"{(options.websocket_url or '').rstrip('/')}{options.websocket_path}", "shown_within": 1.0}
    members = ls.ramping_users(1, options.connections, ramp, hold=options.duration - ramp)
    alone = filled(settings["path"], room="limit", user="nobody")
    search = {"most": max(USUAL_LIMIT, options.connections), "path": alone, "name": "limit search"}
    watched = (
        [ls.Scenario("typing", Asker, ls.constant_users(3, options.duration), settings=settings)] if options.websocket_typing_on else []
    )
    return [
        ls.Scenario("sockets", Member, members, settings=settings),
        *watched,
        ls.Scenario("limit", Crowding, ls.per_user_iterations(1, 1, "1m"), settings=search, after="sockets"),
    ]


def socket_promises(options: ls.Options) -> list[dict[str, str]]:
    """What the backend must keep over WebSockets."""
    gates = [
        {"gate": f"{REFUSED} < 10%", "name": "more than 90% of the connections succeed"},
        {"gate": "rate(ws.drops{scenario=sockets}) < 1%", "name": "connections stay"},
        {"gate": "rate(ws.errors{scenario=sockets}) < 5%", "name": "messages are answered"},
        {"gate": "p95(ws.round_trip_time{scenario=sockets}) < 1s"},
        *([{"gate": "max(ws.typing_shown_time) < 1s", "name": "typing is shown in time"}] if options.websocket_typing_on else []),
        {"gate": f"last(ws.connection_limit) >= {options.connections}", "name": "as many connections as asked for"},
    ]
    return [{**gate, "requirement": "websocket_stability"} for gate in gates]


def memory_promises(options: ls.Options) -> list[dict[str, str]]:
    """Memory grows little, and neither it nor anything else that is held leaks."""
    gates = [
        {"gate": "growth(target.memory) < 500MB", "name": "memory grows little"},
        {"gate": f"growth(target.memory) < {options.memory_leak_threshold:g}MB", "name": "less than counts as a leak"},
        *({"gate": f"leak({held}) = none"} for held in HELD),
    ]
    return [{**gate, "requirement": "memory_efficiency"} for gate in gates]


def process_probes(options: ls.Options) -> list[dict[str, str]]:
    """The process from outside, found by its port where it runs on this machine; that of the reference backend is known anyway."""
    address = urlsplit(options.url or "")
    local = address.hostname in {"localhost", "127.0.0.1", "::1"} and address.port
    return [{"process": f"port:{address.port}", "every": f"{options.monitoring_interval:g}s"}] if local else []


def inside_probes(options: ls.Options) -> list[dict[str, str | int | bool]]:
    """Its inside, where it is a Python target that tells it."""
    if options.url and not options.inside:
        return []
    checkpoint = f"{max(1, options.duration / CHECKPOINTS):g}s"
    return [{"inside": "/_inside", "name": "inside", "every": f"{options.monitoring_interval:g}s", "checkpoint": checkpoint, "trace": 1}]


def choose(options: ls.Options) -> None:
    """What `--only` names, as if each part had been asked for by its own flag."""
    for part in options.only or ():
        setattr(options, PARTS[part], True)
