"""`loadstone ws URL`: load over WebSockets, from one line."""

from __future__ import annotations

from typing import Any

import click

from loadstone.cli.one_url import headers_of, over_http, resolved
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.probe_options import probe_options
from loadstone.cli.ws_scenarios import ANSWERED, CONNECTIONS, DURATION, MESSAGE, scenario_of
from loadstone.errors import UsageError
from loadstone.load.spawn import ahead


@click.command("ws")
@click.argument("url")
@click.option("-c", "--connections", metavar="N", help=f"Connections, one for each user.  [default: {CONNECTIONS}]")
@click.option("-r", "--rate", metavar="RATE", help="Messages per second of all connections together, whatever the answers do.")
@click.option("-d", "--duration", metavar="TIME", help=f"How long, as 10s or 5m.  [default: {DURATION}]")
@click.option("--ramp", metavar="TIME", help="Open the connections one after another, over that time, before the duration.")
@click.option("-n", "--messages", metavar="N", help="That many messages instead of a duration.")
@click.option("-m", "--message", metavar="TEXT|@FILE", help=f"What is sent; a template as in plan files.  [default: {MESSAGE}]")
@click.option(
    "--match", metavar="HOW", help="How an answer is known: order, or a place as json.id, or json.id=json.reply_to.  [default: order]"
)
@click.option("--subprotocol", "subprotocols", multiple=True, metavar="NAME", help="A subprotocol to offer; again for more.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the handshake; again for more.")
@click.option("--ping", metavar="TIME", help="Send a ping so often, and time its pong.")
@click.option("--stamp", metavar="PLACE", help="Where messages say when they were sent, as json.sent_at: makes ws.push_delay.")
@click.option(
    "--other-clock", is_flag=True, help="With --stamp: the server is another machine; needs --match, to hold its clock against ours."
)
@click.option("--no-deflate", is_flag=True, help="Do not offer compression.")
@click.option("--reconnect", is_flag=True, help="Open lost connections again, with growing waits.")
@click.option("--hold", is_flag=True, help="Only open connections and keep them; with --server-pid: what each costs the server.")
@click.option("--fan-out", is_flag=True, help="Everybody should receive what one sends: keep a ledger of what is missing, double or late.")
@click.option("--senders", metavar="N", help="With --fan-out: how many of the connections send.  [default: 1]")
@click.option("--slow-readers", metavar="N", help="With --fan-out: so many connections read nothing for a second at a time.")
@click.option(
    "--join", "joins", multiple=True, metavar="TEXT", help="With --fan-out: a message that each connection sends first; again for more."
)
@click.option("--storm", is_flag=True, help="Break all connections at once in the middle, and see how they come back.")
@click.option("--find-limit", metavar="MAX", is_flag=False, flag_value="1000", help="How many connections are accepted.  [MAX: 1000]")
@click.option("--server-pid", metavar="PID", help="Process of the server on this machine, for its memory.")
@click.option("--gate", "gates", multiple=True, metavar="GATE", help=f"As 'p95(ws.round_trip_time) < 50ms'; again.  [default: {ANSWERED}]")
@click.option("--warm-up", metavar="TIME", help="Leave the first part out of the judgement.")
@click.option("--timeout", metavar="TIME", help="Give an answer up after this.  [default: 30s]")
@click.option("-k", "--insecure", is_flag=True, help="Do not verify the server's certificate.")
@click.option("--workers", metavar="N", help="Processes that generate load.  [default: 1]")
@click.option("--seed", metavar="N", help="Seed of all that is drawn by chance.")
@probe_options
@showing_options
def command(url: str, *, as_json: bool, quiet: bool, no_color: bool, out: str | None, **given: Any) -> int:
    r"""Put load on a WebSocket server and print how it bore it.

    \b
    loadstone ws ws://127.0.0.1:8000/ws/echo -c 100 -d 10s
    loadstone ws wss://host/chat -c 50 -r 200/s -m '{"id": ${vars.seq}}' --match json.id
    loadstone ws ws://127.0.0.1:8000/ws/chat --find-limit 500
    """
    with ahead() as worker:
        return perform(plan_of(url, given), Showing(as_json, quiet, no_color, out), worker=worker)


def plan_of(url: str, given: dict[str, Any]) -> Any:
    """The plan behind the flags; its mistakes name the flags."""
    from loadstone.clients.address import split_url
    from loadstone.plan.document import Place

    origin, path = split_url(over_http(url))
    here: Place = ("scenarios", "ws")
    scenario, step_origins, gates = scenario_of(path, given)
    origins: dict[Place, str] = {(*here, *place): f"flag {flag}" for place, flag in step_origins.items()}
    settings: dict[str, Any] = {"deflate": not given["no_deflate"], "subprotocols": list(given["subprotocols"])}
    for key, flag in (("ping", "ping_every"), ("timeout", "reply")):
        if given[key]:
            settings[flag] = given[key]
            origins["websocket", flag] = f"flag --{key}"
    if given["other_clock"] and not given["stamp"]:
        raise UsageError("is about stamps", where="flag --other-clock", hint="--stamp json.sent_at --other-clock")
    if given["stamp"]:
        settings["stamp"] = {"at": given["stamp"], "clock": "apart" if given["other_clock"] else "same"}
        origins["websocket", "stamp", "at"] = "flag --stamp"
    if given["reconnect"] or given["storm"]:
        settings["reconnect"] = True
    tree: dict[str, Any] = {
        "name": "ws",
        "target": f"{origin.scheme}://{origin.authority}",
        "scenarios": {"ws": scenario},
        "websocket": settings,
        "http": {
            "headers": headers_of(given["headers"], example="-H 'Authorization: Bearer …'"),
            **({"verify": False} if given["insecure"] else {}),
        },
        "graceful_stop": given["timeout"] or "30s",
        "gates": list(given["gates"]) or gates,
    }
    origins["gates",] = "flag --gate"
    return resolved(tree, origins, given)
