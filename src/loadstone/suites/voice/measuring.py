"""What measuring itself costs: calls as steps beside the same calls in a plain loop, for nothing at all and for a tool."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import loadstone as ls
from loadstone.suites.voice.tool_registry import found

NOTHING = "nothing"
MOST_CALLS, FEWEST_CALLS, LONGEST_NS = 200, 3, 50_000_000  # of one look
ALLOWED_SHARE = 0.05  # of the operation, where that is more than the limit in time
METRICS = {
    "parts.measuring": {
        "unit": "ms",
        "better": "lower",
        "meaning": "what a measured call costs beside the same in a plain loop; tag operation",
    },
    "parts.operation": {"unit": "ms", "meaning": "that call in the plain loop; tag operation"},
    "parts.measuring_share": {"unit": "1", "better": "lower", "meaning": "that cost / the call itself; tag operation"},
    "parts.measuring_allowed": {
        "unit": "1",
        "better": "lower",
        "meaning": "that cost / what it may be: 5 % of the call, or the limit in time where that is more; tag operation",
    },
}


class Measuring(ls.User):
    """Measures the measuring; of a tool that fails nothing is told."""

    async def on_start(self) -> None:
        tools = found(self.settings["registry"]) if self.settings["registry"] else {}
        name = min(tools, default="")
        self.operations = {NOTHING: nothing, **({name: tools[name]} if name else {})}

    @ls.task
    async def compare(self) -> None:
        for name, operation in self.operations.items():
            calls = how_many(operation)
            began = perf_counter_ns()
            for _ in range(calls):
                reply = await self.call(operation, name=name)
                if not reply.ok:
                    return
            measured = perf_counter_ns()
            for _ in range(calls):
                operation()
            plain_ns = perf_counter_ns() - measured
            self.tell(name, (measured - began - plain_ns) / calls, plain_ns / calls)

    def tell(self, name: str, added_ns: float, plain_ns: float) -> None:
        """What one call cost."""
        added_ns, tags = max(0.0, added_ns), {"operation": name}
        self.record("parts.measuring", added_ns / 1e6, tags)
        self.record("parts.operation", plain_ns / 1e6, tags)
        self.record("parts.measuring_share", added_ns / max(1.0, plain_ns), tags)
        self.record("parts.measuring_allowed", added_ns / allowed_ns(plain_ns, self.settings["limit_us"]), tags)


def allowed_ns(operation_ns: float, limit_us: float) -> float:
    """What measuring one call may cost: 5 % of it, or the limit, whichever is larger."""
    return max(ALLOWED_SHARE * operation_ns, limit_us * 1e3)


def how_many(operation: Callable[[], Any]) -> int:
    """Calls of one look: many of a short operation, few of a long one."""
    began = perf_counter_ns()
    operation()
    return max(FEWEST_CALLS, min(MOST_CALLS, LONGEST_NS // max(1, perf_counter_ns() - began)))


def nothing() -> None:
    """A call that does nothing."""
