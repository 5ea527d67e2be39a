"""A suite that scores the answers it gets, and gates on its own scores; it brings its own backend: loadstone run scored.py."""

import loadstone as ls

GOOD_WORDS = 2


class Judge(ls.User):
    """Asks, scores the answer by its length, and counts the answers that are too short to be one."""

    think = "20ms"

    @ls.task
    async def ask(self) -> None:
        reply = await self.http.post("/api/ask", json={"question": "How does this work?"}, name="ask")
        if reply.status != 200:
            return
        words = len(reply.text.split())
        self.record("answers.score", min(1.0, words / GOOD_WORDS))
        self.record("answers.scored", 1)
        if words < GOOD_WORDS:
            self.record("answers.short", 1)


suite = ls.Suite(
    "scored",
    embedded=True,
    metrics={
        "answers.score": {"unit": "1", "better": "higher", "meaning": "how good an answer is, from 0 to 1"},
        "answers.scored": {"kind": "count", "meaning": "answers that were scored"},
        "answers.short": {"kind": "count", "better": "lower", "share_of": "answers.scored", "meaning": "answers too short to be one"},
    },
    scenarios=[ls.Scenario("judges", Judge, ls.constant_users(3, "4s"))],
    gates=["p50(answers.score) >= 0.5", "rate(answers.short) < 5%", "count(answers.scored) > 20"],
)
