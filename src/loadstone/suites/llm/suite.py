"""A language-model service and what surrounds it: answers and their tokens, a cache, transformations, a rate held, whole requests.

`loadstone run llm`; docs/ready-suites.md tells its options, and how to make it your own.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import Any

import loadstone as ls

QUESTIONS = (
    "Which of our two plans is cheaper for a team of twelve that needs exports and single sign-on?",
    "Write a friendly answer to a customer whose parcel has been in customs for nine days.",
    "Explain in three sentences why the invoice of March lists two seats more than the one of April.",
    "List the steps that bring a locked account back when the phone with the second factor is lost.",
    "Turn these notes into a release note: faster search, CSV export of 200,000 rows, dark mode.",
)
DOCUMENT = (
    "Ticket {number} was opened on 2024-03-14 by Maria Keller (maria.keller@example.com). The export of the quarterly report stops at row"
    " 50,000, and the search is slow since the update. Support asked for the log; it shows a timeout after 30 seconds. The account was"
    " charged twice, 49.90 each, and one payment was refunded on 2024-03-18. Peter Novak from billing confirmed the refund. The customer"
    " likes the new upload feature, but wants the price of twelve seats before April. See https://example.com/tickets for the history."
)
POPULAR = 50  # questions that everybody asks, in the cache part
SHARE_OF_NEW = 0.03  # of its questions that nobody asked before
CACHE_ENTRIES = 200  # of the reference backend; another service has what it has
SIDE_BY_SIDE = 8  # texts that are transformed at once
BATCH = 16  # texts in one embedding request
LONGEST = "1m"  # of a part that ends when its questions are asked
PARTS = ("llm", "cache", "transform", "api", "flow")
LOADS = ("api", "llm")  # what `loadstone load llm --scenario` puts on a service alone


def target(name: str, default: object, kind: str, text: str, env: str, key: str) -> ls.Option:
    """What a service is to reach; a file of `--config` has it among its targets."""
    return ls.Option(name, default, text, kind=kind, env=env, place=f"performance_targets.{key}")


def limit(name: str, default: object, kind: str, text: str, key: str) -> ls.Option:
    """A limit of a gate; a file of `--config` has it among its gates."""
    return ls.Option(name, default, text, kind=kind, place=f"performance_gates.{key}")


OPTIONS = (
    ls.Option("parts", ",".join(PARTS), "What is tested, one after another."),
    ls.Option("load", False, "Only load: the rate of the API, and users who wait for answers; `loadstone load llm` is the same."),
    ls.Option("scenario", None, "With --load: only this one.", choices=LOADS),
    ls.Option("url", None, "The service; without it the reference backend.", bare="http://localhost:8000"),
    ls.Option("model", None, "The model to ask; needed with --url."),
    ls.Option("users", 10, "Users at one time.", env="PERF_CONCURRENT_USERS", least=1),
    ls.Option("duration", "15s", "How long each part lasts.", kind="duration", env="PERF_TEST_DURATION", least=1),
    ls.Option("request-rate", None, "Sent to the API; without it a tenth above the target.", kind="rate", env="PERF_REQUEST_RATE", least=1),
    ls.Option("max-tokens", 40, "Limit of each answer.", least=2),
    ls.Option("cache-pressure", 300, "New questions that are to drive old ones out of the cache.", least=1),
    ls.Option("skip-slow-tests", False, "Without cache pressure, and with no part longer than 5 s.", env="PERF_SKIP_SLOW_TESTS"),
    ls.Option("fail-on-regression", False, "Gate regression_check.", env="PERF_FAIL_ON_REGRESSION"),
    target("api-response-target", "2s", "millis", "p95 of the API.", "PERF_API_RESPONSE_TARGET", "api_response_p95_ms"),
    target("llm-response-target", "10s", "millis", "p95 of whole answers.", "PERF_LLM_RESPONSE_TARGET", "llm_provider_p95_ms"),
    target("transformation-target", "1s", "millis", "p95 of one text.", "PERF_TRANSFORMATION_TARGET", "transformation_p95_ms"),
    target("throughput-target", 150, "rate", "Requests held per second.", "PERF_THROUGHPUT_TARGET", "concurrent_requests_per_second"),
    target("memory-target", None, "percent", "Memory that a variant must save.", "PERF_MEMORY_TARGET", "memory_optimization_percent"),
    target("cache-target", 85, "percent", "Cache hits.", "PERF_CACHE_TARGET", "cache_hit_ratio_percent"),
    limit("max-response-time", "10s", "millis", "Gate response_time: p95 of all requests.", "max_response_time_ms"),
    limit("min-throughput", 150, "rate", "Gate throughput.", "min_throughput_rps"),
    limit("max-memory", None, "number", "Gate memory, in MB; 500 for the reference backend.", "max_memory_mb"),
    limit("min-cache-hit-ratio", 0.85, "share", "Gate cache.", "min_cache_hit_ratio"),
    limit("max-error-rate", 0.01, "share", "Gate error_rate.", "max_error_rate"),
    limit("max-regression", None, "percent", "Gate regression_check.", "max_regression_percent"),
)
PRESETS = {
    "quick": {"duration": "5s"},
    "ci": {"duration": "20s"},
    "full": {"duration": "60s", "users": 25, "cache_pressure": 1000},
}
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
}


class Asker(ls.User):
    """Asks what nobody has asked before."""

    def new_question(self) -> str:
        """One that no user has had; its first words differ, so that no cache of beginnings helps."""
        self.vars["asked"] = self.vars.get("asked", 0) + 1
        who = f"{type(self).__name__} {self.index}, question {self.vars['asked']}"
        return f"{who}: {self.rng.choice(QUESTIONS)}"


class Reader(Asker):
    """Reads answers as they are written; now and then wants one whole, or has a batch of texts embedded."""

    @ls.task(weight=6)
    async def read(self) -> None:
        await self.llm.chat(self.new_question(), name="streamed answer")

    @ls.task(weight=2)
    async def wait(self) -> None:
        await self.llm.chat(self.new_question(), stream=False, name="whole answer")

    @ls.task(weight=1)
    async def embed(self) -> None:
        one = await self.llm.embed(self.new_question(), name="embed one")
        batch = await self.llm.embed([self.new_question() for _ in range(BATCH)], name="embed batch")
        if self.check(one.ok and len(batch.vectors) == BATCH, "a vector for each text"):
            self.record("batch.speedup", BATCH * one.e2e_s / batch.e2e_s)


class CacheUser(Asker):
    """Asks for whole answers, and writes down whether the service had them already."""

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
        await self.ask(popular_question(self.index))


class Regular(CacheUser):
    """Asks what everybody asks, and now and then something new."""

    tags = {"phase": "steady"}

    @ls.task
    async def popular(self) -> None:
        new = self.rng.random() < SHARE_OF_NEW
        await self.ask(self.new_question() if new else popular_question(self.rng.randrange(POPULAR)))


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
        answered = await self.ask(popular_question(self.index))
        if answered is not None and answered[1] is not None:
            self.record("cache.returns", 1)
            self.record("cache.evicted", int(not answered[1]))


class Transformer(ls.User):
    """Has single texts transformed."""

    @ls.task
    async def transform(self) -> None:
        reply = await transformed(self, self.rng.choice(("summarize", "extract", "classify")), "transform")
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
        found = await self.llm.embed(question, name="search")
        draft = await self.llm.chat(question, name="draft")
        facts = await transformed(self, "extract", "facts")
        async with self.group("api"):
            kept = await self.http.post(messages, json={"text": question}, name="keep")
            history = await self.http.get(messages, name="read back")
        whole = found.ok and draft.ok and facts.ok and kept.ok and history.ok
        self.check(whole and len(history.json()["messages"]) == 2, "the request came to its end, and was kept")


class Watcher(ls.User):
    """Reads how much memory the reference backend uses."""

    @ls.task
    async def read_memory(self) -> None:
        reply = await self.http.get("/stats", name="stats")
        if reply.ok:
            self.record("service.memory", reply.json()["rss_bytes"] / 1e6)


def popular_question(number: int) -> str:
    """One of those that everybody asks."""
    return f"Frequent question {number}: {QUESTIONS[number % len(QUESTIONS)]}"


def from_cache(answer: Any) -> bool | None:
    """Does an answer say that it comes from a cache? None when it says nothing about that."""
    header, cached = answer.headers.get("x-cache"), answer.usage.cached_input
    return "hit" in header.lower() if header else None if cached is None else cached > 0


async def transformed(user: ls.User, task: str, name: str) -> Any:
    """One text, a new one each time."""
    body = {"task": task, "text": DOCUMENT.format(number=user.rng.randrange(10**9)), "wait": "20ms"}
    return await user.http.post("/v1/transform", json=body, name=name)


async def elapsed(work: Iterable[Awaitable[object]]) -> float:
    """How long it takes to do one after another, in seconds."""
    begun = time.perf_counter()
    for each in work:
        await each
    return time.perf_counter() - begun


def build(options: ls.Options) -> ls.Suite:
    """The suite for the chosen options."""
    parts = chosen_parts(options)
    length = min(options.duration, 5) if options.skip_slow_tests else options.duration
    plan: list[ls.Scenario] = []
    users = ls.constant_users(options.users, length)
    if "llm" in parts:
        add(plan, "llm", Reader, users, warm_up=length / 10)
    if "cache" in parts:
        add_cache(plan, options, users, length)
    if "transform" in parts:
        add(plan, "transform", Transformer, ls.constant_users(min(4, options.users), length / 2))
        add(plan, "parallel", Paralleliser, ls.constant_users(1, length / 2))
    if "api" in parts:
        more = max(options.throughput_target, options.min_throughput) * 1.1  # so that the limit can be seen
        add(plan, "api", Visitor, ls.constant_rate(options.request_rate or more, length + 1), warm_up=1)
    if "flow" in parts:
        add(plan, "flow", Customer, users)
    if options.url is None:  # which tells its memory
        seconds = sum(scenario.tree["profile"].get("duration", 0) for scenario in plan)
        plan.append(ls.Scenario("memory", Watcher, ls.constant_rate("1/s", seconds)))
    return ls.Suite(
        "llm",
        target=options.url,
        embedded=options.url is None,
        scenarios=plan,
        gates=[*limits(options, parts), *promises(options, parts, length)],
        metrics=METRICS,
        llm={"max_tokens": options.max_tokens, "model": options.model or "loadstone-simulator"},
        graceful_stop="10s",
    )


def add_cache(plan: list[ls.Scenario], options: ls.Options, users: Any, length: float) -> None:
    """Popular questions for the first time, then again and again; pairs; new ones without end; the popular ones once more."""
    once = ls.per_user_iterations(1, POPULAR, LONGEST)
    if options.url is None:
        switches = {"cache": f"lru:{CACHE_ENTRIES}", "cache_latency": "2ms"}
        steps = [{"name": "cache on", "put": "/simulator", "json": switches}]
        add(plan, "prepare", profile=ls.shared_iterations(1, 1, "10s"), steps=steps)
    add(plan, "first", First, once)
    add(plan, "cache", Regular, users)
    add(plan, "pairs", Twice, ls.constant_users(2, length / 2))
    if not options.skip_slow_tests:
        each = -(-options.cache_pressure // options.users)
        add(plan, "pressure", Pressure, ls.per_user_iterations(each, options.users, LONGEST))
        add(plan, "after pressure", Returning, once)


def chosen_parts(options: ls.Options) -> tuple[str, ...]:
    """The parts to run, in their order."""
    if options.scenario and not options.load:
        raise ls.UsageError("is about load alone", where="option scenario", hint=f"loadstone load llm --scenario {options.scenario}")
    if options.url and not options.model and options.scenario != "api":
        raise ls.UsageError("which model?", where="option url", hint="--model NAME, or --load --scenario api, which asks no model")
    if options.load:
        return (options.scenario,) if options.scenario else LOADS
    parts = [part.strip() for part in options.parts.split(",")]
    if unknown := [part for part in parts if part not in PARTS]:
        raise ls.UsageError(f"unknown part {unknown[0]!r}", where="option parts", hint=",".join(PARTS))
    return tuple(part for part in PARTS if part in parts)


def add(plan: list[ls.Scenario], name: str, users: Any = (), profile: Any = None, **settings: Any) -> None:
    """One more scenario, which begins when the one before has ended."""
    plan.append(ls.Scenario(name, users, profile, after=plan[-1].name if plan else None, **settings))


def limits(options: ls.Options, parts: tuple[str, ...]) -> list[dict[str, str]]:
    """The gates of the whole by name; what was asked for and cannot be measured yet is shown, and never a pass."""
    gates = [gate("response_time", f"p95(http.response_time) < {options.max_response_time:g}s")]
    if "api" in parts:
        gates.append(gate("throughput", f"throughput(http.requests{{scenario=api}}) >= {options.min_throughput:g}/s"))
    if options.max_memory is not None or options.url is None:
        text = f"max(service.memory) < {options.max_memory or 500:g}MB"
        gates.append(gate("memory", text, needs="a service that tells its memory, as the reference backend does" if options.url else ""))
    if "cache" in parts:
        gates.append(gate("cache", f"rate(cache.hits{{phase=steady}}) > {options.min_cache_hit_ratio * 100:.12g}%"))
    gates.append(gate("error_rate", f"rate(http.errors) < {options.max_error_rate * 100:.12g}%"))
    worse = 0.1 if options.max_regression is None else options.max_regression
    if options.fail_on_regression or options.max_regression is not None:
        needs = f"a baseline to be at most {worse * 100:g}% worse than, which this version cannot keep"
        gates.append(gate("regression_check", f"p95(http.response_time) < {options.max_response_time:g}s", needs=needs))
    if options.memory_target is not None:
        needs = f"two variants of a service, one of which saves {options.memory_target * 100:g}%; this version cannot compare them"
        gates.append(gate("memory saving", "max(service.memory) > 0MB", "memory_optimization", needs))
    return gates


def promises(options: ls.Options, parts: tuple[str, ...], length: float) -> list[dict[str, str]]:
    """What each part is to reach."""
    found = [gate("success over 95%", "rate(http.errors) < 5%", "success_rate")]
    if "llm" in parts:
        found.append(gate("", f"p95(http.response_time{{scenario=llm}}) < {options.llm_response_target:g}s", "llm_response"))
        found.append(gate("whole answers over 95%", "rate(llm.errors{scenario=llm}) < 5%", "success_rate"))
    if "cache" in parts:
        found.append(gate("", f"rate(cache.hits{{phase=steady}}) > {options.cache_target * 100:.12g}%", "cache_hit_ratio"))
        found.append(gate("a hit is faster", "median(cache.speedup) > 1", "cache_speedup"))
    if "transform" in parts:
        found.append(gate("", f"p95(http.response_time{{scenario=transform}}) < {options.transformation_target:g}s", "transformation"))
        found.append(gate("side by side is faster", "median(transform.speedup) > 1", "parallel_speedup"))
    if "api" in parts:
        window = max(1, round(min(10, length / 2)))
        rate = f"{options.throughput_target:g}/s over {window}s"
        found.append(gate("held all the time", f"throughput(http.requests{{scenario=api}}) >= {rate}", "requests_per_second"))
        found.append(gate("", "rate(http.errors{scenario=api}) < 1%", "requests_per_second"))
        found.append(gate("", f"p95(http.response_time{{scenario=api}}) < {options.api_response_target:g}s", "api_response"))
    if "flow" in parts:
        limit_s = options.api_response_target
        found.append(gate("in whole requests", f"p95(http.response_time{{scenario=flow,group=api}}) < {limit_s:g}s", "api_response"))
    if {"transform", "api", "flow"} & set(parts):  # the others have no checks, or few
        found.append(gate("answers are answers", "rate(check.failures) < 1%", "success_rate"))
    return found


def gate(name: str, text: str, requirement: str = "", needs: str = "") -> dict[str, str]:
    """A gate of which only what is said is set."""
    return {"gate": text} | {key: value for key, value in (("name", name), ("requirement", requirement), ("needs", needs)) if value}
