"""Users that hold a conversation over the chat API, written in Python (loadstone serve --port 8000)."""

import loadstone as ls


class Talker(ls.User):
    """Opens a session, asks a few questions, closes it."""

    weight = 3
    think = ls.between("200ms", "800ms")

    async def on_start(self) -> None:
        reply = await self.http.post("/api/chat/sessions", json={}, name="open")
        self.vars["session"] = reply.json()["id"]

    async def on_stop(self) -> None:
        await self.http.delete(f"/api/chat/sessions/{self.vars['session']}", name="close")

    @ls.task(weight=5, tags={"kind": "write"})
    async def ask(self) -> None:
        question = self.rng.choice(["What is new?", "Tell me a story.", "How does this work?"])
        path = f"/api/chat/sessions/{self.vars['session']}/messages"
        async with self.group("conversation"):
            reply = await self.http.post(path, json={"text": question}, name="ask")
            self.check(reply.status < 300, "the assistant answered")

    @ls.task(tags={"kind": "read"})
    async def look_back(self) -> None:
        await self.http.get(f"/api/chat/sessions/{self.vars['session']}/messages", name="history")


class Watcher(ls.User):
    """Asks for the list of items once a second, on the second."""

    pacing = ls.pacing("1s")

    @ls.task
    async def items(self) -> None:
        await self.http.get("/api/items", name="items")


suite = ls.Suite(
    "conversation",
    target="http://127.0.0.1:8000",
    scenarios=[ls.Scenario("talk", [Talker, Watcher], ls.ramping_users(1, 20, "5s", hold="10s"), warm_up="5s")],
    gates=["p95(http.response_time{step=ask}) < 2s", "rate(http.errors) < 1%"],
)
