"""Setting voice's switches while the backend runs, and the truth about its calls."""

from __future__ import annotations

from typing import Any

from loadstone.reference.state import Backend
from loadstone.reference.switch_routes import switch_routes
from loadstone.reference.voice.switches import VoiceSwitches, read_voice_switches


def _show(backend: Backend) -> dict[str, Any]:
    voice = backend.hub.voice
    return {"switches": voice.switches.as_json(), **voice.as_json()}


def _replace(backend: Backend, switches: VoiceSwitches) -> None:
    """For new calls."""
    backend.hub.voice.switches = switches


ROUTES = switch_routes("/voice", _show, lambda backend: backend.settings.voice, read_voice_switches, _replace)
