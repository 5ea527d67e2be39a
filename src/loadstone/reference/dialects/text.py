"""OpenAI's older completions: text in, text out. Neither reasoning nor tools exist here."""

from __future__ import annotations

from typing import Any

from loadstone.reference.dialects.chat import DONE, failure, finish_reason, head, usage
from loadstone.reference.dialects.frames import EventFrame, event, identity
from loadstone.reference.reply import Ask, Kind, Piece, Reply
from loadstone.reference.switches import Switches


class TextCompletion:
    """One answer: the tokens, the finish, the usage if it is asked for, `[DONE]`."""

    def __init__(self, ask: Ask, reply: Reply, switches: Switches) -> None:
        self._reply, self._switches = reply, switches
        self._usage = switches.usage == "always" or (switches.usage == "asked" and ask.include_usage)
        self._head = head(identity("cmpl-"), "text_completion")
        self._frame = EventFrame(self._chunk(EventFrame.MARK, None))

    def opening(self) -> bytes:
        """See Dialect; there is no role to tell."""
        return b""

    def piece(self, piece: Piece) -> bytes:
        """See Dialect."""
        return self._frame.around(piece.text)

    def closing(self, *, done: bool) -> bytes:
        """See Dialect."""
        end = event(self._chunk("", finish_reason(self._reply)))
        if self._usage:
            end += event({**self._head, "choices": [], "usage": usage(self._reply)})
        return end + (DONE if done else b"")

    def failure(self) -> bytes:
        """See Dialect."""
        return event(failure())

    def whole(self) -> dict[str, Any]:
        """See Dialect."""
        choice = {"text": self._reply.text(Kind.TEXT), "index": 0, "logprobs": None, "finish_reason": finish_reason(self._reply)}
        whole = {**self._head, "choices": [choice]}
        return whole if self._switches.usage == "never" else whole | {"usage": usage(self._reply)}

    def _chunk(self, text: str, finish: str | None) -> dict[str, Any]:
        return {**self._head, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]}
