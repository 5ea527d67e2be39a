"""The truth about what was served, to compare a measurement with."""

from __future__ import annotations

import time
from typing import Any

# Unknown paths are counted together: a client that makes up paths must not grow our memory.
OTHER = "(other)"


class Ledger:
    """Requests by route and status since the start."""

    def __init__(self) -> None:
        self.started = time.time()
        self.in_flight = 0
        self.in_flight_max = 0
        self._counts: dict[tuple[str, int], int] = {}

    def arrived(self) -> None:
        """One more request is being served."""
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def answered(self, route: str, status: int) -> None:
        """One request is done; status 0 is one that was never answered."""
        self.in_flight -= 1
        key = (route, status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Counts by `METHOD /route`, then by status."""
        routes: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self._counts.items()):
            routes.setdefault(route, {})[str(status) if status else "unanswered"] = count
        return {
            "requests": sum(self._counts.values()),
            "by_route": routes,
            "in_flight": self.in_flight,
            "in_flight_max": self.in_flight_max,
            "uptime_s": round(time.time() - self.started, 3),
        }
