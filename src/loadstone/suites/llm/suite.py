"""A language-model service and what surrounds it: answers and their tokens, a cache, transformations, a rate held, whole requests.

`loadstone run llm`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import asyncio
from typing import Any

import loadstone as ls
from loadstone.suites.llm.elsewhere import Client, InstructedParalleliser, InstructedTransformer, PathVisitor
from loadstone.suites.llm.memory import Watcher, leaks, watched
from loadstone.suites.llm.questions import DOCUMENT, QUESTIONS, SIDE_BY_SIDE, TASKS, Asker, elapsed, popular_question
from loadstone.suites.llm.targets import OPTIONS, PRESETS, limits, promises
from loadstone.suites.llm.variants import variants_suite

__all__ = ["OPTIONS", "PRESETS", "build"]

POPULAR = 50  # questions that everybody asks, in the cache part
SHARE_OF_NEW = 0.03  # of its questions that nobody asked before
CACHE_ENTRIES = 200  # of the reference backend; another service has what it has
MOSTLY = 0.9  # of a question's tokens must have been cached, where a service tells only that
CAPACITY = {"only": "llm"}  # its other parts come later, each with a load of its own
BATCH = 16  # texts in one embedding request
SIMULATOR = "loadstone-simulator"  # the reference backend's model
METRICS = {
    "batch.speedup": {"better": "higher", "meaning": "texts of a batch one by one ÷ the batch, by time"},
    "cache.lookups": {"kind": "count", "meaning": "answers that say whether they came from a cache"},
    "cache.hits": {"kind": "count", "better": "higher", "share_of": "cache.lookups", "meaning": "answers that came from a cache"},
    "cache.hit_time": {"unit": "ms", "better": "lower", "meaning": "answers from the cache, sent to last byte"},
    "cache.miss_time": {"unit": "ms", "better": "lower", "meaning": "answers of the model, sent to last byte"},
    "cache.speedup": {"better": "higher", "meaning": "a question asked first ÷ asked again, by time"},
    "cache.returns": {"kind": "count", "meaning": "popular questions that were asked again after the pressure"},
    "cache.evicted": {"kind": "count", "share_of": "cache.returns", "meaning": "of these, those that the cache had no longer"},
    "transform.speedup": {"better": "higher", "meaning": f"{SIDE_BY_SIDE} texts one after another ÷ side by side, by time"},
    "service.memory": {"kind": "gauge", "unit": "MB", "better": "lower", "meaning": "resident memory, as the service says it"},
    "service.growth": {"unit": "MB", "better": "lower", "meaning": "that memory less what it was when the part began; tag part"},
}


class Reader(Asker):
    """Reads answers as they are written; now and then wants one whole, or has a batch of texts embedded, where that is to be had."""

    @ls.task(weight=6)
    async def read(self) -> None:
        await self.llm.chat(self.new_question(), name="streamed answer")

    @ls.task(weight=2)
    async def wait(self) -> None:
        await self.llm.chat(self.new_question(), stream=False, name="whole answer")

    @ls.task(weight=1)
    async def embed(self) -> None:
        model = self.settings["embedding_model"]
        if not model:
            return
        one = await self.llm.embed(self.new_question(), name="embed one", model=model)
        batch = await self.llm.embed([self.new_question() for _ in range(BATCH)], name="embed batch", model=model)
        if self.check(one.ok and len(batch.vectors) == BATCH, "a vector for each text"):
            self.record("batch.speedup", BATCH * one.e2e_s / batch.e2e_s)


class CacheUser(Asker):
    """Asks for whole answers, and writes down whether the service had them already."""

    def next_popular(self) -> str:
        """The popular questions, shared out among the users of a scenario."""
        number = self.index + self.settings["users"] * self.vars.get("taken", 0)
        self.vars["taken"] = self.vars.get("taken", 0) + 1
        return popular_question(number % POPULAR, self.plan_seed)

    async def ask(self, question: str, **options: Any) -> tuple[float, bool | None] | None:
        """Seconds from sent to last byte, and whether it came from a cache, where it says so; None for an answer that failed."""
        answer = await self.llm.chat(question, stream=False, name="question", **options)
        if not answer.ok:
            return None
        if (hit := from_cache(answer)) is not None:
            self.record("cache.lookups", 1)
            self.record("cache.hits", int(hit))
            self.record("cache.hit_time" if hit else "cache.miss_time", answer.e2e_s * 1e3)
        return answer.e2e_s, hit


class First(CacheUser):
    """Asks one of the popular questions, which the cache does not have yet."""

    tags = {"phase": "first"}

    @ls.task
    async def popular(self) -> None:
        await self.ask(self.next_popular())


class Regular(CacheUser):
    """Asks what everybody asks, and now and then something new."""

    tags = {"phase": "steady"}

    @ls.task
    async def popular(self) -> None:
        new = self.rng.random() < SHARE_OF_NEW
        await self.ask(self.new_question() if new else popular_question(self.rng.randrange(POPULAR), self.plan_seed))


class Twice(CacheUser):
    """Asks something new, and the same again."""

    tags = {"phase": "pairs"}

    @ls.task
    async def pair(self) -> None:
        question = self.new_question()
        first, again = await self.ask(question), await self.ask(question)
        if first is not None and again is not None:
            self.record("cache.speedup", first[0] / again[0])


class Pressure(CacheUser):
    """Asks only what is new, so that the cache must let go of something."""

    tags = {"phase": "pressure"}

    @ls.task
    async def new(self) -> None:
        await self.ask(self.new_question(), max_tokens=2)


class Returning(CacheUser):
    """Asks the popular questions once more: what is a miss now was evicted."""

    tags = {"phase": "after pressure"}

    @ls.task
    async def popular(self) -> None:
        answered = await self.ask(self.next_popular())
        if answered is not None and answered[1] is not None:
            self.record("cache.returns", 1)
            self.record("cache.evicted", int(not answered[1]))


class Transformer(ls.User):
    """Has single texts transformed."""

    @ls.task
    async def transform(self) -> None:
        reply = await transformed(self, self.rng.choice(TASKS), "transform")
        self.check(reply.ok and "result" in reply.json(), "there is a result")


class Paralleliser(ls.User):
    """Has the same number of texts transformed one after another, then side by side."""

    @ls.task
    async def compare(self) -> None:
        serial = await elapsed(transformed(self, "summarize", "one after another") for _ in range(SIDE_BY_SIDE))
        parallel = await elapsed([asyncio.gather(*(transformed(self, "summarize", "side by side") for _ in range(SIDE_BY_SIDE)))])
        self.record("transform.speedup", serial / parallel)


class Visitor(ls.User):
    """One request to the API, without a thought of others."""

    @ls.task(weight=2)
    async def ask(self) -> None:
        reply = await self.http.post("/api/ask", json={"question": self.rng.choice(QUESTIONS)}, name="ask")
        if reply.ok:
            self.check(reply.json().get("answer"), "the answer is not empty")

    @ls.task(weight=1)
    async def look(self) -> None:
        await self.http.get("/api/items?limit=20", name="items")


class Customer(Asker):
    """A request as a product makes it: a session, a search, a streamed draft, facts from a document, and all of it kept."""

    think = "200ms..600ms"

    @ls.task
    async def whole_request(self) -> None:
        question = self.new_question()
        async with self.group("api"):
            opened = await self.http.post("/api/chat/sessions", json={"user": f"customer {self.index}"}, name="open session")
        if not opened.ok:
            return
        messages = f"/api/chat/sessions/{opened.json()['id']}/messages"
        model = self.settings["embedding_model"]
        found = not model or (await self.llm.embed(question, name="search", model=model)).ok
        draft = await self.llm.chat(question, name="draft")
        facts = await transformed(self, "extract", "facts")
        async with self.group("api"):
            kept = await self.http.post(messages, json={"text": question}, name="keep")
            history = await self.http.get(messages, name="read back")
        whole = found and draft.ok and facts.ok and kept.ok and history.ok
        self.check(whole and len(history.json()["messages"]) == 2, "the request came to its end, and was kept")


# Who does a part: a single text, texts side by side, the API, a whole request.
HERE = (Transformer, Paralleliser, Visitor, Customer)
ELSEWHERE = (InstructedTransformer, InstructedParalleliser, PathVisitor, Client)


def from_cache(answer: Any) -> bool | None:
    """Does an answer say that it comes from a cache? None when it says nothing about that."""
    header, usage = answer.headers.get("x-cache"), answer.usage
    if header or usage.cached_input is None or not usage.input:
        return "hit" in header.lower() if header else None
    return bool(usage.cached_input >= MOSTLY * usage.input)  # every prompt shares its template with the others


async def transformed(user: ls.User, task: str, name: str) -> Any:
    """One text, a new one each time."""
    body = {"task": task, "text": DOCUMENT.format(number=user.rng.randrange(10**9)), "wait": "20ms"}
    return await user.http.post("/v1/transform", json=body, name=name)


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    if options.variants:
        return variants_suite(options, METRICS, options.model or SIMULATOR)
    parts = chosen_parts(options)
    length = min(options.duration, 5) if options.skip_slow_tests else options.duration
    plan: list[ls.Scenario] = []
    users = ls.constant_users(options.users, length)
    settings = {
        "embedding_model": options.embedding_model or (None if options.url else SIMULATOR),
        "api_paths": [part.strip() for part in options.api_path.split(",") if part.strip()] or ["/"],
        "transform_path": options.transform_path,
    }
    single, parallel, visitor, customer = ELSEWHERE if options.url else HERE
    if "llm" in parts:
        add(plan, "llm", Reader, users, warm_up=length / 10, settings=settings)
    if "cache" in parts:
        add_cache(plan, options, users, length)
    if "transform" in parts:
        add(plan, "transform", single, ls.constant_users(min(4, options.users), length / 2), settings=settings)
        add(plan, "parallel", parallel, ls.constant_users(1, length / 2), settings=settings)
    if "api" in parts:
        more = max(options.throughput_target, options.min_throughput) * 1.1  # so that the limit can be seen
        add(plan, "api", visitor, ls.constant_rate(options.request_rate or more, length + 1), warm_up=1, settings=settings)
    if "flow" in parts:
        add(plan, "flow", customer, users, settings=settings)
    looked_at: list[dict[str, str]] = []
    if options.url is None or options.service_pid:  # the reference backend tells its memory
        pid = options.service_pid and int(options.service_pid)
        seconds = sum(scenario.tree["profile"].get("duration", 0) for scenario in plan)
        looked_at = look_at(plan, options, length, pid)
        plan.append(ls.Scenario("memory", Watcher, ls.constant_rate("1/s", seconds), settings={"pid": pid}))
    return ls.Suite(
        "llm",
        target=options.url,
        embedded=options.url is None,
        scenarios=plan,
        gates=[*limits(options, parts), *promises(options, parts, length), *looked_at],
        metrics=METRICS,
        llm={"max_tokens": options.max_tokens, "model": options.model or SIMULATOR},
        baselines={
            "rules": "llm",
            "auto_update": options.auto_update_baselines,
            "files": "performance_baselines" if options.save_baselines else None,
        },
        results={"files": "llm"},
        graceful_stop="10s",
    )


def look_at(plan: list[ls.Scenario], options: ls.Options, length: float, pid: int | None) -> list[dict[str, str]]:
    """Watchers of the memory beside transformations, and with --leaks beside every part that lasts; their gates."""
    lasting = {"transform": length / 2, **({"llm": length, "cache": length, "api": length, "flow": length} if options.leaks else {})}
    gates = []
    for scenario in [each for each in plan if each.name in lasting]:
        watched(plan, scenario, lasting[scenario.name], pid)
        gates += leaks([scenario.name], lasting[scenario.name] if options.leaks else 0, options.max_growth)
    return gates


def add_cache(plan: list[ls.Scenario], options: ls.Options, users: Any, length: float) -> None:
    """Popular questions for the first time, then again and again; pairs; new ones without end; the popular ones once more."""
    users_once = max(each for each in range(1, min(options.users, POPULAR) + 1) if POPULAR % each == 0)
    once = ls.per_user_iterations(POPULAR // users_once, users_once, "5m")
    if options.url is None:
        steps = [{"name": "cache on", "put": "/simulator", "json": {"cache": f"lru:{CACHE_ENTRIES}", "cache_latency": "2ms"}}]
        add(plan, "prepare", profile=ls.shared_iterations(1, 1, "10s"), steps=steps)
    add(plan, "first", First, once, settings={"users": users_once})
    add(plan, "cache", Regular, users)
    add(plan, "pairs", Twice, ls.constant_users(2, length / 2))
    if not options.skip_slow_tests:
        add(plan, "pressure", Pressure, ls.per_user_iterations(-(-options.cache_pressure // options.users), options.users, "1m"))
        add(plan, "after pressure", Returning, once, settings={"users": users_once})


def chosen_parts(options: ls.Options) -> tuple[str, ...]:
    """The parts to run, in their order."""
    if options.scenario and not options.load:
        raise ls.UsageError("is about load alone", where="option scenario", hint=f"loadstone load llm --scenario {options.scenario}")
    if options.url and not options.model and options.scenario != "api":
        raise ls.UsageError(
            "which model?",
            where="option url",
            hint=f"--model NAME ({options.url.rstrip('/')}/v1/models lists them), or --load --scenario api, which asks no model",
        )
    if options.load:
        return (options.scenario,) if options.scenario else ("llm", "api")
    parts: tuple[str, ...] = options.only or options.parts
    return parts


def add(plan: list[ls.Scenario], name: str, users: Any = (), profile: Any = None, **settings: Any) -> None:
    """One more scenario, which begins when the one before has ended."""
    plan.append(ls.Scenario(name, users, profile, after=plan[-1].name if plan else None, **settings))
