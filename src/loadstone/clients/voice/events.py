"""Taking an agent's messages apart without ever raising: whatever is not as it should be becomes a Wrong."""

import json
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any

from loadstone.clients.voice.dialect import MESSAGE_MOST_BYTES, TEXT_MOST, Audio, Heard, Payload, Transcript, Who, Wrong
from loadstone.clients.voice.mulaw import decode

TRANSCRIPT_MOST = 20_000  # characters; half an hour of talk


def json_object(payload: Payload) -> dict[str, Any] | Wrong:
    """The JSON object that a text message is."""
    if len(payload) > MESSAGE_MOST_BYTES:
        return too_large(len(payload))
    if isinstance(payload, bytes):
        return Wrong("audio_for_text", f"{len(payload)} bytes in a binary message")
    return parsed(payload)


def parsed(text: str | bytes) -> dict[str, Any] | Wrong:
    """The JSON object that a text is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Wrong("not_json", excerpt(text))
    return found if isinstance(found, dict) else Wrong("not_json", excerpt(text))


def too_large(size: int) -> Wrong:
    """A message that is not looked at."""
    return Wrong("too_large", f"{size} bytes, more than {MESSAGE_MOST_BYTES}")


def excerpt(text: str | bytes, most: int = TEXT_MOST) -> str:
    """The beginning of a text from outside, as text that can be written anywhere."""
    if isinstance(text, bytes):
        return text[:most].decode("utf-8", "replace")
    return text[:most].encode("utf-8", "replace").decode()


def word(value: Any) -> str:
    """A name or a text of the agent's; "" for what is none."""
    return excerpt(value) if isinstance(value, str) else ""


def transcript(value: Any, who: Who, *, final: bool, event: str) -> Heard:
    """What somebody said, or a Wrong when it is no text."""
    if not isinstance(value, str):
        return Wrong("bad_event", f"{excerpt(event)} without its text")
    return Transcript(excerpt(value, TRANSCRIPT_MOST), final, who)


def part(event: dict[str, Any], key: str) -> dict[str, Any]:
    """An object inside an event; an empty one for what is none."""
    found = event.get(key)
    return found if isinstance(found, dict) else {}


def base64_audio(value: Any, event: str, *, mulaw: bool) -> list[Heard]:
    """Sound in base64: PCM16, or mu-law."""
    if not isinstance(value, str):
        return [Wrong("bad_event", f"{event} without its audio")]
    try:
        sound = b64decode(value, validate=True)
    except (NotBase64, ValueError):
        return [Wrong("bad_audio", f"{event}: not base64: {excerpt(value, 40)}")]
    return pcm_audio(decode(sound) if mulaw else sound)


def pcm_audio(pcm: bytes) -> list[Heard]:
    """Sound as it is; half a sample is left out and counted."""
    if not pcm:
        return []
    if len(pcm) % 2:
        wrong = Wrong("bad_audio", f"{len(pcm)} bytes are no whole number of samples")
        return [wrong, Audio(pcm[:-1])] if len(pcm) > 1 else [wrong]
    return [Audio(pcm)]


def agent_error(value: Any) -> Wrong:
    """A failure in the agent's words: a text, or an object with a message."""
    if isinstance(value, dict):
        kind, message = word(value.get("code") or value.get("type")), word(value.get("message"))
        return Wrong("agent_error", ": ".join(each for each in (kind, message) if each))
    return Wrong("agent_error", word(value))
