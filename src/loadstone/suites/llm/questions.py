"""What the users of the llm suite ask, and a document that they have worked on; nobody asks what another has asked."""

import time
from collections.abc import Awaitable, Iterable

import loadstone as ls

QUESTIONS = (
    "Which of our two plans is cheaper for a team of twelve that needs exports and single sign-on?",
    "Write a friendly answer to a customer whose parcel has been in customs for nine days.",
    "Explain in three sentences why the invoice of March lists two seats more than the one of April.",
    "Turn these notes into a release note: faster search, CSV export of 200,000 rows, dark mode.",
)
DOCUMENT = (
    "Ticket {number} was opened on 2024-03-14 by customer@example.com. The export of the quarterly report stops at row 50,000, and the"
    " search is slow since the update. The log shows a timeout after 30 seconds. The account was charged twice, 49.90 each; one payment was"
    " refunded on 2024-03-18. Twelve seats are wanted before April. See https://example.com/tickets for the history."
)
SIDE_BY_SIDE = 8  # texts that are transformed at once
TASKS = ("summarize", "extract", "classify")


class Asker(ls.User):
    """Asks what nobody has asked before."""

    def new_question(self) -> str:
        """One that no user has had, and no run with another seed; its first words differ, so that no cache of beginnings helps."""
        self.vars["asked"] = self.vars.get("asked", 0) + 1
        who = f"{self.plan_seed}, {type(self).__name__} {self.index}, question {self.vars['asked']}"
        return f"{who}: {self.rng.choice(QUESTIONS)}"

    def new_document(self) -> str:
        """A text that nobody has had."""
        return DOCUMENT.format(number=self.rng.randrange(10**9))


def popular_question(number: int, seed: int) -> str:
    """One of those that everybody asks; a run with another seed has others."""
    return f"Frequent question {seed}-{number}: {QUESTIONS[number % len(QUESTIONS)]}"


async def elapsed(work: Iterable[Awaitable[object]]) -> float:
    """How long it takes to do one after another, in seconds."""
    begun = time.perf_counter()
    for each in work:
        await each
    return time.perf_counter() - begun
