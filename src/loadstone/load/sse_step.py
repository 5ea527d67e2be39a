"""A written event stream."""

from __future__ import annotations

from typing import Any

from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_template, compile_value


class SseStep(CompiledStep):
    """One stream, until it ends or is left."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        call = step.sse
        assert call is not None
        self._path = compile_template(call.path)
        plain = {"limit": call.limit, "timeout": call.timeout_s, "until": call.until}
        self._plain = {key: value for key, value in plain.items() if value is not None}
        self._headers = compile_value(call.headers)

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        return await session.speak("sse").get(self._path.render(session), name=self.name, headers=self._headers(session), **self._plain)
