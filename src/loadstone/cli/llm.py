"""`loadstone llm URL --model M`: load on a language model, from one line."""

from __future__ import annotations

from typing import Any

import click

from loadstone.cli.llm_questions import INPUT_TOKENS, asked_by, limited, load_of, prompts_of
from loadstone.cli.one_url import headers_of, resolved, whole_number
from loadstone.cli.perform import Showing, perform, showing_options
from loadstone.cli.probe_options import probe_options
from loadstone.cli.sweeping import at_level, perform_sweep, sweep_options, with_own_seed
from loadstone.errors import UsageError
from loadstone.load.spawn import ahead

CONCURRENCY, DURATION, TIMEOUT = "8", "30s", "10m"
ERRORS_GATE = "rate(llm.errors) < 1%"
MAX_TOKENS = "128"
SWEPT = ("concurrency", "rate", "requests", "duration", "input-tokens", "output-tokens", "max-tokens", "turns", "speed", "workers")
DIALECTS = ("chat", "completions", "responses", "messages")


@click.command("llm")
@click.argument("url")
@click.option("--model", "-m", metavar="NAME", help="Model to ask.  [default: the only one that the server has]")
@click.option("--concurrency", "-c", metavar="N", help=f"Users that ask one question after another.  [default: {CONCURRENCY}]")
@click.option("--rate", "-r", metavar="RATE", help="Questions per second, as 5/s or 30/m, whatever the target does.")
@click.option("--poisson", is_flag=True, help="With --rate: the gaps of independent users.")
@click.option("--requests", "-n", metavar="N", help="That many questions instead of a duration.")
@click.option("--duration", "-d", metavar="TIME", help=f"How long, as 30s or 5m.  [default: {DURATION}]")
@click.option("--warm-up", metavar="TIME", help="Leave the first part out of the judgement.")
@click.option("--prompt", "-p", metavar="TEXT", help="The question.  [default: made-up ones]")
@click.option("--prompt-file", metavar="FILE", help="Questions, one on each line: JSON with `prompt` or `messages`, or CSV.")
@click.option("--image", "images", multiple=True, metavar="FILE|URL", help="With --prompt: a picture that goes with it; again for more.")
@click.option("--audio", "sounds", multiple=True, metavar="FILE", help="With --prompt: a recording that goes with it; again for more.")
@click.option("--turns", metavar="N", help="Conversations of so many questions: 4, 2..6; --requests counts conversations then.")
@click.option(
    "--think", metavar="TIME", help="With --turns or conversations in --prompt-file: the wait before the next question, as 2s..8s."
)
@click.option("--trace", metavar="FILE", help="Replay when requests came, and how long: columns of the Azure, BurstGPT or Mooncake traces.")
@click.option("--speed", metavar="X", help="With --trace: 2x is twice as fast.  [default: 1x]")
@click.option("--input-tokens", metavar="N", help=f"Length of made-up questions: 256, 9..99, 'normal 256 64'.  [default: {INPUT_TOKENS}]")
@click.option("--output-tokens", metavar="N", help="Limit of each answer, as a length or a distribution like those.")
@click.option("--max-tokens", metavar="N", help=f"Limit of all answers.  [default: {MAX_TOKENS}]")
@click.option("--temperature", metavar="X", help="Of the sampling.")
@click.option("--system", metavar="TEXT", help="What the model is told before.")
@click.option("--dialect", type=click.Choice(DIALECTS), help="How the server is spoken to.  [default: by the URL, else chat]")
@click.option("--no-stream", is_flag=True, help="Ask for answers in one piece.")
@click.option("--tokenizer", metavar="WHAT", help="module:function or tokenizer.json, for servers that do not count.")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; again for more.")
@click.option("--bearer", metavar="TOKEN", help="Token for Authorization; better --api-key-env.")
@click.option("--api-key-env", metavar="NAME", help="Environment variable with the token.")
@click.option("--gate", "gates", multiple=True, metavar="GATE", help=f"As 'p95(llm.ttft) < 1s'; again.  [default: {ERRORS_GATE}]")
@click.option("--slo", metavar="LIMITS", help="As 'ttft < 500ms and tpot < 50ms'; at least 95% of the answers must keep it.")
@click.option("--price-in", metavar="X", help="Price of a million tokens asked.")
@click.option("--price-out", metavar="X", help="Price of a million tokens answered.")
@click.option("--timeout", metavar="TIME", help=f"Give an answer up after this.  [default: {TIMEOUT}]")
@click.option("--no-keep-alive", is_flag=True, help="A new connection for each question.")
@click.option("--insecure", "-k", is_flag=True, help="Do not verify the server's certificate.")
@click.option("--workers", metavar="N", help="Processes that generate load.  [default: 1]")
@click.option("--seed", metavar="N", help="Seed of the arrivals.")
@probe_options
@sweep_options
@showing_options
def command(url: str, *, as_json: bool, quiet: bool, no_color: bool, out: str | None, **given: Any) -> int:
    r"""Put load on the language model at URL and time its tokens.

    \b
    loadstone llm http://127.0.0.1:8000 --model my-model -c 16 -d 1m
    loadstone llm https://host/v1/chat/completions -m NAME -r 2/s --poisson --gate 'p95(llm.ttft) < 1s'
    loadstone llm http://127.0.0.1:8000 --trace requests.csv --speed 2x
    loadstone llm http://127.0.0.1:8000 --turns 2..6 --think 2s..8s
    """
    showing = Showing(as_json, quiet, no_color, out)
    with ahead() as worker:
        if given["sweep"] is not None:
            return perform_sweep(given, lambda knob, level: _plan_at(url, given, knob, level), showing, worker=worker)
        return perform(plan_of(url, given), showing, worker=worker)


