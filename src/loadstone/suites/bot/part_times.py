"""How long each part of the bot suite may take."""

from dataclasses import dataclass, field

import loadstone as ls
from loadstone.suites.bot.hard_cases import HARD_CASES
from loadstone.suites.bot.scenarios import SyntheticScenario

SETTLE_S = 10.0  # of a run's time, for what is still under way at its end
# Of the time that nothing is known to need.
SHARES = {"critical": 0.3, "queries": 0.4, "parallel": 0.2, "synthetic": 0.1}
OWN = "scenarios"


@dataclass(frozen=True, slots=True)
class Times:
    """How long each part may take, in seconds; that of one stress or shape is exact.

    own: by scenario of the user's
    """

    critical: float
    queries: float
    parallel: float
    synthetic: float
    stress: float
    own: dict[str, float] = field(default_factory=dict)


def times(options: ls.Options, parts: frozenset[str], paths: int, loads: int, scenarios: tuple[SyntheticScenario, ...] = ()) -> Times:
    """What each part needs at the allowed rate, and a share of the rest; stress and shapes have half of the whole at most.

    paths:  critical ones
    loads:  kinds of stress and shapes of load
    raises: UsageError when the parts cannot be done in the time, however fast the bot is
    """
    whole = options.timeout - SETTLE_S
    stress = min(options.stress_duration, whole / 2 / loads) if loads else 0.0
    rest = whole - stress * loads
    asked = {"critical": paths * options.critical_count, "queries": min(options.query_count, options.max_queries or options.query_count)}
    asked |= {"synthetic": len(HARD_CASES)} if "synthetic" in parts else {}
    needed = {name: _least_s(count, options) for name, count in asked.items()}
    own = {each.name: each.needs_s(options.max_concurrent, options.rate_limit) for each in scenarios}
    all_needed = needed | ({OWN: sum(own.values())} if own else {})
    spare = rest - sum(all_needed.values())
    if spare < 0:
        parts_told = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in all_needed.items())
        raise ls.UsageError(
            f"{rest:.3g} s of {options.timeout:g} s are for queries, and at {options.rate_limit:g}/s they take {parts_told}",
            where="--timeout",
            hint="a longer --timeout, a higher --rate-limit, or a lower --critical-count or --query-count",
        )
    if own:
        spare /= 1 + SHARES["synthetic"]
    found = {name: needed.get(name, 0.0) + share * spare for name, share in SHARES.items()}
    each_more = SHARES["synthetic"] * spare / max(1, len(own))
    return Times(**found, stress=stress, own={name: seconds + each_more for name, seconds in own.items()})


def _least_s(count: int, options: ls.Options) -> float:
    """Seconds in which so many queries can be asked, the time of the last one's answer included."""
    at_once: int = min(options.max_concurrent, count)
    return float(-(-count // at_once) * at_once / options.rate_limit)
