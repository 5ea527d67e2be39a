"""`loadstone probe`: stands beside a target on another machine and tells what it takes."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
from typing import Any

import click

from loadstone.cli.probe_options import add_probes, probe_options
from loadstone.errors import UsageError

LISTEN = "127.0.0.1:9105"


@click.command("probe")
@click.option("--listen", metavar="HOST:PORT", default=LISTEN, help=f"Where it answers.  [default: {LISTEN}]")
@click.option(
    "--token-env", metavar="NAME", default="LOADSTONE_PROBE_TOKEN", help="Environment variable with the token.  [LOADSTONE_PROBE_TOKEN]"
)
@click.option("--cert", metavar="FILE", help="Certificate (PEM): TLS, with --key.")
@click.option("--key", metavar="FILE", help="Its key (PEM).")
@probe_options
def command(listen: str, token_env: str, cert: str | None, key: str | None, **given: Any) -> None:
    r"""Run beside a target and tell whoever has the token what it takes, until Ctrl-C.

    \b
    LOADSTONE_PROBE_TOKEN=… loadstone probe --listen 0.0.0.0:9105 --port 8000 --probe machine --cert c.pem --key k.pem

    In the plan of the run: probes: [{remote: "https://host:9105", token: "${env:LOADSTONE_PROBE_TOKEN}"}]
    """
    import os

    from loadstone.probes.remote_server import RemoteServer, Source

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or not host:
        raise UsageError(f"{listen!r} is no place to listen", where="flag --listen", hint=f"--listen {LISTEN}")
    if bool(cert) != bool(key):
        raise UsageError("a certificate needs its key, and a key its certificate", where="flags --cert and --key", hint="give both")
    token = os.environ.get(token_env, "")
    if not token:
        raise UsageError(
            f"the environment has no {token_env}", where="flag --token-env", hint=f'export {token_env}="$(openssl rand -hex 16)"'
        )
    source = Source(_probes(given))
    with (
        contextlib.closing(source),
        RemoteServer(source, host.strip("[]"), int(port), token, (cert, key) if cert and key else None) as server,
    ):
        if not cert and not _loopback(host.strip("[]")):
            click.echo("loadstone: without --cert and --key the token can be read on its way", err=True)
        click.echo(f"{'https' if cert else 'http'}://{host}:{server.server_address[1]}")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _probes(given: dict[str, Any]) -> list[Any]:
    from loadstone.plan.probe import ProbePlan
    from loadstone.plan.settings import Layers
    from loadstone.plugins import installed

    layers = Layers({}, {})
    add_probes(layers, given)
    plans = [ProbePlan.model_validate(each) for each in layers.tree.get("probes", [])]
    if not plans:
        raise UsageError("nothing is named that could be watched", hint="--port 8000, --pid PID, --process NAME or --probe machine")
    return [installed().make("probe", plan.kind, plan, "http://127.0.0.1") for plan in plans]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
