"""A written call of a language model."""

from __future__ import annotations

from typing import Any

from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_value


class LlmStep(CompiledStep):
    """One call; its texts may hold places, as those of every step."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        call = step.llm
        assert call is not None
        self._call = call
        plain = {"max_tokens": call.max_tokens, "temperature": call.temperature, "stream": call.stream, "leave_after": call.leave_after_s}
        self._plain = {key: value for key, value in plain.items() if value is not None}
        texts = {
            "model": call.model,
            "path": call.path,
            "system": call.system,
            "tools": [dict(tool) for tool in call.tools] or None,
            "extra": call.extra or None,
            "headers": call.headers or None,
        }
        self._texts = {key: compile_value(value) for key, value in texts.items() if value is not None}
        self._question = compile_value(self._asked())

    def _asked(self) -> Any:
        call = self._call
        if call.embed is not None:
            return call.embed if isinstance(call.embed, str) else list(call.embed)
        return call.prompt if call.prompt is not None else [dict(message) for message in call.messages or ()]

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        client = session.speak("llm")
        options = {"name": self.name, **self._plain, **{key: fill(session) for key, fill in self._texts.items()}}
        if self._call.dialect is not None:
            options["dialect"] = self._call.dialect
        if self._call.takes_prompt:
            return await _prompted(session, client, options)
        question = self._question(session)
        if self._call.embed is not None:
            options.pop("dialect", None)
            return await client.embed(question, **options)
        if self._call.remember and isinstance(question, str):
            return await client.remembered(options.pop("system", None)).say(question, **options)
        return await client.ask(question if isinstance(question, list) else str(question), **options)


async def _prompted(session: Session, client: Any, options: dict[str, Any]) -> Any:
    """The next of the plan's conversations, turn by turn, until an answer fails; a prompt is a conversation of one turn."""
    history: list[Any] = []
    answer = None
    for turn in client.next_conversation():
        if turn.think_s:
            await session.sleep(turn.think_s)
        limit = {"max_tokens": turn.max_tokens} if turn.max_tokens is not None else {}
        answer = await client.ask([*history, *turn.messages], **{**limit, **options})
        if not answer.ok:
            break
        history += [*turn.messages, answer.message()]
    return answer
