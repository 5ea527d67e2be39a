"""`loadstone voice URL`: calls of a voice agent, measured at the ear, from one line."""

from __future__ import annotations

from typing import Any

import click

from loadstone.cli.one_url import WEBSOCKETS, headers_of, over_http, resolved, whole_number
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.probe_options import probe_options
from loadstone.errors import UsageError
from loadstone.load.spawn import ahead

CALLS, DURATION = "1", "30s"
PROTOCOLS = ("pcm", "realtime", "twilio", "wyoming")
RATES = {"pcm": 16_000, "realtime": 24_000, "twilio": 8_000, "wyoming": 16_000}
GATES = ("rate(voice.call_errors) < 1%", "rate(voice.dead_turn) < 1%")
# --calibrate: an oracle that answers after this, and what the caller may read.
DELAY_MS, MOST_MS = 600, 605
ORACLE = f"/voice/pcm?rate=16000&delay_ms={DELAY_MS}&speak_s=0.5"


@click.command("voice")
@click.argument("url", required=False)
@click.option("-c", "--calls", metavar="N", help=f"Calls at once.  [default: {CALLS}]")
@click.option("-r", "--rate-of-calls", "arrivals", metavar="RATE", help="New calls as 2/s or 30/m instead, whatever the agent does.")
@click.option("-d", "--duration", metavar="TIME", help=f"How long new calls are begun.  [default: {DURATION}]")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="pcm", show_default=True, help="How the agent is spoken to.")
@click.option("--rate", metavar="HZ", help="Samples per second: 8000, 16000, 24000 or 48000.  [default: the protocol's own]")
@click.option("--encoding", type=click.Choice(("pcm16", "mulaw")), default="pcm16", show_default=True, help="Of raw PCM.")
@click.option("--say", "says", multiple=True, metavar="WHAT", help="A WAV file, the name of an utterance, or a text; again for more turns.")
@click.option("--listen", is_flag=True, help="The agent speaks first: hear its greeting out.")
@click.option("--barge-in", metavar="TIME", help="Interrupt each answer so long after it became audible.")
@click.option("--script", metavar="FILE", help="A YAML list of acts instead: listen, speak, wait_answer, barge_in, silence, …")
@click.option("--ramp", metavar="TIME", help="The first calls begin within this time.  [default: 2s]")
@click.option(
    "--stagger", type=click.Choice(("even", "poisson", "step")), default="even", show_default=True, help="How first calls lie in the ramp."
)
@click.option("--within", metavar="TIME", help="A turn is dead when no answer is heard within this.  [default: 10s]")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the handshake; again for more.")
@click.option("--bearer-env", metavar="NAME", help="Environment variable with a token for Authorization.")
@click.option("--model", metavar="NAME", help="Model to ask for; realtime only.")
@click.option("--gate", "gates", multiple=True, metavar="GATE", help="As 'p95(voice.response_gap) < 800ms'; again for more.")
@click.option("--calibrate", is_flag=True, help="Without URL: call an oracle of our own, and judge what is read beside what is true.")
@click.option("-k", "--insecure", is_flag=True, help="Do not verify the server's certificate.")
@click.option("--workers", metavar="N", help="Processes that make calls.  [default: 1]")
@click.option("--seed", metavar="N", help="Seed of all that is drawn by chance.")
@probe_options
@showing_options
def command(url: str | None, *, as_json: bool, quiet: bool, no_color: bool, out: str | None, **given: Any) -> int:
    r"""Hold many calls with a voice agent at once, and print what a caller hears.

    \b
    loadstone voice ws://127.0.0.1:8000/voice/pcm -c 10 -d 30s
    loadstone voice wss://host/media --protocol twilio -c 50 --barge-in 800ms
    loadstone voice --calibrate -c 100
    """
    if (url is None) is not bool(given["calibrate"]):
        what = "there is nobody to call" if url is None else "calls an oracle of its own, and takes no URL"
        where = "argument URL" if url is None else "flag --calibrate"
        raise UsageError(what, where=where, hint="loadstone voice ws://127.0.0.1:8000/voice/pcm, or loadstone voice --calibrate")
    showing = Showing(as_json, quiet, no_color, out)
    with ahead() as worker:
        if url is not None:
            return perform(plan_of(url, given), showing, worker=worker)
        from loadstone.reference.process import ReferenceProcess

        with ReferenceProcess() as oracle:
            gates = given["gates"] or (
                f"p95(voice.response_gap) < {MOST_MS}ms",
                f"p5(voice.response_gap) > {2 * DELAY_MS - MOST_MS}ms",
                *GATES,
            )
            return perform(plan_of(f"{oracle.url}{ORACLE}", {**given, "gates": gates}), showing, worker=worker)


