"""A connection to PostgreSQL that does not wait without end: a server that is frozen says nothing, and keeps its connections."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen

_READY_NONE = 0  # what psycopg sends a generator when its interval passes and nothing came


class Impatient(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, when one answer takes longer than `patience_s`."""

    patience_s = 30.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """See psycopg."""
        patience_s = self.patience_s if timeout is None else min(timeout, self.patience_s)
        try:
            return super().wait(_until(gen, time.monotonic() + patience_s, patience_s), interval)
        except TookTooLong:
            self.close()  # an answer that comes later must not be taken for that to the next question
            raise


class TookTooLong(psycopg.OperationalError):
    """No answer in time."""


def _until(gen: PQGen[RV], deadline: float, patience_s: float) -> Generator[Any, Any, RV]:
    try:
        wanted: Any = next(gen)
        while True:
            ready = yield wanted
            if ready == _READY_NONE and time.monotonic() > deadline:
                raise TookTooLong(f"no answer in {patience_s:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        value: RV = end.value
        return value
