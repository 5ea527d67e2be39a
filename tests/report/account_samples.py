"""An account of each kind, from simulated searches, runs with a known course, and a monitor in monitored time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from loadstone.capacity import search
from loadstone.errors import ExitCode
from loadstone.judge.alert_rules import parse_rule
from loadstone.judge.beside import Beside, Compared, compare
from loadstone.judge.difference import Answer
from loadstone.judge.duet_outcome import Facts, Outcome, Pace
from loadstone.judge.figures import asked_for, main_figures
from loadstone.judge.history import judge_histories
from loadstone.judge.regression_rules import PRESETS
from loadstone.judge.sweep import Level, Sweep
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure
from loadstone.monitor import Monitor, history, kept
from loadstone.report.account import Account
from loadstone.report.accounts.beside import account_of_comparison, account_of_duet
from loadstone.report.accounts.capacity import account_of_capacity
from loadstone.report.accounts.monitor import account_of_monitor
from loadstone.report.accounts.sweep import account_of_sweep
from loadstone.report.accounts.trend import account_of_trends
from loadstone.report.capacity_document import capacity_document_of
from loadstone.report.html.page import render_html
from loadstone.report.sweep_document import sweep_document_of
from loadstone.report.trend import Trend
from loadstone.store.windows import WindowStore
from loadstone.testing.past_runs import make_past, scattered
from loadstone.testing.samples import make_snapshot, make_story
from tests.capacity.simulated import Simulation, question, queue

HOSTILE = "</title><script>window.pwned = 1</script>\"'<img src=x onerror='window.pwned = 1'> {{ 7 * 7 }} \x1b[31m|`@x`"
RULE = "response: p95(http.response_time) warning > 1s critical > 5s"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@cache
def capacity(case: str = "found") -> Account:
    """`found` at a rate, `users` whose throughput bends as the law says, or `never` met."""
    if case == "users":
        # Response time R(N) of the law X = N / R with 5 % contention and a little coherency.
        simulation = Simulation(per_user_s=lambda users: 0.01 * (1 + 0.05 * (users - 1) + 0.0005 * users * (users - 1)))
        asked = question("p95(http.response_time) < 50ms", users=True, start=1)
    else:
        base_s = 0.5 if case == "never" else 0.0
        simulation = Simulation(queue(100, base_s=base_s), cpu_of=lambda load: min(100.0, load))
        asked = question()
    found = search(asked, run=simulation, look=lambda: None, clock=simulation.clock, rest=simulation.rest)
    return account_of_capacity(capacity_document_of(found), BEGAN)


@cache
def sweep(name: str = "shop", ended: str = "") -> Account:
    """Three levels, of which the last fails its gate."""
    gates = ("p95(http.response_time) < 100ms", "rate(http.errors) < 1%")
    lost = {Failure("status", "home", "503"): 20}
    levels = [
        Level(
            str(users),
            make_story(
                [make_snapshot(at, steps={"home": (30 * users, ms)}, failures=lost if ms > 100 else {}) for at in range(10)],
                gates=gates,
                plan_name=name,
            ),
        )
        for users, ms in ((1, 10.0), (2, 12.0), (4, 160.0))
    ]
    planned = ("1", "2", "4", *(("8",) if ended else ()))
    return account_of_sweep(sweep_document_of(Sweep("users", tuple(levels), planned, 2.0, 0.1, ended, ExitCode.GATE_FAILED)))


@cache
def compared() -> Compared:
    """Five runs at 20 ms beside five at 30 ms, with more failures and the same memory."""
    old = make_past(scattered(20, 12, 1), memory=1e8, name="main")
    new = make_past(scattered(30, 5, 2), memory=1e8, errors=2, name="last")
    new = Beside(new.name, [replace(run, name=f"n{run.name}") for run in new.runs])
    return compare(old, new, main_figures(new.runs[-1].total, Catalogue()), PRESETS["default"])


@cache
def comparison() -> Account:
    return account_of_comparison(compared(), BEGAN)


@cache
def duet() -> Account:
    differences = compared().found.differences
    facts = Facts({"A": "http://127.0.0.1:8000", "B": "http://127.0.0.1:8001"}, 12.0, Pace())
    outcome = Outcome(
        Answer.WORSE, tuple(differences[:2]), tuple(differences[2:4]), 40, facts, "clear", "p50 is 50 % slower", ("busy host",)
    )
    return account_of_duet(outcome, 1, BEGAN)


@cache
def trend(limit: float | None = 40.0) -> Account:
    """Twenty runs at 20 ms, then eight at 26 ms."""
    asked = [asked_for(text, Catalogue()) for text in ("p95(http.response_time)", "p50(http.response_time)")]
    runs = [run.figures(asked) for run in make_past([*scattered(20, 20, 5), *scattered(26, 8, 6)]).runs]
    trends = {each.figure.name: Trend(judge_histories(runs, each.figure), limit) for each in asked}
    return account_of_trends(trends, {each.figure.name: each.figure.unit for each in asked})


@cache
def creeping(limit: float | None = 40.0) -> Account:
    """Thirty runs, a day apart, each 1.5 % slower than the one before."""
    asked = asked_for("p95(http.response_time)", Catalogue())
    levels = [level * 1.015**at for at, level in enumerate(scattered(20, 30, 5, 0.01))]
    runs = [run.figures([asked]) for run in make_past(levels).runs]
    trends = {asked.figure.name: Trend(judge_histories(runs, asked.figure), limit)}
    return account_of_trends(trends, {asked.figure.name: asked.figure.unit})


@cache
def monitor(slow: bool = True, *, name: str = "shop", rules: Sequence[str] = (RULE,)) -> Account:
    """Two hours of a request a second, the last five minutes of which are slow."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.sqlite"
        watch = Monitor(name, Catalogue(), [parse_rule(rule) for rule in rules], WindowStore(path), wall=lambda: 1.78e9 + watch.monitored_s)
        for at in range(7200):
            watch.snapshot(make_snapshot(at, steps={"home": (1, 7000.0 if slow and at > 6900 else 100.0 + at / 100)}))
        watch.end()
        return account_of_monitor(kept(path), history(path))


def every() -> dict[str, Account]:
    """One of each kind."""
    return {
        "capacity": capacity(),
        "users": capacity("users"),
        "sweep": sweep(),
        "comparison": comparison(),
        "duet": duet(),
        "trend": trend(),
        "creeping": creeping(),
        "monitor": monitor(),
    }


def hostile() -> Account:
    """Names and texts full of what a page might take for its own."""
    return replace(sweep(HOSTILE, HOSTILE), target=HOSTILE, answer=HOSTILE, remarks=[HOSTILE])


if __name__ == "__main__":
    for kind, one in every().items():
        print(f"{kind:12}{len(render_html(one)) / 1000:6.1f} kB")
