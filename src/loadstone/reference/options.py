"""The command line of the reference backend: `loadstone serve` and `python -m loadstone.reference`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from loadstone.errors import UsageError

_SHORT = ("capacity", "latency", "error_rate", "leak", "stall")


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 is a free one.")
@click.option("--database", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file to keep state in; default: a temporary one.")
@click.option("--seed", default=0, show_default=True, help="Seed of answers, delays and errors.")
@click.option("--latency", metavar="DELAY", help="Added to each request: 20ms, uniform:10ms,30ms, lognormal:20ms,0.3, exponential:20ms.")
@click.option("--error-rate", metavar="SHARE", help="Exact share of requests that fail: 1%.")
@click.option("--capacity", metavar="RATE", help="Requests per second that are served; more have to queue: 100/s.")
@click.option("--stall", metavar="FOR@AT", help="Answer nothing for a while: 5s@30s; several with commas.")
@click.option("--leak", metavar="SIZE", help="Memory lost with each request: 10kB.")
@click.option("--fault", "faults", metavar="NAME=VALUE", multiple=True, help="Any fault by name: error_status, queue, paths, …")
@click.option("--ttft", metavar="DELAY", default="lognormal:50ms,0.2", show_default=True, help="Simulated model: time to the first token.")
@click.option("--token-gap", metavar="DELAY", default="normal:10ms,2ms", show_default=True, help="Simulated model: time between tokens.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="File that gets the URL once it answers.")
@click.option("--parent-pid", type=click.IntRange(1), help="End when that process has ended.")
@click.option("--quiet", is_flag=True, help="Do not print the URL.")
def command(**given: Any) -> None:
    """Start the reference backend: an AI backend with a simulated model, and faults of exactly known amounts."""
    faults = asked_faults(given)
    # Starlette and uvicorn take a third of a second; a mistake above should not wait for them.
    from loadstone.reference.delays import parse_delay
    from loadstone.reference.faults import read_faults
    from loadstone.reference.server import Listening, serve
    from loadstone.reference.state import Settings

    settings = Settings(
        database=given["database"],
        seed=given["seed"],
        faults=read_faults(faults, where="fault"),
        ttft=parse_delay(given["ttft"], where="--ttft"),
        token_gap=parse_delay(given["token_gap"], where="--token-gap"),
    )
    serve(settings, Listening(given["host"], given["port"], given["ready_file"], given["parent_pid"], given["quiet"]))


def asked_faults(given: dict[str, Any]) -> dict[str, Any]:
    """The faults of all flags together. Raises UsageError when one is asked for twice."""
    faults: dict[str, Any] = {"seed": given["seed"]}
    for name in _SHORT:
        if given[name] is not None:
            faults[name] = given[name]
    for text in given["faults"]:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} has no value", where="--fault", hint="--fault error_rate=1%")
        if name in faults and name != "seed":
            raise UsageError(f"{name!r} is asked for twice", where="--fault")
        faults[name] = value
    return faults
