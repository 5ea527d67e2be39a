"""The language-model client of one simulated user: questions in, answers out, every token timed by the kernel's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

from loadstone.clients.failure import Failed, Kind
from loadstone.clients.ground import Ground
from loadstone.clients.http import HttpClient, Place
from loadstone.clients.http_scope import prepare
from loadstone.clients.intake import Backlog, Intake, told_status
from loadstone.clients.llm.alike import Alike
from loadstone.clients.llm.answer import Answer
from loadstone.clients.llm.anthropic import AnthropicMessages
from loadstone.clients.llm.dialect import Call, Dialect, Message, read_event, read_whole, said_by, text_of
from loadstone.clients.llm.ledger import Ledger, OpenTime, Price, schedule_ns
from loadstone.clients.llm.openai_chat import OpenAiChat
from loadstone.clients.llm.openai_responses import OpenAiResponses
from loadstone.clients.llm.openai_text import OpenAiCompletions, OpenAiEmbeddings
from loadstone.clients.llm.timeline import Marks, Rules, measure
from loadstone.clients.llm.tokens import load_tokenizer
from loadstone.clients.llm.transcript import Fault, Transcript
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared, encode_body
from loadstone.clients.sse import Event
from loadstone.clock import SECOND
from loadstone.errors import UsageError
from loadstone.measure.recorder import Exchanges
from loadstone.plan.model import Plan
from loadstone.plan.parts import filled_in
from loadstone.plan.prices import TokenCounts
from loadstone.plan.prompt_source import PromptSource
from loadstone.plan.prompts import Turn
from loadstone.units import parse_duration

DIALECTS: Mapping[str, Dialect] = {
    "chat": OpenAiChat(),
    "completions": OpenAiCompletions(),
    "responses": OpenAiResponses(),
    "messages": AnthropicMessages(),
    "embeddings": OpenAiEmbeddings(),
}
ANSWERS_PER_TURN = 4  # to write down before it is the sockets' turn again: a millisecond at most
MOST_KNOWN = 1_000  # kinds of requests, by tags, address, name and headers
MOST_AHEAD = 256  # questions made before they are asked
ANTHROPIC_VERSION = "2023-06-01"


class LlmClients:
    """Language-model clients of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        plan = ground.plan
        self.settings = settings = plan.llm
        self.http, self.timers = ground.http, ground.timers
        self._loop = ground.http.wire.loop
        self.backlog = Backlog(self._loop)
        self.known: dict[tuple[Any, ...], tuple[Mapping[str, str], Prepared]] = {}  # requests of which only the body is new
        self._ended: deque[tuple[Answer, Exchanges]] = deque()
        stall = None if settings.stall_s is None else round(settings.stall_s * SECOND)
        self.rules = Rules(stall, settings.reader_rate, load_tokenizer(settings.tokenizer) if settings.tokenizer else None)
        recorder, scenario = ground.http.recorder, ground.scenario
        self.ledger = Ledger(recorder, scenario, slos=plan.slos(), price=_price(plan))
        prompts, seed = settings.prompts, plan.seed
        self._source = PromptSource(prompts, seed, self.rules.tokenizer) if prompts is not None else None
        self._ahead: deque[list[Turn]] = deque()
        self._ground, self._conversations = ground, 0
        seconds = next((each.profile.duration_s for each in plan.scenarios if each.name == scenario), float("inf"))
        self.open_time = OpenTime(recorder, scenario, ground.timers, schedule_ns(seconds))

    def client(self, place: Place) -> LlmClient:
        """One user's."""
        return LlmClient(self, place)

    def enter(self, answer: Answer, step: Exchanges) -> None:
        """Write an answer down, soon: first its user goes on, because what comes next is due."""
        self._ended.append((answer, step))
        if len(self._ended) == 1:
            self._loop.call_soon(self._enter_some)

    def _enter_some(self) -> None:
        self.settle(ANSWERS_PER_TURN)
        # As many questions as answers, ahead of time: then the next one costs its user no wait.
        while self._source is not None and len(self._ahead) < min(self.open_time.open, MOST_AHEAD):
            self._ahead.append(list(self._made(self._source)))
            if len(self._ahead) % ANSWERS_PER_TURN == 0:
                break
        if self._ended:
            self._loop.call_soon(self._enter_some)

    def settle(self, most: int | None = None) -> None:
        """Write down what waits, or so many of it."""
        ended = self._ended
        for _ in range(len(ended) if most is None else min(len(ended), most)):
            answer, step = ended.popleft()
            self.ledger.enter(answer, step.tags, step.step)

    def next_conversation(self) -> Iterator[Turn]:
        """The next that nobody has had, over all workers."""
        if self._source is None:
            raise UsageError("there are no prompts", where="llm.prompts", hint="llm: {prompts: {input: 256, output: 64}}")
        return iter(self._ahead.popleft()) if self._ahead else self._made(self._source)

    def _made(self, source: PromptSource) -> Iterator[Turn]:
        number = self._ground.worker + self._conversations * self._ground.workers
        self._conversations += 1
        return source.conversation(number)


