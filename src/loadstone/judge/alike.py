"""May two runs be compared? By what they ran on and what they ran."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# Stated assumptions, not measured: how much more two runs may differ, as a standard deviation of the logarithm.
SOFTWARE_SPREAD = 0.03
UNKNOWN_SPREAD = 0.05
MACHINE_SPREAD = 0.25
CHANGED = "changed_by_hand"


class Likeness(StrEnum):
    """What a comparison of two runs is worth."""

    SAME = "same"
    WIDER = "wider"  # with a wider interval and a notice
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Alikeness:
    """Whether two runs are alike, and why not.

    spread:  standard deviation of the logarithm that has to be added to a comparison's error
    reasons: one sentence for each difference
    """

    likeness: Likeness
    spread: float
    reasons: tuple[str, ...]


def alikeness(before: Mapping[str, object], after: Mapping[str, object], *, despite_machine: bool = False) -> Alikeness:
    """Compare two fingerprints: another plan or another machine is refused, other software widens the interval.

    before, after:   fields of a provenance (`cpu cores memory kernel python version plan_hash`), and `changed_by_hand`, a text when
                     somebody changed the load of the run; others do not matter, the clock frequency never does
    despite_machine: compare in spite of another machine, with an interval that hardly ever says "worse"; another plan stays refused
    """
    refused = [f"the load of the {which} run was changed by hand: {text}" for which, text in _changed(before, after)]
    wider, spread = [], 0.0
    for field, (words, read, effect) in _FIELDS.items():
        old, new = read(before.get(field)), read(after.get(field))
        if old == new and old:
            continue
        if not old or not new:
            wider.append(f"{words} of {'both runs' if not old and not new else 'one run'} is unknown")
            spread = math.hypot(spread, UNKNOWN_SPREAD if effect else 0.0)
        elif math.isinf(effect) or (effect == MACHINE_SPREAD and not despite_machine):
            refused.append(f"{words} differs: {old}, now {new}")
        else:
            wider.append(f"{words} differs: {old}, now {new}")
            spread = math.hypot(spread, effect)
    likeness = Likeness.REFUSED if refused else Likeness.WIDER if wider else Likeness.SAME
    return Alikeness(likeness, spread, (*refused, *wider))


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str]]:
    """A run whose load somebody changed did other work than its plan says."""
    return [(which, text) for which, run in (("earlier", before), ("later", after)) if (text := _text(run.get(CHANGED)))]


def machine_key(machine: Mapping[str, object]) -> str:
    """One text for all machines that are alike, to tell the histories of different ones apart."""
    found = {field: read(machine.get(field)) or "unknown" for field, (_, read, effect) in _FIELDS.items() if effect == MACHINE_SPREAD}
    return ", ".join(f"{text} cores" if field == "cores" else text for field, text in found.items())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _cpu(value: object) -> str:
    """The model without its clock frequency, which varies with the moment on some hosts."""
    return re.sub(r"\s*@?\s*[\d.]+\s*[GM]Hz", "", _text(value)).strip()


def _memory(value: object) -> str:
    """A power of two of GB: what a machine reports, in bytes, is a little less than what it has; a text is a class already."""
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float) or not value > 0:
        return ""
    return f"{2.0 ** round(math.log2(value / 1e9)):g} GB"


def _series(value: object) -> str:
    """The first two numbers of a version: `6.1` of `6.1.0-18-amd64`."""
    found = re.match(r"\d+\.\d+", _text(value))
    return found.group() if found else _text(value)


_FIELDS: dict[str, tuple[str, Callable[[object], str], float]] = {
    "plan_hash": ("the plan", _text, math.inf),
    "cpu": ("the processor", _cpu, MACHINE_SPREAD),
    "cores": ("the number of cores", _text, MACHINE_SPREAD),
    "memory": ("the memory", _memory, MACHINE_SPREAD),
    "kernel": ("the kernel", _series, SOFTWARE_SPREAD),
    "python": ("Python", _series, SOFTWARE_SPREAD),
    "version": ("the version of Loadstone", _text, SOFTWARE_SPREAD),
}
