"""The client of event streams of one simulated user: any stream of server-sent events or of JSON lines."""

from __future__ import annotations

import json as json_codec
from array import array
from collections.abc import Callable, Coroutine, Mapping
from itertools import pairwise
from typing import Any

from loadstone.clients.failure import TIMEOUTS, Kind
from loadstone.clients.ground import Ground
from loadstone.clients.http import HttpClient, Place
from loadstone.clients.http_scope import prepare
from loadstone.clients.intake import Backlog, Intake, told_status
from loadstone.clients.outcome import Outcome
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared
from loadstone.clients.sse import Event
from loadstone.clients.stream import cancelled
from loadstone.clock import SECOND
from loadstone.measure.snapshot import Failure, Series
from loadstone.units import parse_duration

MOST_KEPT = 10_000  # events; all are counted and timed
NOT_EVENTS = "content_type"
Until = Callable[[Event], bool]


class Stream(Outcome):
    """An event stream that is over; `failure` says why it is not whole, and what came until then stays.

    events: the first of them, with names and ids
    count:  how many came
    left:   the client went before the end, as it was told to
    """

    __slots__ = ("_stamps", "count", "events", "left")

    def __init__(self) -> None:
        self._reply = Reply("", 0)
        self.events: list[Event] = []
        self.count = 0
        self.failure, self.reason, self.left = "", "", False
        self._stamps: array[int] = array("q")

    @property
    def text(self) -> str:
        """The events' data, one after another; for a response that is no stream, what came instead."""
        return "\n".join(event.data for event in self.events) or self._reply.text

    @property
    def body(self) -> bytes:
        """The text as bytes."""
        return self.text.encode()

    def json(self) -> Any:
        """The data of all events as JSON values; raises ValueError."""
        return [json_codec.loads(event.data) for event in self.events]

    @property
    def first_event_s(self) -> float | None:
        """Sent to first event, in seconds."""
        return (self._stamps[0] - self._reply.sent_ns) / SECOND if self._stamps else None

    @property
    def gaps_s(self) -> list[float]:
        """From each event to the next, in seconds."""
        return [(later - earlier) / SECOND for earlier, later in pairwise(self._stamps)]

    def __repr__(self) -> str:
        return f"<Stream {'ok' if self.ok else self.failure}, {self.count} events>"


class SseClients:
    """Clients of event streams of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self.http, self.timers, self.scenario = ground.http, ground.timers, ground.scenario
        self.backlog = Backlog(ground.http.wire.loop)

    def client(self, place: Place) -> SseClient:
        """One user's."""
        return SseClient(self, place)


class SseClient:
    """One user's streams."""

    def __init__(self, shared: SseClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self._http = HttpClient(shared.http, place)

    def close(self) -> None:
        """See Client."""
        self._http.close()

    def get(self, url: str, **options: Any) -> Coroutine[Any, Any, Stream]:
        """GET; options as in `request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Coroutine[Any, Any, Stream]:
        """POST; options as in `request`."""
        return self.request("POST", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        *,
        limit: int | None = None,
        timeout: float | str | None = None,  # noqa: ASYNC109  it is part of what is measured: the client leaves, which is an outcome
        until: str | Until | None = None,
        headers: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> Stream:
        """One stream until it ends, or until the client has what it wants.

        limit:   that many events are enough
        timeout: leave after this long (seconds or "2s")
        until:   leave after this event: its name, its data, or a function that knows it
        Further options are those of an HTTP request.
        """
        wanted = {"Accept": "text/event-stream, application/x-ndjson", "Accept-Encoding": None, **(headers or {})}
        prepared = prepare(self._shared.http, self._place.tags, method, url, headers=wanted, **options)
        prepared.explain = lambda reply: told_status(reply.status, reply.headers, reply.text[:200] if reply.body else "")
        stream = Stream()
        enough = _ends(until)

        def take(event: Event, stamp_ns: int) -> None:
            stream.count += 1
            stream._stamps.append(stamp_ns)  # noqa: SLF001  of this module
            if len(stream.events) < MOST_KEPT:
                stream.events.append(event)
            if (limit is not None and stream.count >= limit) or enough(event):
                raise cancelled("has all events that were wanted")

        intake = Intake(self._shared.backlog, take, prepared.expect, at_once=limit is not None or until is not None)
        timers = self._shared.timers
        leaving = None
        if timeout is not None:
            seconds = parse_duration(timeout)
            leaving = timers.at(timers.now_ns() + round(seconds * SECOND), lambda: intake.leave(f"left after {seconds:g} s"))
        try:
            reply = await self._http.stream(prepared, intake)
        finally:
            if leaving is not None:
                leaving.cancel()
        self._conclude(stream, prepared, reply, intake)
        return stream

    def _conclude(self, stream: Stream, prepared: Prepared, reply: Reply, intake: Intake) -> None:
        failed = intake.finish(whole=reply.failure is None)
        stream._reply = reply  # noqa: SLF001  of this module
        if Kind.CANCELLED in {reply.failure, failed.kind if failed else None}:
            stream.left, stream.reason = True, reply.reason
        elif reply.failure is not None:
            stream.failure, stream.reason = reply.failure, reply.reason
        elif failed is not None:
            stream.failure, stream.reason = failed.kind, failed.text
        elif intake.parser is None:
            what = f"content encoding {intake.compressed}" if intake.compressed else f"content type {intake.content_type or '(none)'}"
            stream.failure, stream.reason = NOT_EVENTS, f"{what} is no stream of events"
        elif intake.parser.half:
            stream.failure, stream.reason = Kind.CLOSED_EARLY, "ended inside an event"
        self._record(stream, prepared, reply)

    def _record(self, stream: Stream, prepared: Prepared, reply: Reply) -> None:
        recorder, scenario, step = self._shared.http.recorder, self._shared.scenario, prepared.step
        tags = step.tags
        outcome = tuple(sorted((*tags, ("outcome", "failed" if stream.failure else "cancelled" if stream.left else "ok"))))
        recorder.count(scenario, Series("sse.streams", tags))
        recorder.count(scenario, Series("sse.events", tags), stream.count)
        if stream.left:
            recorder.count(scenario, Series("sse.cancelled", tags))
        if stream.failure:
            recorder.count(scenario, Series("sse.errors", tuple(sorted((*tags, ("kind", stream.failure))))))
            if reply.failure is None:  # HTTP's own stand in the list already
                recorder.failure(scenario, Failure(stream.failure, step.step, stream.reason))
        stamps = stream._stamps  # noqa: SLF001  of this module
        if stamps:
            recorder.value(scenario, Series("sse.first_event", outcome), stamps[0] - reply.sent_ns)
        elif stream.failure in TIMEOUTS:
            recorder.beyond(scenario, Series("sse.first_event", outcome))
        if len(stamps) > 1:
            gaps = [later - earlier for earlier, later in pairwise(stamps)]
            add = recorder.column(scenario, Series("sse.event_gap", outcome)).add
            for gap in gaps:
                add(gap)
            recorder.value(scenario, Series("sse.longest_gap", outcome), max(gaps))


def _ends(until: str | Until | None) -> Until:
    if until is None:
        return lambda _event: False
    if isinstance(until, str):
        return lambda event: until in {event.name, event.data}
    return until