def plan_of(url: str, given: dict[str, Any]) -> Any:
    """The plan behind the flags; its mistakes name the flags."""
    from loadstone.clients.address import split_url
    from loadstone.plan.document import Place

    origin, path = split_url(over_http(url, {**WEBSOCKETS, "tcp": "http"}))
    here: Place = ("scenarios", "voice")
    voice: dict[str, Any] = {
        "protocol": given["protocol"],
        "rate": whole_number(given["rate"], "--rate") if given["rate"] else RATES[given["protocol"]],
        "encoding": given["encoding"],
        "stagger": given["stagger"],
        "path": path,
    }
    voice |= {key: given[key] for key in ("ramp", "within") if given[key]}
    if given["model"]:
        voice["options"] = {"model": given["model"]}
    step = {"name": given["protocol"], "voice": {"script": _script(given)}}
    tree: dict[str, Any] = {
        "name": "voice",
        "target": f"{origin.scheme}://{origin.authority}",
        "scenarios": {"voice": {"profile": _profile(given), "steps": [step]}},
        "voice": voice,
        "http": _http(given),
        "gates": list(given["gates"]) or list(GATES),
    }
    origins: dict[Place, str] = {
        (*here, "profile", "users"): "flag --calls",
        (*here, "profile", "rate"): "flag --rate-of-calls",
        (*here, "profile", "duration"): "flag --duration",
        (*here, "steps", 0, "voice", "script"): "flag --script" if given["script"] else "flag --say",
        ("gates",): "flag --gate",
        **{("voice", key): f"flag --{key}" for key in ("rate", "ramp", "within", "stagger", "encoding")},
    }
    if given["calibrate"]:
        tree["allow_few"] = True
    return resolved(tree, origins, given)


def _profile(given: dict[str, Any]) -> dict[str, Any]:
    """Calls at once, or so many that begin in a time."""
    lasts = given["duration"] or DURATION
    if not given["arrivals"]:
        return {"kind": "constant-users", "users": whole_number(given["calls"] or CALLS, "--calls"), "duration": lasts}
    if given["calls"]:
        raise UsageError("a load is either calls at once or a rate", where="flags --calls and --rate-of-calls", hint="keep one of them")
    return {"kind": "poisson-rate" if given["stagger"] == "poisson" else "constant-rate", "rate": given["arrivals"], "duration": lasts}


def _script(given: dict[str, Any]) -> list[Any]:
    if given["script"]:
        return _written(given["script"])
    acts: list[Any] = [{"listen": {}}] if given["listen"] else []
    for said in given["says"] or ("",):
        acts.append({"speak": said})
        if given["barge_in"]:
            acts.append({"barge_in": {"after": given["barge_in"]}})
        acts.append({"wait_answer": {}})
    return acts


def _written(file: str) -> list[Any]:
    from pathlib import Path

    import yaml

    example = "a YAML list: [{speak: hello}, wait_answer]"
    try:
        acts = yaml.safe_load(Path(file).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise UsageError(f"cannot be read: {text}", where=f"--script {file}", hint=example) from None
    if isinstance(acts, dict):
        acts = acts.get("script")
    if not isinstance(acts, list) or not acts:
        raise UsageError("is no list of acts", where=f"--script {file}", hint=example)
    return acts


def _http(given: dict[str, Any]) -> dict[str, Any]:
    http: dict[str, Any] = {"headers": headers_of(given["headers"], example="-H 'X-Team: blue'")}
    if given["bearer_env"]:
        http["auth"] = {"bearer": f"${{env:{given['bearer_env']}}}"}
    if given["insecure"]:
        http["verify"] = False
    return http
