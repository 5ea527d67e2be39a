"""A written call of a Python callable."""

from __future__ import annotations

from typing import Any

from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_value


class CallStep(CompiledStep):
    """One call, with its arguments filled in."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        assert step.call is not None
        self._call = step.call
        self._args = compile_value(step.call.args)

    async def exchange(self, session: Session) -> Any:
        """See CompiledStep."""
        call, args = self._call, self._args(session)
        by_place, by_name = (args, {}) if isinstance(args, list) else ((), args)
        return await session.speak("call").invoke(
            call.target, by_place, by_name, name=self.name, timeout_s=call.timeout_s, thread=call.thread
        )
