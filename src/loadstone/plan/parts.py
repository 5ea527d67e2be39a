"""Pictures and recordings in a message: made from files, addresses or bytes, and worded as each kind of endpoint wants them.

The form in which parts are kept is that of chat completions: `text`, `image_url` (an address, or a `data:` URL) and `input_audio`
(base64 and its format). A file may be named in short, `{image: cat.png}` and `{audio: question.wav}`; it is read when it is first sent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from loadstone.errors import UsageError

Part = Mapping[str, Any]
SHORT = ("image", "audio")
MOST_KEPT = 64  # files whose text is kept: those of one run are mostly few
MOST_BYTES = 64_000_000
# By the first bytes, because names lie and bytes have none.
_IMAGES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp"))
_SOUNDS = ((b"RIFF", "wav"), (b"ID3", "mp3"), (b"\xff\xfb", "mp3"), (b"\xff\xf3", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg"))


def text(words: str) -> dict[str, Any]:
    """A text beside other parts."""
    return {"type": "text", "text": words}


def image(source: str | Path | bytes, *, detail: str | None = None) -> dict[str, Any]:
    """A picture: a file, its bytes, or an address that the server fetches itself.

    detail: `low`, `high` or `auto`, where a model knows the difference
    raises: UsageError for a file that cannot be read, or is no PNG, JPEG, GIF, WebP or BMP
    """
    link = source if isinstance(source, str) and _is_address(source) else _image_link(_content(source, "image"), _name(source))
    return {"type": "image_url", "image_url": {"url": link} | ({"detail": detail} if detail else {})}


def audio(source: str | Path | bytes, *, format: str | None = None) -> dict[str, Any]:  # noqa: A002  the field's own name
    """A recording: a file or its bytes.

    format: `wav`, `mp3`, …; by the first bytes unless given
    raises: UsageError for a file that cannot be read, or whose format cannot be told
    """
    content = _content(source, "audio")
    known = format or next((kind for start, kind in _SOUNDS if content.startswith(start)), None)
    if known is None:
        raise UsageError("is no WAV, MP3, FLAC or OGG", where=f"audio {_name(source)}", hint='audio(…, format="pcm16")')
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(content).decode(), "format": known}}


def filled_in(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages with every part that names a file replaced by what is in it; the same object where there is none."""
    if all(isinstance(message.get("content"), str) for message in messages):
        return messages
    return [_filled(message) for message in messages]


def beside(message: Any, folder: Path) -> Any:
    """The message with files that it names found from a folder; a name that begins with a place may be an address, and stays."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, (list, tuple)):
        return message
    return {**message, "content": [_found(part, folder) for part in content]}


def for_responses(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The messages as the responses endpoint words them; parts of other forms are passed on."""
    return [_worded(message, _response_part) for message in messages]


def for_anthropic(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The messages in Anthropic's words; parts of other forms are passed on. Raises UsageError for audio, which is not known there."""
    return [_worded(message, _anthropic_part) for message in messages]


def _found(part: Any, folder: Path) -> Any:
    if not isinstance(part, Mapping) or "type" in part:
        return part
    files = {key: each for key in SHORT if isinstance(each := part.get(key), str) and not _is_address(each) and not each.startswith("${")}
    return {**part, **{key: str((folder / each).resolve()) for key, each in files.items()}}


def _filled(message: Mapping[str, Any]) -> Mapping[str, Any]:
    content = message.get("content")
    if not isinstance(content, (list, tuple)):
        return message
    return {**message, "content": [_filled_part(part) for part in content]}


def _filled_part(part: Any) -> Any:
    if not isinstance(part, Mapping) or "type" in part:
        return part
    if isinstance(named := part.get("image"), str):
        return image(named, detail=part.get("detail")) if _is_address(named) else _kept("image", named, part.get("detail"))
    if isinstance(named := part.get("audio"), str):
        return _kept("audio", named, part.get("format"))
    return text(part["text"]) if isinstance(part.get("text"), str) else part


@lru_cache(maxsize=MOST_KEPT)
def _kept(kind: str, file: str, more: str | None) -> dict[str, Any]:
    return image(Path(file), detail=more) if kind == "image" else audio(Path(file), format=more)


def _worded(message: Mapping[str, Any], word: Any) -> Mapping[str, Any]:
    content = message.get("content")
    if not isinstance(content, (list, tuple)):
        return message
    return {**message, "content": [word(part, message.get("role")) if isinstance(part, Mapping) else part for part in content]}


def _response_part(part: Part, role: Any) -> Part:
    match part.get("type"):
        case "text":
            return {"type": "output_text" if role == "assistant" else "input_text", "text": part.get("text")}
        case "image_url":
            link = part["image_url"]
            return {"type": "input_image", "image_url": link["url"], "detail": link.get("detail", "auto")}
    return part


def _anthropic_part(part: Part, _role: Any) -> Part:
    if part.get("type") == "input_audio":
        raise UsageError("messages in Anthropic's style have no audio", where="a part input_audio", hint="dialect: chat")
    if part.get("type") != "image_url":
        return part
    link = part["image_url"]["url"]
    kind, comma, data = link.removeprefix("data:").partition(";base64,")
    if not link.startswith("data:") or not comma:
        return {"type": "image", "source": {"type": "url", "url": link}}
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _image_link(content: bytes, name: str) -> str:
    kind = next((kind for start, kind in _IMAGES if content.startswith(start)), None)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        kind = "image/webp"
    if kind is None:
        raise UsageError("is no PNG, JPEG, GIF, WebP or BMP", where=f"image {name}", hint="an address, https://…, is passed on as it is")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _content(source: str | Path | bytes, what: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if Path(source).stat().st_size > MOST_BYTES:
            raise UsageError(f"is larger than {MOST_BYTES // 1_000_000} MB", where=f"{what} {source}", hint="a smaller file")
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=f"{what} {source}", hint="the path of a file") from None


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://", "data:"))


def _name(source: str | Path | bytes) -> str:
    return f"of {len(source)} bytes" if isinstance(source, bytes) else str(source)
