"""An AI backend on a busy afternoon: five kinds of traffic at once, then callers of its voice agent, judged by what users were promised."""

import loadstone as ls
from loadstone.reference.voice import parts

WARM_UP, LENGTH = "2s", "12s"
QUESTIONS = (
    "Where is my parcel?",
    "How do I cancel my subscription?",
    "Which plan has voice calls, and what does it cost for a team of twelve?",
    "My last invoice is wrong: it lists two seats that we gave back in March.",
)
# Two calls, after all else: what is heard of an agent is worth little while its caller and five kinds of traffic share one core.
# In the warm-up the agent loads what it hears and speaks with; 800 judged frames can bear eight late ones, a burst of a neighbour.
CALLERS, CALL_WARM_UP, CALL_LENGTH = 2, "3s", "11s"
CALL = ({"speak": "time"}, {"hang_up": {"after": "300ms"}})


class Visitor(ls.User):
    """Comes by chance, asks one question, reads the answer."""

    @ls.task
    async def ask(self) -> None:
        reply = await self.http.post("/api/ask", json={"question": self.rng.choice(QUESTIONS)}, name="ask")
        if reply.ok:
            self.check(reply.json()["answer"], "the answer is not empty")


class Chatter(ls.User):
    """Keeps a session: a few messages, a look back, a pause for thought between them."""

    think = "300ms..1500ms"

    async def on_start(self) -> None:
        reply = await self.http.post("/api/chat/sessions", json={"user": f"user {self.index}"}, name="open session")
        self.vars["session"] = reply.json()["id"] if reply.ok else ""

    @ls.task(weight=4)
    async def send_message(self) -> None:
        if not self.vars["session"]:
            await self.on_start()
            return
        place = f"/api/chat/sessions/{self.vars['session']}/messages"
        reply = await self.http.post(place, json={"text": self.rng.choice(QUESTIONS)}, name="send message")
        if reply.ok:
            self.check(reply.json()["role"] == "assistant", "the assistant answers")

    @ls.task(weight=1)
    async def read_history(self) -> None:
        if self.vars["session"]:
            await self.http.get(f"/api/chat/sessions/{self.vars['session']}/messages", name="read history")


class Writer(ls.User):
    """Talks with the model: reads each answer as it is written, thinks, asks on with all that was said before."""

    think = "500ms..1500ms"

    async def on_start(self) -> None:
        self.talk = self.llm.conversation("Be brief.", name="streamed answer")

    @ls.task
    async def ask(self) -> None:
        answer = await self.talk.say(self.rng.choice(QUESTIONS))
        if answer.ok:
            self.check(answer.text, "the model says something")


class Member(ls.User):
    """Sits in a room of five over a WebSocket; what it says comes back to all of them."""

    think = "200ms..800ms"

    async def on_start(self) -> None:
        path = f"/ws/chat?room=room-{self.index // 5}&user=member-{self.index}"
        self.ws = await self.websocket.connect(path, name="room")

    @ls.task
    async def say(self) -> None:
        said = {"type": "message", "text": self.rng.choice(QUESTIONS), "id": self.rng.randrange(10**9)}
        await self.ws.request(json=said, match="json.id", timeout=5)

    async def on_stop(self) -> None:
        await self.ws.close()


SCENARIOS = [
    ls.Scenario("monitoring", profile=ls.constant_rate("20/s", LENGTH), steps=[{"name": "health", "get": "/health"}], warm_up=WARM_UP),
    ls.Scenario("visitors", Visitor, ls.poisson_rate("60/s", LENGTH), warm_up=WARM_UP),
    ls.Scenario("chatters", Chatter, ls.ramping_users(5, 25, WARM_UP, hold="10s"), warm_up=WARM_UP),
    ls.Scenario("writers", Writer, ls.constant_users(30, LENGTH), warm_up=WARM_UP),
    ls.Scenario("rooms", Member, ls.constant_users(20, LENGTH), warm_up=WARM_UP),
]
GATES = [
    {"gate": "p95(http.response_time{step=ask}) < 200ms", "requirement": "questions_answered_at_once"},
    {"gate": "p95(http.response_time{scenario=chatters}) < 300ms", "requirement": "chat_stays_fluent"},
    {"gate": "p90(llm.ttft) < 500ms", "requirement": "streams_start_soon"},
    {"gate": "p95(llm.token_gap) < 200ms", "requirement": "streams_flow"},
    {"gate": "p95(ws.round_trip_time) < 200ms", "requirement": "rooms_are_lively"},
    {"gate": "p95(http.response_time{step=health}) < 250ms", "requirement": "monitoring_never_blind"},
    {"gate": "rate(http.errors) < 1%", "requirement": "concurrent_user_handling"},
    {"gate": "rate(check.failures) < 1%", "requirement": "answers_are_answers"},
]


def calls() -> list[ls.Scenario]:
    """Calls of the real voice agent, where its parts are installed."""
    if parts.missing():
        return []
    steps = [{"name": "a call", "voice": {"path": "/voice/agent/pcm", "script": list(CALL)}}]
    return [ls.Scenario("callers", profile=ls.constant_users(CALLERS, CALL_LENGTH), steps=steps, warm_up=CALL_WARM_UP, after="rooms")]


def call_gates() -> list[dict[str, str]]:
    """What callers were promised; with so few turns it is the mean that is judged."""
    if parts.missing():
        return []
    return [
        {"gate": "mean(voice.response_gap) < 1500ms", "requirement": "callers_hear_an_answer"},
        {"gate": "rate(voice.dead_turn) <= 0%", "requirement": "callers_hear_an_answer"},
    ]


suite = ls.Suite(
    "demo",
    embedded=True,
    scenarios=[*SCENARIOS, *calls()],
    llm={"model": "loadstone-simulator", "max_tokens": 40},
    voice={"protocol": "pcm", "rate": 16_000, "ramp": "1s"},
    gates=[*GATES, *call_gates()],
)