class LlmClient:
    """One user's calls.

    Every call takes, beside its question: model, max_tokens, temperature, tools, stream, extra (more fields of the body), headers,
    path (or a whole URL), name (of the step in reports), leave_after (seconds or "2s": the client goes, as people do).
    """

    def __init__(self, shared: LlmClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self._http = HttpClient(shared.http, place)
        self._remembered: Conversation | None = None

    def close(self) -> None:
        """See Client."""
        self._http.close()
        self._shared.settle()

    def chat(self, messages: str | Sequence[Message], **options: Any) -> Coroutine[Any, Any, Answer]:
        """A chat completion: a question, or the messages so far."""
        return self._ask("chat", messages=_messages(messages), **options)

    def message(self, messages: str | Sequence[Message], **options: Any) -> Coroutine[Any, Any, Answer]:
        """The same in Anthropic's style."""
        return self._ask("messages", messages=_messages(messages), **options)

    def respond(self, question: str | Sequence[Message], **options: Any) -> Coroutine[Any, Any, Answer]:
        """A response as OpenAI's newer interface gives it."""
        if isinstance(question, str):
            return self._ask("responses", texts=(question,), **options)
        return self._ask("responses", messages=_messages(question), **options)

    def complete(self, prompt: str, **options: Any) -> Coroutine[Any, Any, Answer]:
        """What a model writes after a text."""
        return self._ask("completions", texts=(prompt,), **options)

    def embed(self, texts: str | Sequence[str], **options: Any) -> Coroutine[Any, Any, Answer]:
        """Vectors of texts, in `Answer.vectors`."""
        return self._ask("embeddings", texts=(texts,) if isinstance(texts, str) else tuple(texts), **{**options, "stream": False})

    def ask(self, question: str | Sequence[Message], **options: Any) -> Coroutine[Any, Any, Answer]:
        """In the dialect that the plan names, or `dialect`."""
        dialect = options.pop("dialect", None) or self._shared.settings.dialect
        if dialect == "completions":
            text = question if isinstance(question, str) else "\n".join(text_of(each["content"]) for each in question)
            return self.complete(text, **options)
        if dialect == "responses":
            return self.respond(question, **options)
        if dialect == "messages":
            return self.message(question, **options)
        if dialect != "chat":
            raise UsageError(f"unknown dialect {dialect!r}", hint="one of chat, completions, responses, messages")
        return self.chat(question, **options)

    def conversation(self, system: str | None = None, **options: Any) -> Conversation:
        """Turns that remember each other; the options hold for each of them."""
        return Conversation(self, system, options)

    def next_conversation(self) -> Iterator[Turn]:
        """The turns of the next of the plan's conversations; a prompt is a conversation of one turn."""
        return self._shared.next_conversation()

    def remembered(self, system: str | None = None) -> Conversation:
        """This user's own conversation, begun when it is first asked for."""
        if self._remembered is None:
            self._remembered = self.conversation(system)
        return self._remembered

    # -- one call ---------------------------------------------------------------------------------------------------

    async def _ask(
        self, kind: str, *, name: str = "", path: str = "", headers: Mapping[str, str | None] | None = None, **options: Any
    ) -> Answer:
        leave_after = options.pop("leave_after", None)
        dialect, call = DIALECTS[kind], self._call(kind, options)
        settings = self._shared.settings
        own = settings.path if kind == settings.dialect else None
        prepared = self._prepare(dialect, call, path or own or dialect.path, name or kind, {**_headers(kind), **(headers or {})})
        transcript = Transcript()
        alike = Alike(transcript)

        def take(event: Event, stamp_ns: int) -> None:
            read_event(dialect, alike, event, stamp_ns, transcript)

        intake = Intake(self._shared.backlog, take, prepared.expect, shortcut=alike.read_piece)
        open_time, timers = self._shared.open_time, self._shared.timers
        leaving = None
        if leave_after is not None:
            seconds = parse_duration(leave_after)
            leaving = timers.at(timers.now_ns() + round(seconds * SECOND), lambda: intake.leave(f"left after {seconds:g} s"))
        open_time.begin(timers.now_ns())
        try:
            reply = await self._http.stream(prepared, intake)
        finally:
            open_time.end(timers.now_ns())
            if leaving is not None:
                leaving.cancel()
        return self._answer(dialect, call, prepared, reply, intake, transcript)

    def _call(self, kind: str, options: dict[str, Any]) -> Call:
        settings = self._shared.settings
        model = options.pop("model", None) or settings.model
        if not model:
            raise UsageError("no model is named", where="llm.model", hint="model: NAME under llm: in the plan, or model=… in the call")
        stream = options.pop("stream", None)
        defaults: dict[str, Any] = {"max_tokens": settings.max_tokens, "temperature": settings.temperature}
        given = {key: value for key, value in options.items() if value is not None}
        system = given.pop("system", settings.system)
        if system is not None and kind != "embeddings":
            given = _with_system(given, system)
        given["extra"] = {**settings.extra, **given.get("extra", {})} if kind != "embeddings" else given.get("extra", {})
        try:
            return Call(model=model, stream=settings.stream if stream is None else stream, usage=settings.usage, **{**defaults, **given})
        except TypeError:
            unknown = ", ".join(sorted(set(given) - set(Call.__dataclass_fields__)))
            raise UsageError(f"unknown option {unknown}", where=f"llm.{kind}", hint='extra={"…": …} for other fields of the body') from None

    def _prepare(self, dialect: Dialect, call: Call, url: str, name: str, headers: Mapping[str, str | None]) -> Prepared:
        shared, tags = self._shared.http, self._place.tags
        key = (id(tags), url, name, tuple(headers.items()), call.stream)
        known = self._shared.known.get(key)
        if known is not None and known[0] is tags:
            return known[1].with_body(encode_body(json=dialect.body(call))[0])
        # An event must be read when it comes, so that a compressed stream is not asked for.
        wanted = {"Accept": "text/event-stream" if call.stream else "application/json", "Accept-Encoding": None, **headers}
        options: dict[str, Any] = {"name": name, "headers": wanted, "json": dialect.body(call), "keep_body": True}
        options["expect"] = shared.settings.expect - frozenset(range(300, 400))
        prepared = prepare(shared, tags, "POST", url, **options)
        prepared.explain = _explain
        prepared.repeatable = True  # a question may be asked twice, and some servers promise to keep connections that they close
        if len(self._shared.known) >= MOST_KNOWN:
            self._shared.known.clear()
        self._shared.known[key] = (tags, prepared)
        return prepared

    def _answer(self, dialect: Dialect, call: Call, prepared: Prepared, reply: Reply, intake: Intake, transcript: Transcript) -> Answer:
        complete = reply.failure is None
        failed = intake.finish(whole=complete)
        streamed = intake.parser is not None
        if not streamed and complete:
            transcript.at_ns, transcript.events = reply.end_ns, 1
            self._whole(dialect, call, reply, intake, transcript)
        failure, reason, outcome = _verdict(reply, failed, transcript, half=streamed and intake.parser is not None and intake.parser.half)
        marks = Marks(reply.due_ns, reply.sent_ns, reply.first_ns, reply.end_ns)
        rules = self._shared.rules
        answer = Answer(
            reply,
            transcript,
            lambda: measure(transcript, marks, rules, streamed=streamed, complete=complete),
            failure,
            reason,
            outcome,
        )
        self._shared.enter(answer, prepared.step)
        return answer

    def _whole(self, dialect: Dialect, call: Call, reply: Reply, intake: Intake, transcript: Transcript) -> None:
        content_type = intake.content_type
        if intake.compressed:
            transcript.went_wrong(Fault.CONTENT_TYPE, f"content encoding {intake.compressed}, which was not asked for and is not read")
        elif content_type == "application/json" or content_type.endswith("+json"):
            read_whole(dialect, reply.body, transcript)
            if call.stream and transcript.fault is None:
                transcript.went_wrong(Fault.CONTENT_TYPE, "asked for a stream, got application/json in one piece")
        else:
            wanted = "text/event-stream" if call.stream else "application/json"
            transcript.went_wrong(Fault.CONTENT_TYPE, f"content type {content_type or '(none)'}, not {wanted}")


class Conversation:
    """Turns that remember each other.

    messages: what was said so far; a script may change it
    """

    def __init__(self, client: LlmClient, system: str | None, options: Mapping[str, Any]) -> None:
        self._client, self._options = client, options
        self.messages: list[Message] = [{"role": "system", "content": system}] if system else []

    async def say(self, content: Any, **options: Any) -> Answer:
        """The next turn: a text, or a list of parts; an answer that failed is not remembered, and neither is its question."""
        question = {"role": "user", "content": content}
        answer = await self._client.ask([*self.messages, question], **{**self._options, **options})
        if answer.ok:
            self.messages += [question, answer.message()]
        return answer


def _verdict(reply: Reply, failed: Failed | None, transcript: Transcript, *, half: bool) -> tuple[str, str, str]:
    """Failure, reason and outcome of an answer; what the stream itself told says more than how it broke."""
    if reply.failure is Kind.CANCELLED:
        return "", reply.reason, "cancelled"
    failure, reason = "", ""
    if transcript.fault is not None:
        failure, reason = transcript.fault, transcript.fault_text
    elif reply.failure is not None:
        limited = reply.failure is Kind.STATUS and reply.status == 429
        failure, reason = (Fault.RATE_LIMIT if limited else reply.failure), reply.reason
    elif failed is not None:
        failure, reason = failed.kind, failed.text
    elif not transcript.ended and transcript.finish_reason is None:
        failure = Fault.TRUNCATED
        reason = "ended inside an event" if half else "ended without a finish reason or an end mark"
    elif not transcript.texts and not transcript.vectors:
        failure, reason = Fault.EMPTY, "an answer without a token"
    return failure, reason, "failed" if failure else "ok"


def _price(plan: Plan) -> Price | None:
    prices = plan.prices
    if prices is None:
        return None

    def price(answer: Answer) -> float | None:
        line = answer.timeline
        cost = prices.cost(TokenCounts(1, line.input_tokens, line.output_tokens, answer.usage.cached_input))
        return None if cost is None else cost.total

    return price


def _explain(reply: Reply) -> str:
    return told_status(reply.status, reply.headers, said_by(reply.body))


def _headers(kind: str) -> dict[str, str]:
    return {"anthropic-version": ANTHROPIC_VERSION} if kind == "messages" else {}


def _messages(messages: str | Sequence[Message]) -> Sequence[Message]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if messages and all("role" not in each for each in messages):  # parts alone are one question
        messages = [{"role": "user", "content": list(messages)}]
    return filled_in(messages)


def _with_system(given: dict[str, Any], system: str) -> dict[str, Any]:
    if given.get("messages"):
        if any(message.get("role") == "system" for message in given["messages"]):
            return given
        return {**given, "messages": [{"role": "system", "content": system}, *given["messages"]]}
    return {**given, "texts": [f"{system}\n\n{text}" for text in given.get("texts", ())]}
