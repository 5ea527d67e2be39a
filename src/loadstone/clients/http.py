"""The HTTP client of one simulated user: requests in, replies out, every exchange recorded. A failure is a reply, too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from loadstone.clients.address import Origin
from loadstone.clients.compiled import twins
from loadstone.clients.compression import decompress
from loadstone.clients.connection import Connection
from loadstone.clients.cookies import CookieJar
from loadstone.clients.failure import TIMEOUTS, Failed, Kind
from loadstone.clients.http1 import Head
from loadstone.clients.http_scope import HttpScope, prepare
from loadstone.clients.redirect import redirected
from loadstone.clients.reply import Reply
from loadstone.clients.request import REDIRECTS, Prepared
from loadstone.clients.stream import BodySink
from loadstone.clients.wire import Counters
from loadstone.clock import now_ns
from loadstone.measure.recorder import Exchanges
from loadstone.measure.rows import Rows
from loadstone.measure.snapshot import Series

if TYPE_CHECKING:
    from loadstone.clients.ground import Ground

MOST_PREPARED = 2_000
HANG_UPS = frozenset({Kind.CLOSED_EARLY, Kind.RESET})


class Place(Protocol):
    """What a client asks of the session that owns it."""

    tags: Mapping[str, str]

    def take_due(self) -> tuple[int, int]:
        """When the next exchange was due (0: now), and the ns it waited for a free session; the next call answers (0, 0)."""


class HttpClient:
    """One user's connections and cookies."""

    __slots__ = ("_idle", "_keep_alive", "_known", "_loop", "_place", "_shared", "_tags", "cookies")

    def __init__(self, shared: HttpScope, place: Place) -> None:
        self._shared, self._place = shared, place
        self._loop, self._keep_alive = shared.wire.loop, shared.keep_alive
        self._tags = place.tags
        self._known = shared.known(place.tags)
        self._idle: dict[Origin, list[Connection]] = {}
        self.cookies: CookieJar | None = None

    def get(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """GET; options as in `request`."""
        known = self._known.get(("GET", url)) if not options and self._place.tags is self._tags else None
        return self.exchange(known or self.prepare("GET", url, **options))

    def post(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """POST; options as in `request`."""
        return self.exchange(self.prepare("POST", url, **options))

    def put(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """PUT; options as in `request`."""
        return self.exchange(self.prepare("PUT", url, **options))

    def patch(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """PATCH; options as in `request`."""
        return self.exchange(self.prepare("PATCH", url, **options))

    def delete(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """DELETE; options as in `request`."""
        return self.exchange(self.prepare("DELETE", url, **options))

    def head(self, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """HEAD; options as in `request`."""
        return self.exchange(self.prepare("HEAD", url, **options))

    def request(self, method: str, url: str, **options: Any) -> Coroutine[Any, Any, Reply]:
        """Any method.

        name:      step name in reports; default is method and path without query
        params:    query parameters
        headers:   added to the scenario's; a value of None takes one away
        json, form, files, body: one kind of body; files may go with form (multipart)
        expect:    a status or several that are as expected; default is any below 400
        auth:      (user, password), or a bearer token
        redirects: how many to follow
        """
        return self.exchange(self.prepare(method, url, **options))

    def prepare(self, method: str, url: str, **options: Any) -> Prepared:
        """A request as bytes; requests without any options but a name are kept for the next time."""
        tags = self._place.tags
        if tags is not self._tags:
            self._tags, self._known = tags, self._shared.known(tags)
        key: tuple[str, ...]
        if not options:
            key = (method, url)
        elif len(options) == 1 and "name" in options:
            key = (method, url, options["name"])
        else:
            return prepare(self._shared, tags, method, url, **options)
        prepared = self._known.get(key)
        if prepared is None:
            prepared = prepare(self._shared, tags, method, url, **options)
            if len(self._known) >= MOST_PREPARED:
                self._known.clear()
            self._known[key] = prepared
        return prepared

    async def exchange(self, prepared: Prepared) -> Reply:
        """Send a prepared request, follow redirects, and record; never raises for what the target does."""
        due, excused = self._place.take_due()
        idle = self._idle.get(prepared.origin)
        if not idle or self.cookies or idle[-1].stage != "idle":
            return await self._generally(prepared, due, excused)
        connection = idle.pop()
        # The usual case in one piece: a connection that is open, and an answer that needs no closer look.
        waiter = self._loop.create_future()
        connection.exchange_for(waiter, prepared.wire, prepared.bodiless, prepared.keep_body)
        due = due or connection.sent_ns
        try:
            await waiter
        except Failed as failed:
            return await self._without_response(prepared, due, excused, connection, failed)
        except asyncio.CancelledError:
            connection.close()
            raise
        head = connection.head
        if head is None or not head.plain or head.status not in prepared.plain:
            return await self._finished(prepared, due, excused, connection)
        sent, first, end, seen = connection.sent_ns, connection.first_ns, connection.end_ns, connection.seen_ns
        prepared.step.rows.add(due, sent, first, end, seen, excused, connection.got, connection.put)
        if connection.stage == "idle" and self._keep_alive:
            idle.append(connection)
        else:
            self.give_back(prepared.origin, connection)
        return Reply(prepared.target, due, sent, first, end, seen, head, head.status, connection.body)

    async def _generally(self, prepared: Prepared, due: int, excused: int) -> Reply:
        return await self._exchange(prepared, due or now_ns(), excused, self.take(prepared.origin))

    async def _finished(self, prepared: Prepared, due: int, excused: int, connection: Connection) -> Reply:
        """A whole response that needs a closer look."""
        reply = self._answered(prepared, due, excused, connection)
        return await self.follow(reply) if reply.following is not None else reply

    async def _without_response(self, prepared: Prepared, due: int, excused: int, kept: Connection, failed: Failed) -> Reply:
        reply = await self._failed(prepared, due, excused, kept, failed, kept=kept)
        return await self.follow(reply) if reply.following is not None else reply

    async def stream(self, prepared: Prepared, sink: BodySink) -> Reply:
        """As `exchange`, but the body of the response goes to the sink as it comes, if that wants it."""
        due, excused = self._place.take_due()
        return await self._exchange(prepared, due or now_ns(), excused, self.take(prepared.origin), sink)

    async def _exchange(self, prepared: Prepared, due: int, excused: int, kept: Connection | None, sink: BodySink | None = None) -> Reply:
        reply = await self._exchange_once(prepared, due, excused, kept, sink)
        return await self.follow(reply, sink) if reply.following is not None else reply

    async def _exchange_once(self, prepared: Prepared, due: int, excused: int, kept: Connection | None, sink: BodySink | None) -> Reply:
        connection = kept
        try:
            if connection is None:
                asked = now_ns()
                connection = await self._connect(prepared.origin)
                excused += now_ns() - asked
            await connection.exchange(self.bytes_of(prepared), bodiless=prepared.bodiless, keep=prepared.keep_body, sink=sink)
        except Failed as failed:
            return await self._failed(prepared, due, excused, connection, failed, kept=kept, sink=sink)
        except asyncio.CancelledError:
            if connection is not None:
                connection.close()
            raise
        return self._answered(prepared, due, excused, connection)

    async def _failed(
        self,
        prepared: Prepared,
        due: int,
        excused: int,
        connection: Connection | None,
        failed: Failed,
        *,
        kept: Connection | None,
        sink: BodySink | None = None,
    ) -> Reply:
        if kept is not None and self.may_repeat(prepared, kept, failed):
            return await self.repeat(prepared, due, excused, kept, sink)
        reply = Reply(prepared.target, due)
        self._no_response(prepared, reply, connection, failed)
        return reply

    def _answered(self, prepared: Prepared, due: int, excused: int, connection: Connection) -> Reply:
        reply = Reply(prepared.target, due)
        self._record(prepared, reply, connection, excused)
        self.give_back(prepared.origin, connection)
        return reply

    async def follow(self, reply: Reply, sink: BodySink | None = None) -> Reply:
        """Go where the reply points to, as often as is allowed."""
        while (following := reply.following) is not None:
            reply = await self._exchange_once(following, now_ns(), 0, self.take(following.origin), sink)
        return reply

    def may_repeat(self, prepared: Prepared, kept: Connection, failed: Failed) -> bool:
        """Did the server only hang up a kept-alive connection in the instant in which the request left (RFC 9112 section 9.3.1)?"""
        return failed.kind in HANG_UPS and not kept.first_ns and (prepared.repeatable or not kept.put)

    async def repeat(self, prepared: Prepared, due: int, excused: int, kept: Connection, sink: BodySink | None = None) -> Reply:
        """Send the request once more on a fresh connection; what it costs stays in the times, which begin where they began."""
        shared = self._shared
        shared.recorder.count(shared.scenario, Series("http.reconnects", prepared.step.tags))
        reply, sent, put = Reply(prepared.target, due), kept.sent_ns, kept.put
        connection: Connection | None = None
        try:
            connection = await self._connect(prepared.origin)
            await connection.exchange(self.bytes_of(prepared), bodiless=prepared.bodiless, keep=prepared.keep_body, sink=sink)
        except Failed as failed:
            if connection is not None:
                connection.sent_ns, connection.put = sent, connection.put + put
            self._no_response(prepared, reply, connection or kept, failed)
        except asyncio.CancelledError:
            if connection is not None:
                connection.close()
            raise
        else:
            connection.sent_ns, connection.put = sent, connection.put + put
            self._record(prepared, reply, connection, excused)
            self.give_back(prepared.origin, connection)
        return reply

    def take(self, origin: Origin) -> Connection | None:
        """An open connection that is free, taken out of the client's hands."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep the connection for the next request, or close it when the scenario asks for new ones."""
        if not connection.usable:
            return
        if not self._shared.settings.keep_alive:
            connection.close()
            return
        idle = self._idle.get(origin)
        if idle is None:
            self._idle[origin] = [connection]
        else:
            idle.append(connection)

    def bytes_of(self, prepared: Prepared) -> bytes:
        """The request with this user's cookies."""
        if self.cookies:
            cookies = self.cookies.header(prepared.origin, prepared.target)
            if cookies:
                return prepared.with_cookies(cookies)
        return prepared.wire

    def record(self, prepared: Prepared, connection: Connection, due: int) -> Reply:
        """Write down an exchange that the caller made on a connection of this client."""
        reply = Reply(prepared.target, due)
        self._record(prepared, reply, connection, 0)
        return reply

    def record_failure(self, prepared: Prepared, connection: Connection, failed: Failed) -> None:
        """The same for one without a whole response."""
        self._no_response(prepared, Reply(prepared.target, connection.sent_ns), connection, failed)

    def _record(self, prepared: Prepared, reply: Reply, connection: Connection, excused: int) -> None:
        head = connection.head
        assert head is not None
        reply.head, reply.status, reply.body = head, head.status, connection.body
        reply.sent_ns, reply.first_ns = connection.sent_ns, connection.first_ns
        reply.end_ns, reply.seen_ns = connection.end_ns, connection.seen_ns
        if head.encoding or head.cookies or head.status not in prepared.plain:
            self._look_closer(prepared, reply, head)
        step = prepared.step
        rows = step.rows if reply.failure is None else step.failed
        rows.add(reply.due_ns, reply.sent_ns, reply.first_ns, reply.end_ns, reply.seen_ns, excused, connection.got, connection.put)

    def _look_closer(self, prepared: Prepared, reply: Reply, head: Head) -> None:
        if head.encoding and prepared.keep_body and prepared.method != "HEAD":
            self._decompress(reply, head)
        if head.cookies and self._shared.settings.cookies:
            if self.cookies is None:
                self.cookies = CookieJar()
            self.cookies.take(head.headers(), prepared.origin, prepared.target)
        if reply.failure is None and head.status in REDIRECTS and "location" in reply.headers:
            reply.following = redirected(self._shared, prepared, reply)
        if reply.failure is None and head.status not in prepared.expect and reply.following is None:
            reply.failure, reply.reason = Kind.STATUS, prepared.explain(reply) if prepared.explain else f"status {head.status}"
        if reply.failure is not None:
            prepared.step.failure(reply.failure, reply.reason)

    def _decompress(self, reply: Reply, head: Head) -> None:
        try:
            reply.body = decompress(reply.body, head.encoding, self._shared.settings.limits.body)
        except Failed as failed:
            reply.failure, reply.reason = failed.kind, failed.text

    def _no_response(self, prepared: Prepared, reply: Reply, connection: Connection | None, failed: Failed) -> None:
        reply.failure, reply.reason = failed.kind, failed.text
        reply.seen_ns = reply.end_ns = now_ns()
        got = put = 0
        if connection is not None:
            got, put = connection.got, connection.put
            reply.sent_ns, reply.first_ns = connection.sent_ns, connection.first_ns
            if connection.head is not None and got:
                reply.head, reply.status = connection.head, connection.head.status
        prepared.step.no_response(timed_out=failed.kind in TIMEOUTS, put=put, got=got)
        if failed.kind is not Kind.CANCELLED:
            prepared.step.failure(failed.kind, failed.text)

    async def _connect(self, origin: Origin) -> Connection:
        shared = self._shared
        record, scenario = shared.recorder.value, shared.scenario
        connection = await shared.connect(Connection, origin, lambda took: record(scenario, shared.dns_time, took))
        record(scenario, shared.connect_time, connection.connected_ns - connection.started_ns)
        if origin.scheme == "https":
            record(scenario, shared.tls_time, connection.tls_ns - connection.connected_ns)
        return connection

    async def open(self) -> None:
        """Connect to the target ahead of the first request; a failure shows at that request."""
        if self._shared.base is not None:
            origin = self._shared.base[0]
            try:
                self._idle.setdefault(origin, []).append(await self._connect(origin))
            except Failed:
                return

    def close(self) -> None:
        """Close all connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()


class HttpClients:
    """HTTP clients of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self._scope = ground.http

    def client(self, place: Place) -> HttpClient:
        """One user's."""
        return HttpClient(self._scope, place)


twins.bind(
    ((Connection, "_on_events"), (Connection, "exchange_for"), (HttpClient, "exchange"), (HttpClient, "get")),
    (Connection, Counters, Head, Prepared, HttpClient, Exchanges, Rows, Reply),
)
