"""Opening WebSockets for one user: name, connect, TLS and upgrade apart, and again when one was lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any

from loadstone.clients.cookies import CookieJar
from loadstone.clients.failure import Failed, Kind
from loadstone.clients.fanout import FanOut
from loadstone.clients.ground import Ground
from loadstone.clients.http import HttpClient, Place
from loadstone.clients.http_scope import HttpScope, is_absolute
from loadstone.clients.replies import Match
from loadstone.clients.request import basic_auth
from loadstone.clients.server_stamps import ServerClock, StampedWebSocket
from loadstone.clients.upgrade import Upgrade
from loadstone.clients.websocket import WebSocket
from loadstone.clients.websocket_connection import WebSocketConnection
from loadstone.clock import SECOND, now_ns
from loadstone.errors import UsageError
from loadstone.measure.messages import Messages, MessageSteps
from loadstone.plan.websocket import NO_CONTEXT, Reconnect, WebSocketSettings
from loadstone.plan.wrong import Wrong

MOST_ROOMS = 10_000
SCHEMES = {"ws": "http", "wss": "https"}


class WebSocketClients:
    """WebSocket clients of a scenario; see clients.ground.Clients."""

    def __init__(self, ground: Ground) -> None:
        self.http: HttpScope = ground.http
        self.timers = ground.timers
        self.settings: WebSocketSettings = ground.plan.websocket
        self._clock = ServerClock(self.settings.stamp) if self.settings.stamp is not None else None
        self.steps = MessageSteps(ground.http.recorder, ground.scenario)
        self._matches: dict[str, Match] = {}
        self.fan_outs: dict[str, FanOut] = {}
        self.worker, self.workers = ground.worker, ground.workers
        self.open: set[WebSocket] = set()  # of all users here

    def client(self, place: Place) -> WebSocketClient:
        """One user's."""
        return WebSocketClient(self, place)

    def match(self, text: str) -> Match:
        """The way to pair messages that this text names, read once; raises UsageError."""
        found = self._matches.get(text)
        if found is None:
            try:
                found = self._matches[text] = Match(text)
            except Wrong as error:
                raise UsageError(error.what, where=f"match {text}", hint=error.hint) from None
        return found

    def break_all(self) -> None:
        """Break every connection, in one go."""
        for websocket in list(self.open):
            websocket.abort()

    def made(self, client: WebSocketClient, columns: Messages) -> WebSocket:
        """A WebSocket that is not open yet."""
        return WebSocket(client, columns) if self._clock is None else StampedWebSocket(client, columns, self._clock)

    def upgrade(self, url: str, subprotocols: Sequence[str] | None, headers: Mapping[str, str] | None) -> Upgrade:
        """What a connection to this URL, or to this path below the target, asks for; raises UsageError."""
        http, settings = self.http, self.settings
        scheme, mark, rest = url.partition("://")
        if is_absolute(url):
            url = f"{SCHEMES.get(scheme.lower(), scheme)}{mark}{rest}"
        origin, target = http.resolve_url(url)
        fields: dict[str, str] = {}
        login = http.login(url)
        if login or http.settings.bearer:
            fields["Authorization"] = basic_auth(*login) if login else f"Bearer {http.settings.bearer}"
        fields |= {**http.settings.headers, **(headers or {})}
        return Upgrade(
            origin,
            target,
            fields,
            tuple(subprotocols if subprotocols is not None else settings.subprotocols),
            deflate=settings.deflate is not False,
            keep_context=settings.deflate != NO_CONTEXT,
        )


