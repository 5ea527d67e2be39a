"""How a bot is asked: over HTTP as its paths and fields want it, or as a Python callable, with the same reply for both."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from loadstone.clients.call import find_callable

ANY_STATUS = range(200, 600)
REFUSING = (ValueError, TypeError)  # by raising these a callable says that the question is wrong, as a server does by 4xx
WORTH_ANOTHER_TRY = frozenset({0, 408, 425, 429})


class BotReply(NamedTuple):
    """What one attempt came to.

    answer: JSON, or what the callable returned; an empty object for what is none
    status: as HTTP has it; 0 without an answer. Of a callable: 200 returned, 422 refused, 500 raised
    text:   what whoever asked gets to see
    """

    ok: bool
    answer: Any
    status: int
    text: str
    seconds: float = 0.0
    reason: str = ""

    @property
    def worth_another_try(self) -> bool:
        """May the same question succeed later? What was refused will be refused again."""
        return not self.ok and (self.status in WORTH_ANOTHER_TRY or self.status >= 500)


class Raised(NamedTuple):
    """What a callable raised at a question that was meant to be hard: an outcome, and no failure of the call."""

    status: int
    reason: str


class Callee(NamedTuple):
    """A callable, which keywords it takes beside the question, and whether it would keep other users waiting."""

    target: str | Callable[..., Any]
    keywords: tuple[str, ...]
    thread: bool

    @classmethod
    def of(cls, target: str | Callable[..., Any], *keywords: str) -> "Callee":
        """Of a callable or `module:function`; raises UsageError for a name that nobody knows."""
        function = find_callable(target) if isinstance(target, str) else target
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004  its signature is asked
        waits = inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)
        return cls(target, tuple(name for name in keywords if _takes(function, name)), not waits)


class BotClient:
    """One user's way to a bot.

    how:    settings of the suite: query_path, question_field, agent_field, answer_field; `call` in their place
    speaks: gives the user's client of a kind, http or call
    """

    def __init__(self, how: Mapping[str, Any], speaks: Callable[[str], Any]) -> None:
        self.how, self._speaks = how, speaks

    async def ask(self, question: Any, agent: str = "", *, name: str, hard: bool = False, at: Any = None) -> BotReply:
        """One attempt.

        hard: an error is what may be expected, and counts as no failed request
        at:   a path or a Callee in place of the usual one
        """
        place = at or self.how.get("call") or self.how["query_path"]
        if isinstance(place, str):
            return await self.post(place, self.body_of(question, agent), name=name, hard=hard)
        return await self.call(Callee(*place), (question,), {"agent": agent} if agent else {}, name=name, hard=hard)

    async def post(self, path: str, body: Mapping[str, Any], *, name: str, hard: bool = False) -> BotReply:
        """One request."""
        more: dict[str, Any] = {"expect": ANY_STATUS} if hard else {}
        reply = await self._speaks("http").post(path, json=body, name=name, **more)
        reason = reply.reason or ("" if reply.ok else f"status {reply.status}")
        return BotReply(bool(reply.ok), answer_of(reply), reply.status, reply.text, reply.response_time_s, reason)

    async def call(self, callee: Callee, given: tuple[Any, ...], keywords: Mapping[str, Any], *, name: str, hard: bool = False) -> BotReply:
        """One call, with the keywords that it takes."""
        target = caught(callee.target) if hard else callee.target
        taken = {key: value for key, value in keywords.items() if key in callee.keywords}
        reply = await self._speaks("call").invoke(target, given, taken, name=name, thread=callee.thread)
        seconds = reply.response_time_s
        if isinstance(reply.value, Raised):
            return BotReply(ok=False, answer={}, status=reply.value.status, text="", seconds=seconds, reason=reply.value.reason)
        if not reply.ok:
            refused = reply.reason.partition(":")[0] in {each.__name__ for each in REFUSING}
            return BotReply(ok=False, answer={}, status=422 if refused else 500, text="", seconds=seconds, reason=reply.reason)
        value = "".join(map(str, reply.value)) if isinstance(reply.value, list) else reply.value
        return BotReply(ok=True, answer=value, status=200, text=str(value), seconds=seconds)

    def body_of(self, question: Any, agent: str = "") -> dict[str, Any]:
        """The request as this bot wants it."""
        body = placed(self.how["question_field"], question)
        return body | placed(self.how["agent_field"], agent) if agent and self.how.get("agent_field") else body

    def words_of(self, reply: BotReply) -> Any:
        """The answer's text; what a callable returned as text is that itself."""
        return reply.answer if isinstance(reply.answer, str) else found_at(reply.answer, self.how["answer_field"])


def caught(target: str | Callable[..., Any]) -> Callable[..., Any]:
    """The callable, which gives `Raised` back for what it raises."""
    function = find_callable(target) if isinstance(target, str) else target
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def waited(*given: Any, **keywords: Any) -> Any:
            try:
                return await function(*given, **keywords)
            except Exception as error:  # noqa: BLE001  the callable is the user's: anything may come
                return raised(error)

        return waited

    @functools.wraps(function)
    def returned(*given: Any, **keywords: Any) -> Any:
        try:
            return function(*given, **keywords)
        except Exception as error:  # noqa: BLE001  the callable is the user's: anything may come
            return raised(error)

    return returned


def raised(error: Exception) -> Raised:
    """A refusal, or a failure."""
    return Raised(422 if type(error) in REFUSING else 500, f"{type(error).__name__}: {error}")


def answer_of(reply: Any) -> Any:
    """The answer as JSON; an empty object for what is none."""
    try:
        return reply.json()
    except ValueError:
        return {}


def agents_in(answer: Any) -> list[dict[str, Any]]:
    """Which agents an answer says that it took."""
    told = answer.get("agents") if isinstance(answer, dict) else None
    return [each for each in told if isinstance(each, dict) and each.get("agent")] if isinstance(told, list) else []


def placed(field: str, value: object) -> dict[str, Any]:
    """`input.text` and a value as nested objects."""
    for part in reversed(field.split(".")):
        value = {part: value}
    return value if isinstance(value, dict) else {}


def found_at(answer: Any, field: str) -> Any:
    """What stands at `result.text`, or nothing; a number is a place in a list."""
    for part in field.split("."):
        if isinstance(answer, list) and part.isdigit() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _takes(function: Callable[..., Any], keyword: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False  # written in C, and tells nothing
    any_keyword = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    named = parameters.get(keyword)
    return any_keyword or (named is not None and named.kind is not inspect.Parameter.POSITIONAL_ONLY)
