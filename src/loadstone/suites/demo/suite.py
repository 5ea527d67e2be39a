"""An AI backend on a busy afternoon: four kinds of traffic at once, judged by what their users were promised."""

import loadstone as ls

WARM_UP, LENGTH = "2s", "12s"
QUESTIONS = (
    "Where is my parcel?",
    "How do I cancel my subscription?",
    "Which plan has voice calls, and what does it cost for a team of twelve?",
    "My last invoice is wrong: it lists two seats that we gave back in March.",
)


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
    """Waits for a streamed completion to its last token, reads it, asks again."""

    think = "1s..3s"

    @ls.task
    async def stream_completion(self) -> None:
        body = {
            "model": "loadstone-simulator",
            "messages": [{"role": "user", "content": self.rng.choice(QUESTIONS)}],
            "stream": True,
            "max_tokens": 40,
        }
        reply = await self.http.post("/v1/chat/completions", json=body, name="stream completion")
        if reply.ok:
            self.check(reply.text.rstrip().endswith("data: [DONE]"), "the stream ends with [DONE]")


suite = ls.Suite(
    "demo",
    embedded=True,
    scenarios=[
        ls.Scenario("monitoring", profile=ls.constant_rate("20/s", LENGTH), steps=[{"name": "health", "get": "/health"}], warm_up=WARM_UP),
        ls.Scenario("visitors", Visitor, ls.poisson_rate("60/s", LENGTH), warm_up=WARM_UP),
        ls.Scenario("chatters", Chatter, ls.ramping_users(5, 25, WARM_UP, hold="10s"), warm_up=WARM_UP),
        ls.Scenario("writers", Writer, ls.constant_users(20, LENGTH), warm_up=WARM_UP),
    ],
    gates=[
        {"gate": "p95(http.response_time{step=ask}) < 200ms", "requirement": "questions_answered_at_once"},
        {"gate": "p95(http.response_time{scenario=chatters}) < 300ms", "requirement": "chat_stays_fluent"},
        {"gate": "p90(http.time_to_first_byte{step=stream completion}) < 500ms", "requirement": "streams_start_soon"},
        {"gate": "p90(http.response_time{step=stream completion}) < 5s", "requirement": "response_time_under_5s"},
        {"gate": "p95(http.response_time{step=health}) < 250ms", "requirement": "monitoring_never_blind"},
        {"gate": "rate(http.errors) < 1%", "requirement": "concurrent_user_handling"},
        {"gate": "rate(check.failures) < 1%", "requirement": "answers_are_answers"},
    ],
)
