"""Where calls are taken: the oracle at `/voice/NAME`, the real agent at `/voice/agent/NAME`; over plain TCP, who is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loadstone.reference.voice.agent import Agent
from loadstone.reference.voice.oracle import Oracle
from loadstone.reference.voice.talk import WORDINGS, MakeMind, VoiceTalk, call

VOICE_PATHS: dict[str, Callable[[Any], VoiceTalk]] = {
    **{f"/voice/{name}": call(name, Oracle) for name in WORDINGS},
    **{f"/voice/agent/{name}": call(name, Agent) for name in WORDINGS},
}
WYOMING_MINDS: dict[str, MakeMind] = {"oracle": Oracle, "agent": Agent}
