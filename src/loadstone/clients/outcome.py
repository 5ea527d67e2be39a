"""What an answer of any protocol over HTTP says of the exchange beneath it."""

from __future__ import annotations

from collections.abc import Mapping

from loadstone.clients.reply import Reply


class Outcome:
    """An exchange that is over; `failure` says why it is not as expected, empty when it is."""

    __slots__ = ("_reply", "failure", "reason")

    _reply: Reply  # set by each of them: there is one to every request, and a call more would show
    failure: str
    reason: str

    @property
    def ok(self) -> bool:
        """Did it end as expected?"""
        return not self.failure

    @property
    def status(self) -> int:
        """The HTTP status; 0 without a response."""
        return self._reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the response; names in lower case."""
        return self._reply.headers

    @property
    def response_time_s(self) -> float:
        """Due to last byte, in seconds."""
        return self._reply.response_time_s