class WebSocketClient:
    """One user's WebSockets; also what they ask of it (websocket.Keeper)."""

    __slots__ = ("_connecting_ns", "_open", "_place", "_returning", "_shared", "close_ns", "kept", "reply_ns", "timers")

    def __init__(self, shared: WebSocketClients, place: Place) -> None:
        self._shared, self._place = shared, place
        self.timers = shared.timers
        self.reply_ns, self.close_ns = (round(each * SECOND) for each in (shared.settings.reply_s, shared.settings.close_s))
        self._open: dict[WebSocket, _Wanted] = {}
        self._returning: set[asyncio.Task[None]] = set()
        self.kept: dict[str, WebSocket] = {}  # of written steps, by step
        self._connecting_ns = 0  # since the last message that was due: this wait is not the generator's lateness

    def connect(
        self,
        url: str,
        *,
        name: str = "",
        subprotocols: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        ping_every: float | None = None,
        reconnect: Reconnect | bool | None = None,
    ) -> Opening:
        """Open a WebSocket: `async with client.connect("/ws/chat") as ws:`, or `ws = await client.connect(…)` and close it yourself.

        url:        a path below the target, or ws://, wss://, http:// or https://
        name:       step name in reports; default is the path
        ping_every: seconds between pings; the plan's `websocket.ping_every` unless given
        reconnect:  what to do when it is lost; the plan's `websocket.reconnect` unless given
        """
        shared = self._shared
        wanted = shared.upgrade(url, subprotocols, headers)
        columns = shared.steps.find(name or f"WS {wanted.target.partition('?')[0]}", self._place.tags)
        every = shared.settings.ping_every_s if ping_every is None else ping_every
        policy = shared.settings.reconnect if reconnect is None else Reconnect() if reconnect is True else reconnect or None
        return Opening(self, _Wanted(wanted, columns, round(every * SECOND), policy))

    def fan_out(self, room: str = "") -> FanOut:
        """The ledger of a room, which all users of the scenario in this worker share."""
        rooms = self._shared.fan_outs
        found = rooms.get(room)
        if found is None:
            if len(rooms) >= MOST_ROOMS:
                raise UsageError(f"more than {MOST_ROOMS} rooms", where=f"fan_out({room!r})", hint="fewer rooms with more members")
            found = rooms[room] = FanOut(self._shared.worker, self._shared.workers)
        return found

    def break_all_in(self, seconds: float) -> None:
        """Break all connections of the scenario in this worker at once, as a lost network does, so long from now."""
        self.timers.at(now_ns() + round(seconds * SECOND), self._shared.break_all)

    async def open(self, wanted: _Wanted) -> WebSocket:
        """A WebSocket, open or with the reason why it is not."""
        websocket = self._shared.made(self, wanted.columns)
        began = now_ns()
        try:
            connection = await self._attempt(wanted)
        except Failed as failed:
            websocket.not_opened(failed)
        else:
            self._open[websocket] = wanted
            self._shared.open.add(websocket)
            websocket.opened(connection, wanted.ping_every_ns)
        self._connecting_ns += now_ns() - began
        return websocket

    def forget(self, websocket: WebSocket) -> None:
        """It has ended, and will not be opened again."""
        self._open.pop(websocket, None)
        self._shared.open.discard(websocket)

    def close(self) -> None:
        """Leave everything at once, as at the end of a run."""
        for task in self._returning:
            task.cancel()
        for websocket in list(self._open):
            websocket.abandon()
            self.forget(websocket)

    # -- what WebSockets ask ----------------------------------------------------------------------------------------

    def take_due(self) -> tuple[int, int]:
        """See websocket.Keeper."""
        due, excused = self._place.take_due()
        connecting, self._connecting_ns = self._connecting_ns, 0
        return (due, excused + connecting) if due else (0, 0)

    def match(self, text: str) -> Match:
        """See websocket.Keeper."""
        return self._shared.match(text)

    def lost(self, websocket: WebSocket) -> bool:
        """See websocket.Keeper."""
        wanted = self._open.get(websocket)
        if wanted is None or wanted.reconnect is None:
            self.forget(websocket)
            return False
        wanted.columns.count("ws.losses")
        task = asyncio.ensure_future(self._return(websocket, wanted, wanted.reconnect, now_ns()))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        return True

    async def _return(self, websocket: WebSocket, wanted: _Wanted, policy: Reconnect, lost_ns: int) -> None:
        rng: random.Random = getattr(self._place, "rng", None) or random.Random(lost_ns)
        wait_s, failed = policy.first_s, Failed(Kind.OTHER, "not tried")
        for _ in range(policy.attempts):
            wait_ns = round(min(wait_s, policy.most_s) * (1 - policy.jitter * rng.random()) * SECOND)
            await self.timers.wait_until(now_ns() + wait_ns)
            wait_s *= 2
            if websocket.closing:
                return
            try:
                connection = await self._attempt(wanted)
            except Failed as reason:
                failed = reason
                continue
            wanted.columns.count("ws.reconnects")
            wanted.columns.time("ws.reconnect_time", connection.upgraded_ns - lost_ns)
            if websocket.closing:
                connection.close()
            else:
                websocket.opened(connection, wanted.ping_every_ns)
            return
        wanted.columns.count("ws.not_reconnected")
        self.forget(websocket)
        wanted.columns.never("ws.reconnect_time")
        websocket.not_opened(failed)

    # -- one attempt ------------------------------------------------------------------------------------------------

    async def _attempt(self, wanted: _Wanted) -> WebSocketConnection:
        columns = wanted.columns
        columns.count("ws.connects")
        try:
            connection = await self._connect(wanted)
        except Failed as failed:
            kind = failed.text.split()[1] if failed.kind is Kind.STATUS else failed.kind
            columns.failure("ws.connect_failures", kind, failed.text)
            raise
        return connection

    async def _connect(self, wanted: _Wanted) -> WebSocketConnection:
        http, upgrade, columns = self._shared.http, wanted.upgrade, wanted.columns
        origin = upgrade.origin
        began = now_ns()
        connection = await http.connect(WebSocketConnection, origin, lambda took: columns.time("ws.dns_time", took))
        await self._upgrade(connection, wanted)
        columns.time("ws.connect_time", connection.connected_ns - connection.started_ns)
        if origin.scheme == "https":
            columns.time("ws.tls_time", connection.tls_ns - connection.connected_ns)
        columns.time("ws.upgrade_time", connection.upgraded_ns - connection.sent_ns)
        columns.time("ws.open_time", connection.upgraded_ns - began)
        return connection

    async def _upgrade(self, connection: WebSocketConnection, wanted: _Wanted) -> None:
        upgrade, http = wanted.upgrade, self._shared.http
        jar = self._jar()
        try:
            cookies = jar.header(upgrade.origin, upgrade.target) if jar else ""
            head = await connection.upgrade(upgrade, self._shared.settings.max_message_bytes, cookies)
        except BaseException:
            connection.close()
            raise
        if head.cookies and http.settings.cookies:
            client = getattr(self._place, "client", None)
            if isinstance(client, HttpClient):
                client.cookies = client.cookies or CookieJar()
                client.cookies.take(head.headers(), upgrade.origin, upgrade.target)

    def _jar(self) -> CookieJar | None:
        """The cookies that this user's HTTP client keeps: whoever logged in by HTTP is known here, too."""
        client = getattr(self._place, "client", None)
        return client.cookies if isinstance(client, HttpClient) else None


class _Wanted:
    """One connection as it was asked for: what is needed to open it again."""

    __slots__ = ("columns", "ping_every_ns", "reconnect", "upgrade")

    def __init__(self, upgrade: Upgrade, columns: Messages, ping_every_ns: int, reconnect: Reconnect | None) -> None:
        self.upgrade, self.columns, self.ping_every_ns, self.reconnect = upgrade, columns, ping_every_ns, reconnect


class Opening:
    """What `connect` gives: to be awaited, or to be used in `async with`, which closes the WebSocket."""

    __slots__ = ("_client", "_wanted", "_websocket")

    def __init__(self, client: WebSocketClient, wanted: _Wanted) -> None:
        self._client, self._wanted = client, wanted
        self._websocket: WebSocket | None = None

    def __await__(self) -> Generator[Any, None, WebSocket]:
        return self._client.open(self._wanted).__await__()

    async def __aenter__(self) -> WebSocket:
        self._websocket = await self._client.open(self._wanted)
        return self._websocket

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        websocket = self._websocket
        if websocket is None:
            return
        try:
            if kind is asyncio.CancelledError:
                websocket.abandon()
            else:
                await websocket.close()
        finally:
            self._client.forget(websocket)  # also one that was lost before
