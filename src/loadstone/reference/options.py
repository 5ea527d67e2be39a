"""The command line of the reference backend: `loadstone serve` and `python -m loadstone.reference`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from loadstone.errors import UsageError

TOKEN_VARIABLE, SHORTEST_TOKEN = "LOADSTONE_INSIDE_TOKEN", 8
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
@click.option("--leak", metavar="SIZE", help="Memory lost with each request: 10kB; other kinds by --fault leak_kind=.")
@click.option(
    "--fault", "faults", metavar="NAME=VALUE", multiple=True, help="Any fault by name: error_status, leak_kind, pool, instances, drift, …"
)
@click.option("--ttft", metavar="DELAY", help="Simulated model: time to the first token.  [default: lognormal:50ms,0.2]")
@click.option("--token-gap", metavar="DELAY", help="Simulated model: time between tokens.  [default: normal:10ms,2ms]")
@click.option("--simulator", metavar="NAME=VALUE", multiple=True, help="Any switch of the simulated model: reasoning, stall, cache, …")
@click.option("--socket", "sockets", metavar="NAME=VALUE", multiple=True, help="Any switch of WebSockets: limit, slow, lose, drop, …")
@click.option("--voice", "voices", metavar="NAME=VALUE", multiple=True, help="Any switch of voice calls: delay_ms, stop_ms, drop, pool, …")
@click.option(
    "--model",
    type=click.Choice(["simulator", "smollm2"]),
    default="simulator",
    show_default=True,
    help="smollm2 loads a real small model as well; the simulator stays.",
)
@click.option("--model-threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Real model: threads that compute.")
@click.option("--model-slots", type=click.IntRange(1, 64), default=4, show_default=True, help="Real model: answers at once; more wait.")
@click.option(
    "--inside",
    is_flag=False,
    flag_value="",
    metavar="[TOKEN]",
    help="Say at /_inside what happens inside, to whoever shows the token; without a value that of LOADSTONE_INSIDE_TOKEN.",
)
@click.option(
    "--bot-database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file of messages for /bot; `loadstone run bot` makes one.",
)
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="File that gets the URL once it answers.")
@click.option("--parent-pid", type=click.IntRange(1), help="End when that process has ended.")
@click.option("--quiet", is_flag=True, help="Do not print the URL.")
def command(**given: Any) -> None:
    """Start the reference backend: an AI backend with a simulated model, and faults of exactly known amounts."""
    faults = asked_faults(given)
    # Starlette and uvicorn take a third of a second; a mistake above should not wait for them.
    from loadstone.reference.faults import read_faults
    from loadstone.reference.server import Listening, serve
    from loadstone.reference.sockets.switches import SocketSwitches, read_socket_switches
    from loadstone.reference.state import Settings
    from loadstone.reference.switches import Switches, read_switches
    from loadstone.reference.voice.switches import VoiceSwitches, read_voice_switches

    settings = Settings(
        database=given["database"],
        bot_database=given["bot_database"],
        seed=given["seed"],
        faults=read_faults(faults, where="fault"),
        inside=None if given["inside"] is None else inside_token(given["inside"]),
        real=(given["model_threads"], given["model_slots"]) if given["model"] != "simulator" else None,
        sockets=read_socket_switches(dict(_pairs(given["sockets"], "--socket", "--socket limit=100")), SocketSwitches(), where="--socket"),
        voice=read_voice_switches(dict(_pairs(given["voices"], "--voice", "--voice delay_ms=600")), VoiceSwitches(), where="--voice"),
        simulator=read_switches(asked_switches(given), Switches(), where="--simulator"),
    )
    serve(settings, Listening(given["host"], given["port"], given["ready_file"], given["parent_pid"], given["quiet"]))


def inside_token(given: str) -> str:
    """The token of the page about the inside. Raises UsageError when it is too short to keep anybody out."""
    token = given or os.environ.get(TOKEN_VARIABLE, "")
    if len(token) < SHORTEST_TOKEN:
        what = (
            f"the token has fewer than {SHORTEST_TOKEN} characters" if token else f"no token, and the environment has no {TOKEN_VARIABLE}"
        )
        raise UsageError(what, where="--inside", hint=f"{TOKEN_VARIABLE}=$(openssl rand -hex 16)")
    return token


def asked_faults(given: dict[str, Any]) -> dict[str, Any]:
    """The faults of all flags together. Raises UsageError when one is asked for twice."""
    faults: dict[str, Any] = {"seed": given["seed"]}
    for name in _SHORT:
        if given[name] is not None:
            faults[name] = given[name]
    for name, value in _pairs(given["faults"], "--fault", "--fault error_rate=1%"):
        if name in faults and name != "seed":
            raise UsageError(f"{name!r} is asked for twice", where="--fault")
        faults[name] = value
    return faults


def asked_switches(given: dict[str, Any]) -> dict[str, str]:
    """The switches of all flags together. Raises UsageError when one is asked for twice, or its short flag is wrong."""
    from loadstone.reference.delays import parse_delay

    switches = {}
    for name, flag in (("ttft", "--ttft"), ("token_gap", "--token-gap")):
        if given[name] is not None:
            parse_delay(given[name], where=flag)
            switches[name] = given[name]
    for name, value in _pairs(given["simulator"], "--simulator", "--simulator reasoning=20"):
        if name in switches:
            raise UsageError(f"{name!r} is asked for twice", where="--simulator")
        switches[name] = value
    return switches


def _pairs(texts: tuple[str, ...], flag: str, example: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{text!r} has no value", where=flag, hint=example)
        yield name, value
