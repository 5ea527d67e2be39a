"""One prepared request again and again on one connection, from inside the wire's callback.

For users that do nothing else (`loadstone hit`): the next request leaves in the very call that read the last response, so
no task is woken, no coroutine resumed and no reply made. Anything out of the ordinary ends the volley, and the general
way takes over. Measured by `python -m benchmarks throughput`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadstone.clients.connection import Connection
from loadstone.clients.failure import Failed
from loadstone.clients.http import HttpClient
from loadstone.clients.http1 import Head
from loadstone.clients.reply import Reply
from loadstone.clients.request import Prepared
from loadstone.clock import now_ns
from loadstone.measure.recorder import Column


class Volley:
    """A waiter that answers a response with the next request.

    go_on: asked before each further request; False ends the volley
    """

    def __init__(self, client: HttpClient, prepared: Prepared, durations: Column, go_on: Callable[[], bool]) -> None:
        self._client, self._prepared, self._go_on = client, prepared, go_on
        self._wire, self._bodiless, self._keep, self._expect = prepared.wire, prepared.bodiless, prepared.keep_body, prepared.expect
        if prepared.redirects:
            self._expect = prepared.plain
        self._add_row, self._add_duration = prepared.step.rows.add, durations.add
        self._connection: Connection | None = None
        self._finished: asyncio.Future[None] | None = None
        self._stopped = self._to_repeat = False
        self._to_follow: Reply | None = None

    async def run(self) -> bool:
        """Requests as long as all is well; False when there was no connection to begin with.

        A request that did not end well has been recorded as what it was.
        """
        connection = self._connection = self._client.take(self._prepared.origin)
        if connection is None:
            return False
        self._finished = asyncio.get_running_loop().create_future()
        connection.exchange_for(self, self._wire, self._bodiless, self._keep)
        try:
            await self._finished
        except asyncio.CancelledError:
            self._stopped = True
            connection.close()
            raise
        if self._to_repeat:
            reply = await self._client.repeat(self._prepared, connection.sent_ns, 0, connection)
            followed = await self._client.follow(reply)
            self._add_duration(followed.seen_ns - reply.sent_ns)
        else:
            sent = connection.sent_ns
            self._client.give_back(self._prepared.origin, connection)
            if self._to_follow is not None:
                await self._client.follow(self._to_follow)
                self._add_duration(now_ns() - sent)
        return True

    def done(self) -> bool:
        """See Waiter."""
        return self._stopped

    def set_result(self, _result: None, /) -> None:
        """See Waiter."""
        connection: Connection = self._connection  # type: ignore[assignment]  # there is one as long as it is told of anything
        head: Head = connection.head  # type: ignore[assignment]  # of the response that is complete
        sent, seen = connection.sent_ns, connection.seen_ns
        # A compressed body that nobody keeps needs no closer look.
        if (not head.plain and (head.cookies or self._keep)) or head.status not in self._expect:
            reply = self._client.record(self._prepared, connection, sent)
            if reply.following is not None:
                self._to_follow = reply
            else:
                self._add_duration(seen - sent)
            self._end()
            return
        self._add_duration(seen - sent)
        # Due is sent: the next request of a closed loop is due when the last one has been read.
        self._add_row(sent, sent, connection.first_ns, connection.end_ns, seen, 0, connection.got, connection.put)
        if connection.usable and self._go_on():
            connection.exchange_for(self, self._wire, self._bodiless, self._keep)
        else:
            self._end()

    def set_exception(self, exception: Failed, /) -> None:
        """See Waiter."""
        connection, prepared = self._connection, self._prepared
        assert connection is not None
        if self._client.may_repeat(prepared, connection, exception):
            self._to_repeat = True
        else:
            self._client.record_failure(prepared, connection, exception)
            self._add_duration(now_ns() - connection.sent_ns)
        self._end()

    def _end(self) -> None:
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)
