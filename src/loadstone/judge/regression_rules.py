"""How much worse is still fine: limits by the kind of a figure, and the presets of the ready suites."""

from __future__ import annotations

from dataclasses import dataclass, field

from loadstone.judge.recorded import Figure
from loadstone.judge.severity import Bands

_BYTES = frozenset({"B", "kB", "MB", "GB", "KiB", "MiB", "GiB"})


@dataclass(frozen=True, slots=True)
class RegressionRules:
    """Limits as shares; those of shares in points (0.05 is five points).

    named: limits of single figures, which go before those of their kind
    """

    times: float = 0.05
    rates: float = 0.05
    resources: float = 0.20
    shares: float = 0.05
    bands: Bands = field(default_factory=Bands)
    named: dict[str, float] = field(default_factory=dict)

    def limit_of(self, figure: Figure) -> float:
        """The share of a figure that is still tolerated."""
        if figure.name in self.named:
            return self.named[figure.name]
        if figure.is_share and not _is_resource(figure):
            return self.shares
        if _is_resource(figure):
            return self.resources
        return self.times if figure.better == "lower" else self.rates


def _is_resource(figure: Figure) -> bool:
    name = figure.name.lower()
    return figure.unit in _BYTES or ".memory" in name or ".cpu" in name


# Those of chat, llm, voice and workflow begin where the mildest severity does: 10 %. Fixed percentages of these rules alone would fail
# equal runs; here they are the limits over which certainty is asked as well.
PRESETS: dict[str, RegressionRules] = {
    "default": RegressionRules(),
    "bot": RegressionRules(times=0.15, rates=0.15, resources=0.20, shares=0.05),
    "chat": RegressionRules(times=0.10, rates=0.10, resources=0.20, shares=0.05),
    "llm": RegressionRules(times=0.10, rates=0.10, resources=0.20, shares=0.05),
    "voice": RegressionRules(times=0.10, rates=0.10, resources=0.20, shares=0.05),
    "workflow": RegressionRules(times=0.10, rates=0.10, resources=0.20, shares=0.05),
    "baseline": RegressionRules(times=0.15, rates=0.15, resources=0.15, shares=0.05),
}
