"""What an examination found, one line each: `loadstone doctor`, and the lines at the start of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; `advice` is empty when all is well."""

    what: str
    found: str
    advice: str = ""


def written(findings: Sequence[Finding]) -> list[str]:
    """The lines, those with advice marked and their advice below."""
    width = max((len(each.what) for each in findings), default=0)
    lines = []
    for each in findings:
        lines.append(f"{'!' if each.advice else '·'} {each.what:<{width}}  {each.found}")
        if each.advice:
            lines.append(f"  {'':<{width}}  {each.advice}")
    return lines
