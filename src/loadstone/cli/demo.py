"""`loadstone demo`: a whole run in less than half a minute, on the reference backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.errors import ExitCode
from loadstone.load.spawn import ahead

if TYPE_CHECKING:
    from loadstone.plan.model import Plan

# What the reference backend is asked to do wrong, in the words of `loadstone serve`.
FAULTS = {
    "latency": ("--latency", "lognormal:400ms,0.4"),
    "errors": ("--error-rate", "5%"),
    "stall": ("--stall", "4s@7s"),
}
NEXT = """\
What next:
  loadstone hit URL              the same measurement of one URL of yours
  loadstone llm URL              of a language model: time to first token, gaps, tokens per second
  loadstone ws URL               of a WebSocket server
  loadstone voice URL            of a voice agent, at the ear of its callers
  loadstone run chat --url URL   a ready suite against your backend; others are bot, llm, voice and workflow
  loadstone init                 write a suite of your own, with comments
"""


@click.command("demo")
@click.option("--fault", type=click.Choice(sorted(FAULTS)), help="Let the backend fail, to see a run that does not pass.")
@showing_options
def command(fault: str | None, *, as_json: bool, quiet: bool, no_color: bool, out: str | None) -> int:
    r"""Start the reference backend, put realistic load on it over real sockets, print a verdict.

    \b
    loadstone demo                    passes on a laptop
    loadstone demo --fault latency    every answer comes late
    loadstone demo --fault errors     one request in twenty fails
    loadstone demo --fault stall      nothing is answered for four seconds
    """
    with ahead() as worker:
        from loadstone.plan.resolve import load

        plan, _ = load(["demo"])
        if fault:
            plan = _without_calls(plan)
        code = perform(plan, Showing(as_json, quiet, no_color, out), worker=worker, faults=FAULTS.get(fault or "", ()))
    if not (as_json or quiet):
        from loadstone.reference.voice import parts

        if absent := [] if fault else parts.missing():
            click.echo(f"Left out: two calls of the real voice agent, which needs {', '.join(absent)}: {parts.INSTALL}\n")
        click.echo(f"That was --fault {fault}: {_meant(code)}\n" if fault else NEXT)
    return code


def _without_calls(plan: Plan) -> Plan:
    """Calls know nothing of these faults."""
    scenarios = tuple(each for each in plan.scenarios if not any(step.voice is not None for step in each.steps))
    gates = tuple(each for each in plan.gates if "voice." not in each.gate)
    return plan.model_copy(update={"scenarios": scenarios, "gates": gates})


def _meant(code: int) -> str:
    return "the run fails, and says where." if code == ExitCode.GATE_FAILED else "the run should have failed; this machine is an odd one."
