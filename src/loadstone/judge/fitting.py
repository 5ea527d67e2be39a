"""Gates and bands of a plan held against what can be measured, before anything is."""

from __future__ import annotations

from loadstone.errors import PlanError
from loadstone.judge.bands import grade_all
from loadstone.judge.mistakes import Mistakes
from loadstone.judge.never_met import unknown_scenarios
from loadstone.judge.panel import Panel, Past
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.plan.model import Plan


def panel_of(plan: Plan, catalogue: Catalogue, past: Past | None = None) -> Panel:
    """The gates of a plan, ready to judge.

    raises: PlanError with every gate and band that does not fit the catalogue; else as Panel does
    """
    mistakes, panel = Mistakes(), Panel((), catalogue)
    with mistakes.collected():
        panel = Panel(plan.gates, catalogue, allow_few=plan.allow_few, past=past)
    for band in plan.bands:
        with mistakes.collected(band.at):
            grade_all([band], Aggregate(), catalogue)
    with mistakes.collected():
        if unknown := unknown_scenarios(plan):
            raise PlanError(unknown)
    mistakes.raise_any()
    return panel
