"""A written call in the form that sessions run."""

from __future__ import annotations

from loadstone.clients.message import Message
from loadstone.clients.voice.client import VoiceClient
from loadstone.clock import SECOND, now_ns
from loadstone.load.session import Session
from loadstone.load.steps import CompiledStep
from loadstone.load.websocket_step import GOLDEN
from loadstone.plan.steps import Step
from loadstone.plan.template import compile_template, compile_value


class VoiceStep(CompiledStep):
    """One call; a user's first one begins somewhere in the ramp, so that calls do not speak in step."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        assert step.voice is not None
        self._script = step.voice.script
        self._path = compile_template(step.voice.path or "")
        self._headers = compile_value(step.voice.headers)

    async def exchange(self, session: Session) -> Message:
        """See CompiledStep."""
        client: VoiceClient = session.speak("voice")
        if not client.calls and not session.has_turn:
            await self._its_place(client, session)
            if session.leaving:
                return Message("")
        return await client.call(self._script, path=self._path.render(session), headers=self._headers(session), name=self.name)

    @staticmethod
    async def _its_place(client: VoiceClient, session: Session) -> None:
        """Wait for this user's place in the ramp: arrivals of independent people are spread by chance alone."""
        await client.calibrated()
        settings = client.settings
        share = {"even": session.index * GOLDEN % 1.0, "poisson": session.rng.random(), "step": 0.0}[settings.stagger]
        await session.pause_until(now_ns() + round(share * settings.ramp_s * SECOND))
