"""Who hears and who speaks behind the audio endpoints: by the model's name, the oracle or real parts."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from loadstone.errors import UsageError
from loadstone.reference.bodies import Refusal
from loadstone.reference.state import Backend
from loadstone.reference.voice import parts, whisper
from loadstone.reference.voice.switches import OF_A_CALL, VoiceSwitches, read_voice_switches


@dataclass(frozen=True, slots=True)
class Models:
    """Names that clients may ask for.

    oracle: answered by switches, exactly
    real:   parts of the real agent
    """

    oracle: frozenset[str]
    real: tuple[str, ...]

    def of(self, name: str) -> str:
        """The real part of that name; empty for the oracle. Raises Refusal 404 and, for a part that is not installed, 400."""
        if name in self.oracle:
            return ""
        if name not in self.real:
            known = ", ".join(sorted({*self.oracle, *self.real}))
            raise Refusal(404, f"there is no model {name[:40]!r}; there are {known}", param="model", code="model_not_found")
        absent = parts.without(name)
        if absent:
            raise Refusal(400, absent, param="model", code="missing_extra")
        return name


RECOGNISERS = Models(frozenset({"oracle", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"}), (parts.SPHINX, whisper.NAME))
SYNTHESIZERS = Models(frozenset({"oracle", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"}), (parts.NANOTTS, parts.ESPEAK))


def switches_of(request: Request, backend: Backend) -> VoiceSwitches:
    """Those of voice calls, as far as a query string does not say otherwise. Raises Refusal 400."""
    try:
        return read_voice_switches(dict(request.query_params), backend.hub.voice.switches, where="query", names=OF_A_CALL)
    except UsageError as error:
        raise Refusal(400, str(error)) from None


def failing(backend: Backend, switches: VoiceSwitches, part: str) -> None:
    """Raise Refusal 500 when this answer is one that is to fail, at that part."""
    if switches.fail_part == part and backend.hub.voice.fails(switches.fail_every):
        backend.hub.voice.counts.failed += 1
        raise Refusal(500, f"injected fault: {part} failed", code="injected_fault")
