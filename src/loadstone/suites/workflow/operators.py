"""Who uses the system: an operator has a text worked on, waits for its end, reads what became of it."""

import time
from typing import Any

import loadstone as ls
from loadstone.suites.workflow.system import TEXTS, field_of, filled

ASK_AGAIN_S = (0.02, 0.5)  # wait before a run is asked for again: the first time, and at most
GIVEN_UP = {"failed", "failure", "error", "errored", "aborted", "cancelled", "canceled", "timed_out", "rejected"}  # and asked for no more
READ_BACK = 0.25  # of the runs that were done at once, so many are read once more

METRICS = {
    "workflow.duration": {"unit": "s", "better": "lower", "meaning": "from the start of a workflow until it was seen to be done"},
    "workflow.runs": {"kind": "count", "better": "higher", "meaning": "workflows that were started, or were refused"},
    "workflow.unfinished": {
        "kind": "count",
        "better": "lower",
        "share_of": "workflow.runs",
        "meaning": "of these, those that were not seen to come to their end",
    },
}


class Operator(ls.User):
    """Has a text worked on, reads what became of it, thinks."""

    @ls.task
    async def run_workflow(self) -> None:
        began_ns = time.monotonic_ns()
        done = await self.executed()
        self.record("workflow.runs", 1)
        self.record("workflow.unfinished", int(not done))
        if done:
            self.record("workflow.duration", (time.monotonic_ns() - began_ns) / 1e9)

    async def executed(self) -> bool:
        """Did one workflow come to its end?"""
        system = self.settings
        body = filled(system["body"], self.rng.choice(TEXTS))
        expect = {"expect": 201} if system["own"] else {}
        reply = await self.http.post(system["path"], json=body, name="run workflow", **expect)
        if not reply.ok:
            return False
        run = document_of(reply)
        if not system["done"]:
            return True  # nobody said how its end is known
        number = field_of(run, system["id_field"])
        if not system["own"] and not is_done(run, system["done"]) and system["run_path"] and number is not None:
            run = await self.awaited(str(number))
        done = self.check(is_done(run, system["done"]), "the workflow came to its end")
        if done and system["own"] and self.rng.random() < READ_BACK:
            kept = await self.http.get(system["run_path"].replace("{id}", str(number)), name="read run")
            if kept.ok:
                self.check(field_of(document_of(kept), "output") == field_of(run, "output"), "the run was kept as it was answered")
        return done

    async def awaited(self, number: str) -> Any:
        """The run when it is done, or as it was when time was up."""
        system, (wait_s, most_s), run = self.settings, ASK_AGAIN_S, None
        ends_ns = time.monotonic_ns() + int(system["timeout_s"] * 1e9)
        while time.monotonic_ns() < ends_ns:
            await self.sleep(wait_s)
            wait_s = min(2 * wait_s, most_s)
            reply = await self.http.get(system["run_path"].replace("{id}", number), name="read run")
            if reply.ok:
                run = document_of(reply)
                if is_done(run, system["done"]) or str(field_of(run, system["done"][0])).lower() in GIVEN_UP:
                    break
        return run


def is_done(run: Any, done: list[Any]) -> bool:
    """Does the run say that it came to its end?"""
    name, values = done
    return str(field_of(run, name)) in values


def document_of(reply: Any) -> Any:
    """The answer's JSON; None where it is none."""
    try:
        return reply.json()
    except ValueError:
        return None