def _plan_at(url: str, given: dict[str, Any], knob: str, level: str) -> Any:
    """The plan with one of the flags set to a level."""
    return with_own_seed(plan_of(url, at_level(given, knob, level, command="llm", knobs=SWEPT)), level)


def plan_of(url: str, given: dict[str, Any]) -> Any:
    """The plan behind the flags; its mistakes name the flags."""
    from loadstone.clients.address import split_url
    from loadstone.plan.document import Place

    if "://" not in url:
        url = f"http://{url}"
    origin, path = split_url(url)
    dialect, base = _dialect(path, given["dialect"])
    target = f"{origin.scheme}://{origin.authority}{base}"
    profile, flags = load_of(given, users=CONCURRENCY, duration=DURATION)
    here: Place = ("scenarios", "llm")
    origins: dict[Place, str] = {(*here, "profile", key): flag for key, flag in flags.items()}
    http = _http(given, origins)
    llm = _settings(given, dialect, origins)
    llm["model"] = _model(given["model"], target, dialect, http)
    scenario: dict[str, Any] = {"profile": profile, "steps": [{"name": dialect, "llm": asked_by(given)}]}
    tree: dict[str, Any] = {"name": "llm", "target": target, "scenarios": {"llm": scenario}, "http": http, "llm": llm}
    slo = [f"goodput({given['slo']}) > 95%"] if given["slo"] else []
    # A run without a gate could not fail: then at least the answers must come.
    tree["gates"] = [*given["gates"], *slo] or [ERRORS_GATE]
    origins[("gates",)] = "flag --gate" if given["gates"] else "flag --slo"
    if given["price_in"] is not None or given["price_out"] is not None:
        tree["prices"] = {
            "input": _float(given["price_in"] or "0", "--price-in"),
            "output": _float(given["price_out"] or "0", "--price-out"),
        }
    return resolved(tree, origins, given)


def _dialect(path: str, wanted: str | None) -> tuple[str, str]:
    """The dialect, and what stands before its path: a URL may be the server's, its `/v1`, or an endpoint's own."""
    from loadstone.plan.llm import PATHS

    path = path.partition("?")[0].rstrip("/")
    for dialect in DIALECTS:
        if path.endswith(PATHS[dialect].removeprefix("/v1")):
            return wanted or dialect, path.removesuffix(PATHS[dialect].removeprefix("/v1")).removesuffix("/v1")
    return wanted or "chat", path.removesuffix("/v1")


def _settings(given: dict[str, Any], dialect: str, origins: dict[Any, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {"dialect": dialect, "stream": not given["no_stream"]}
    if (prompts := prompts_of(given, origins)) is not None:
        settings["prompts"] = prompts
    if given["max_tokens"] is not None or not limited(given):
        settings["max_tokens"] = whole_number(given["max_tokens"] or MAX_TOKENS, "--max-tokens")
    if given["temperature"] is not None:
        settings["temperature"] = _float(given["temperature"], "--temperature")
    for key in ("system", "tokenizer"):
        if given[key] is not None:
            settings[key] = given[key]
    for key in ("max_tokens", "temperature", "tokenizer", "system", "model"):
        origins["llm", key] = f"flag --{key.replace('_', '-')}"
    return settings


def _http(given: dict[str, Any], origins: dict[Any, str]) -> dict[str, Any]:
    timeout = given["timeout"] or TIMEOUT
    http: dict[str, Any] = {"cookies": False, "redirects": 0, "gzip": False, "expect": "2xx"}
    http["timeouts"] = {"first_byte": timeout, "total": timeout, "idle": timeout}
    origins["http", "timeouts", "total"] = "flag --timeout"
    if headers := headers_of(given["headers"], example="--header 'X-Team: blue'"):
        http["headers"] = headers
    if given["bearer"] and given["api_key_env"]:
        raise UsageError("there are two tokens", where="flags --bearer and --api-key-env", hint="keep one of them")
    token = given["bearer"] or (f"${{env:{given['api_key_env']}}}" if given["api_key_env"] else None)
    if token:
        http["auth"] = {"bearer": token}
        origins["http", "auth", "bearer"] = "flag --api-key-env" if given["api_key_env"] else "flag --bearer"
    if given["no_keep_alive"]:
        http["keep_alive"] = False
    if given["insecure"]:
        http["verify"] = False
    return http


def _model(wanted: str | None, target: str, dialect: str, http: dict[str, Any]) -> str:
    """The model to ask, once the server has said that it knows it."""
    from loadstone.clients.llm.models import Server

    server = Server(target, http.get("headers", {}), http.get("auth", {}).get("bearer", ""), verify=http.get("verify", True))
    return server.known(wanted, dialect) if wanted else server.only_model()


def _float(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a number", where=f"flag {flag}", hint=f"{flag} 0.5") from None
