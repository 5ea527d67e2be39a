"""Where calls are taken: the oracle at `/voice/NAME`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loadstone.reference.voice.talk import WORDINGS, VoiceTalk, oracle

VOICE_PATHS: dict[str, Callable[[Any], VoiceTalk]] = {f"/voice/{name}": oracle(name) for name in WORDINGS}
