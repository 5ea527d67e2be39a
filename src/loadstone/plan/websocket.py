"""How a plan wants WebSockets to be spoken, and a dialogue as a written step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loadstone.plan.extract import compile_extract
from loadstone.plan.quantities import Delay, Duration, Rate, Share, Size
from loadstone.plan.wrong import Wrong

NO_CONTEXT = "no_context_takeover"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Reconnect(_Settings):
    """What to do when a connection is lost: wait, try again, wait twice as long, and so on.

    jitter: share of each wait that is drawn by chance, so that users who were lost together do not come back together
    """

    attempts: Annotated[int, Field(gt=0)] = 10
    first_s: Delay = Field(default=0.1, alias="first")
    most_s: Duration = Field(default=10.0, alias="most")
    jitter: Share = 0.5


class Stamp(_Settings):
    """Where a server's messages say when they were sent; a text alone is the place, as `json.sent_at`.

    clock: `same`, this machine's wall clock; `apart`, another's, which is held against ours by stamped answers
    """

    at: str
    clock: Literal["same", "apart"] = "same"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value

    @field_validator("at")
    @classmethod
    def _readable(cls, value: str) -> str:
        compile_extract(value)
        return value


class WebSocketSettings(_Settings):
    """Everything about the WebSockets of a plan that is not in its steps; TLS, addresses and time-outs of connecting are those of `http`.

    reply_s:    how long an answer may take
    close_s:    how long the other side's close frame may take
    ping_every_s: 0 sends no pings
    stamp:      makes `ws.push_delay` of the server's own times
    """

    subprotocols: tuple[str, ...] = ()
    deflate: bool | Literal["no_context_takeover"] = True
    max_message_bytes: Size = Field(default=64_000_000, alias="max_message")
    reply_s: Duration = Field(default=30.0, alias="reply")
    close_s: Duration = Field(default=5.0, alias="close")
    ping_every_s: Delay = Field(default=0.0, alias="ping_every")
    reconnect: Reconnect | None = None
    stamp: Stamp | None = None

    @field_validator("reconnect", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        """`reconnect: true` is the usual policy."""
        return {} if value is True else None if value is False else value


class Turn(_Settings):
    """One line of a dialogue: `send`, `send_binary`, `expect`, `wait`, `ping` or `close`.

    send:   a text, or a mapping that is sent as JSON; places are filled in as in any template
    match:  how the answer to what is sent is known: `order`, a place as `json.id`, or nothing: then no answer is awaited
    expect: a check that the next message must fulfil; messages that do not are passed over
    within: how long the expected message or the answer may take
    """

    send: Any = None
    match: str | None = None
    expect: str | None = None
    extract: dict[str, str] = Field(default_factory=dict)
    within_s: Duration | None = Field(default=None, alias="within")
    wait_s: Delay | None = Field(default=None, alias="wait")
    close: int | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Turn:
        said = [
            key
            for key, value in (("send", self.send), ("expect", self.expect), ("wait", self.wait_s), ("close", self.close))
            if value is not None
        ]
        if len(said) != 1:
            raise Wrong(
                f"has {' and '.join(said)}: a line says one thing" if said else "says nothing", hint='send: hello, or expect: text == "hi"'
            )
        if self.match and self.send is None:
            raise Wrong("match belongs to a line that sends", hint="send: …, match: json.id")
        if self.close is not None and self.close not in {1000, *range(3000, 5000)}:
            raise Wrong("is a close code that a client may not send", hint="close: 1000")
        return self


class Dialogue(_Settings):
    """A step over a WebSocket: the connection is opened when a user first comes to it, and kept for the next time.

    keep: False opens a connection for each pass and closes it at the end
    rate: messages per second on each connection, whether answers come or not; the dialogue's lines then only send
    """

    path: str
    dialogue: Annotated[tuple[Turn, ...], Field(min_length=1)]
    subprotocols: tuple[str, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    keep: bool = True
    rate_per_s: Rate | None = Field(default=None, alias="rate")

    @model_validator(mode="after")
    def _only_sends(self) -> Dialogue:
        if self.rate_per_s is not None and any(turn.send is None for turn in self.dialogue):
            raise Wrong("a dialogue at a rate only sends", hint="dialogue: [{send: …, match: order}]")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """See plan.steps.Step."""
        return (self.path,)
