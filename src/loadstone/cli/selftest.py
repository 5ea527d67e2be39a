"""`loadstone selftest`: what is a duet on this machine worth?"""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from loadstone.cli.page_options import json_option
from loadstone.errors import ExitCode, TargetUnreachable, UsageError

if TYPE_CHECKING:
    from loadstone.judge.duet_outcome import Outcome
    from loadstone.selftest import SelfTest

BASE_MS = 10.0
PATH, MOST_PAIRS, LIMIT = "/api/items/1", 40, 0.05
ERROR_LIMIT = 0.05  # nothing is to fail here, and to be sure of less takes more requests than the times do
FALSE_ALARM_RATE = 0.01  # promised; a machine is not to be trusted when its own rate is surely above


@click.command("selftest")
@click.option("--time", "time_text", metavar="TIME", default="2m", show_default=True, help="How long; the more, the surer the rates.")
@click.option("--seed", type=click.IntRange(0), metavar="N", default=1, show_default=True, help="Of the first duet; each has one more.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="No line while it goes on.")
def command(*, time_text: str, seed: int, as_json: bool, quiet: bool) -> int:
    """Duets on this machine between targets whose true difference is known: how often are they wrong, what do they see?

    The targets are two reference backends that answer after 10 ms, and B after 0%, 5%, 10% or 20% more: so this is about
    the machine and the method, not about your own server, whose times may scatter more.
    """
    from loadstone.cli.duet import wiped
    from loadstone.selftest import self_test
    from loadstone.units import parse_duration

    most_s = parse_duration(time_text)
    if most_s <= 0:
        raise UsageError("must be more than 0", where=f"--time {time_text}", hint="--time 2m")
    with _two_backends() as play:
        try:
            test = self_test(play, most_s, told=_live(as_json=as_json, quiet=quiet), seed=seed)
        finally:
            wiped(as_json=as_json, quiet=quiet)
    code = exit_code_of(test)
    if as_json:
        click.echo(json.dumps(document_of(test, code), indent=2))
    else:
        click.echo(text_of(test, code))
    return int(code)


def exit_code_of(test: SelfTest) -> ExitCode:
    """5: surely more false alarms than promised; 4: nothing can be seen here, or nothing was tried; 0 otherwise."""
    if test.ended == "interrupted":
        return ExitCode.INTERRUPTED
    interval = test.false_alarm_interval
    if interval is not None and interval[0] > FALSE_ALARM_RATE:
        return ExitCode.UNTRUSTWORTHY
    return ExitCode.PASS if interval is not None and test.smallest_seen is not None else ExitCode.INCONCLUSIVE


@contextlib.contextmanager
def _two_backends() -> Iterator[Callable[[float, int, float], Outcome]]:
    """Plays one duet with a true effect on two backends that live as long as the `with` block."""
    from loadstone.cli.duet import plans
    from loadstone.cli.duet_targets import ReferenceTarget, UrlTarget
    from loadstone.duet import Terms, duet, termination_as_interrupt

    users: list[int] = []  # measured by the first duet, for all
    with termination_as_interrupt(), contextlib.ExitStack() as stack:
        backends = [ReferenceTarget(["--latency", f"{BASE_MS}ms"]) for _ in range(2)]
        urls = []
        for backend in backends:
            stack.callback(backend.stop)
            urls.append(backend.start())

        def play(effect: float, seed: int, left_s: float) -> Outcome:
            _inject(urls[1], BASE_MS * (1 + effect))
            terms = Terms(
                limit=LIMIT, error_limit=ERROR_LIMIT, seed=seed, most_pairs=MOST_PAIRS, most_s=left_s, users=users[0] if users else None
            )
            a, b, control = UrlTarget(urls[0]), UrlTarget(urls[1]), UrlTarget(urls[0])
            outcome = duet(a, b, plans([], PATH, terms), terms, control=control)
            users.append(outcome.facts.pace.users)
            return outcome

        yield play


def _inject(url: str, latency_ms: float) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5.0)
    with contextlib.closing(connection):
        try:
            connection.request("PUT", "/faults", json.dumps({"latency": f"{latency_ms:.6g}ms"}), {"content-type": "application/json"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise TargetUnreachable(f"the reference backend is gone: {error}", where=url) from None
    if status != 200:
        raise TargetUnreachable(f"the reference backend answers {status} to PUT /faults", where=url)


def text_of(test: SelfTest, code: ExitCode) -> str:
    """The page."""
    from loadstone.selftest import EFFECTS
    from loadstone.units import format_duration

    equal, interval = len(test.of(0.0)), test.false_alarm_interval
    lines = [f"{len(test.trials)} duets in {format_duration(test.seconds)}, on two reference backends that answer after {BASE_MS:g} ms"]
    if interval is None:
        return f"{lines[0]}\nToo short: not one duet of equal targets came to its end. Try: --time 2m"
    low, high = interval
    lines.append(f"false alarms        {test.false_alarms} of {equal} duets of equal targets: {_percent(low)} to {_percent(high)} (95%)")
    for effect in EFFECTS:
        tried = len(test.of(effect))
        lines.append(
            f"+{effect:.0%} seen".ljust(20) + (f"{_seen(test, effect)} of {tried}" if tried else "not tried: --time was too short")
        )
    smallest = test.smallest_seen
    found = f"+{smallest:.0%}, of those that were injected" if smallest is not None else "none of those that were injected"
    lines.append(f"smallest effect     {found}")
    unclear = sum(trial.outcome.answer == "cannot tell" for trial in test.trials)
    if unclear:
        lines.append(f"cannot tell         {unclear} of {len(test.trials)}")
    if code is ExitCode.UNTRUSTWORTHY:
        lines.append(
            "More false alarms than the 1% that is promised: other work makes this machine change within a pair. Free it, or use another."
        )
    return "\n".join(lines)


def document_of(test: SelfTest, code: ExitCode) -> dict[str, object]:
    """The same for programs."""
    from loadstone.selftest import EFFECTS

    interval = test.false_alarm_interval
    return {
        "schema": "loadstone.selftest/1",
        "exit_code": int(code),
        "duets": len(test.trials),
        "seconds": round(test.seconds, 3),
        "target": f"reference backend, {BASE_MS:g} ms",
        "equal": len(test.of(0.0)),
        "false_alarms": test.false_alarms,
        "false_alarm_rate_95": list(interval) if interval else None,
        "seen": [{"effect": effect, "duets": len(test.of(effect)), "seen": _seen(test, effect)} for effect in EFFECTS],
        "smallest_seen": test.smallest_seen,
        "cannot_tell": sum(trial.outcome.answer == "cannot tell" for trial in test.trials),
    }


def _seen(test: SelfTest, effect: float) -> int:
    from loadstone.judge.difference import Answer

    return test.answered(effect, Answer.WORSE)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _live(*, as_json: bool, quiet: bool) -> Callable[[SelfTest], None]:
    if quiet or as_json or not sys.stderr.isatty():
        return lambda _: None

    def show(test: SelfTest) -> None:
        sys.stderr.write(
            f"\r\x1b[K{len(test.trials)} duets, {test.seconds:.0f} s · false alarms {test.false_alarms} of {len(test.of(0.0))}"
        )
        sys.stderr.flush()

    return show
