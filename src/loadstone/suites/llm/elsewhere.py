"""The parts of the llm suite for a service of another make: what only the reference backend has, asked of the model itself.

A transformation is an instruction with a document; the API is what the service answers without its model; a whole request is a
conversation about a document, with the parts of the API before and after.
"""

import asyncio
from typing import Any

import loadstone as ls
from loadstone.suites.llm.questions import SIDE_BY_SIDE, TASKS, Asker, elapsed

INSTRUCTIONS = {
    "summarize": "Summarize this ticket in one sentence.",
    "extract": "List the dates, amounts and addresses in this ticket.",
    "classify": "Is this ticket about money, speed, or something else? Answer in one word.",
}


class Instructor(Asker):
    """Has texts transformed: by a path of the service's own where it has one, else by the model."""

    async def transform(self, task: str, name: str) -> bool:
        """One text, a new one each time; did a result come?"""
        text, path = self.new_document(), self.settings["transform_path"]
        if path:
            return bool((await self.http.post(path, json={"task": task, "text": text}, name=name)).ok)
        answer = await self.llm.chat(f"{text}\n\n{INSTRUCTIONS[task]}", stream=False, name=name)
        return bool(answer.ok and answer.text.strip())


class InstructedTransformer(Instructor):
    """Has single texts transformed."""

    @ls.task
    async def single(self) -> None:
        self.check(await self.transform(self.rng.choice(TASKS), "transform"), "there is a result")


class InstructedParalleliser(Instructor):
    """Has the same number of texts transformed one after another, then side by side."""

    @ls.task
    async def compare(self) -> None:
        serial = await elapsed(self.transform("classify", "one after another") for _ in range(SIDE_BY_SIDE))
        parallel = await elapsed([asyncio.gather(*(self.transform("classify", "side by side") for _ in range(SIDE_BY_SIDE)))])
        self.record("transform.speedup", serial / parallel)


class PathVisitor(ls.User):
    """One request to the API of the service, each of its paths in turn."""

    @ls.task
    async def look(self) -> None:
        paths = self.settings["api_paths"]
        self.vars["looked"] = self.vars.get("looked", -1) + 1
        path = paths[self.vars["looked"] % len(paths)]
        reply = await self.http.get(path, name=f"GET {path}")
        self.check(not reply.ok or reply.body, "the answer is not empty")


class Client(Instructor):
    """A request as a product makes it: what the service offers, a search, a streamed draft, facts from a document, and a second turn."""

    think = "200ms..600ms"

    @ls.task
    async def whole_request(self) -> None:
        async with self.group("api"):
            offered = [await self.http.get(path, name="look") for path in self.settings["api_paths"]]
        question, model = self.new_question(), self.settings["embedding_model"]
        found = not model or (await self.llm.embed(question, name="search", model=model)).ok
        talk: Any = self.llm.conversation("You answer customers, in few words.")
        draft = await talk.say(question, name="draft")
        facts = await self.transform("extract", "facts")
        again = await talk.say("Shorter, please.", name="second turn")
        whole = all(each.ok for each in offered) and found and draft.ok and facts and again.ok
        # The system's words, two questions, two answers.
        self.check(whole and len(talk.messages) == 5, "the request came to its end, and was remembered")
