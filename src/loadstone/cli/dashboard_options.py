"""--dashboard on every command that makes a run: the flags, and the sink behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from loadstone.errors import UsageError

if TYPE_CHECKING:
    from loadstone.live.dashboard.sink import DashboardSink, Steering
    from loadstone.load.control_desk import ControlDesk
    from loadstone.measure.catalogue import Catalogue
    from loadstone.measure.sink import Watched

_KEY = "loadstone.dashboard."
_HERE = "127.0.0.1:0"
_FILES = (".yaml", ".yml", ".toml", ".json", ".py", ".gz")


def dashboard_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--dashboard, --token and --linger; kept in click's context, so that commands need not hand them on."""
    for option in (
        click.option("--linger", metavar="TIME", expose_value=False, callback=_keep("linger"), help=_LINGER_HELP),
        click.option("--token", metavar="TEXT", envvar="LOADSTONE_TOKEN", expose_value=False, callback=_keep("token"), help=_TOKEN_HELP),
        click.option(
            "--dashboard", metavar="[HOST:PORT]", is_flag=False, flag_value=_HERE, expose_value=False, callback=_keep("at"), help=_HELP
        ),
    ):
        function = option(function)
    return function


_HELP = "Show the run in a browser while it goes on.  [default: a free port of 127.0.0.1]"
_TOKEN_HELP = "With --dashboard: what viewers have to know; made up where others than this machine could look."  # noqa: S105  a help text
_LINGER_HELP = "With --dashboard: let its page live so long after the run, as 10m."


def _keep(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if name == "at" and value is not None:
            _check_address(value)
        ctx.meta[_KEY + name] = value

    return keep


def refuse_dashboard() -> None:
    """It shows one run; raises UsageError where a sweep makes several and none would be shown."""
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.meta.get(f"{_KEY}at") is not None:
        hint = "loadstone dashboard, which shows the levels that were kept"
        raise UsageError("is about one run, and a sweep makes several", where="flag --dashboard", hint=hint)


def _check_address(text: str) -> None:
    """Refuse what is no address, and the suite or URL that `--dashboard suite.yaml` takes for one; raises UsageError."""
    from pathlib import Path

    from loadstone.live.dashboard.listen import read_address
    from loadstone.plugins import installed

    if "://" in text or Path(text).suffix in _FILES or Path(text).is_file() or text in installed().names("suite"):
        raise UsageError(
            f"{text!r} was taken for its address", where="flag --dashboard", hint=f"{text} --dashboard, or --dashboard=:0 {text}"
        )
    read_address(text)


def dashboard_of(watched: Watched, desk: ControlDesk) -> DashboardSink | None:
    """The dashboard that the command line asks for, already listening; None when it asks for none.

    raises: UsageError when it cannot listen there: better before the run than never
    """
    from loadstone.measure.declared import catalogue_of
    from loadstone.measure.timeline import Timeline

    def steer() -> Steering:
        from loadstone.live.dashboard.steering import steering_by

        return steering_by(desk)

    plan = watched.plan
    sink = asked_dashboard(lambda: about(plan.name, plan.target or "", watched.duration_s, catalogue_of(plan, ())), steer)
    if sink is not None and watched.earlier is not None:
        sink.begin_with(stretch.snapshot() for stretch in Timeline.after(watched.earlier).so_far())
    return sink


def asked_dashboard(told: Callable[[], dict[str, Any]], steer: Callable[[], Steering] | None = None) -> DashboardSink | None:
    """The dashboard that the command line asks for, of whatever is told; None when it asks for none.

    raises: UsageError when it cannot listen there
    """
    ctx = click.get_current_context(silent=True)
    given: Mapping[str, Any] = {key: ctx.meta.get(_KEY + key) for key in ("at", "token", "linger")} if ctx is not None else {}
    at = given.get("at")
    if at is None:
        if given.get("linger"):
            raise UsageError("there is no dashboard", where="flag --linger", hint=f"--dashboard --linger {given['linger']}")
        return None
    from loadstone.live.dashboard.listen import listen, read_address
    from loadstone.live.dashboard.sink import DashboardSink
    from loadstone.units import parse_duration

    linger_s = parse_duration(given["linger"]) if given.get("linger") else 0.0
    listening = listen(read_address(at), given.get("token") or "")
    sink = DashboardSink(listening, told(), linger_s=linger_s, steer=steer() if steer is not None else None)
    click.echo(f"dashboard: {listening.url}", err=True)
    return sink


def about(name: str, target: str, duration_s: float | None, catalogue: Catalogue, kind: str = "run") -> dict[str, Any]:
    """What the page says before the first second; `kind` is run or monitor."""
    from datetime import UTC, datetime

    from loadstone.charts.page_data import page_metrics
    from loadstone.measure.plain_text import plain

    return {
        "kind": kind,
        "name": plain(name, 100),
        "target": plain(target, 200),
        "duration_s": duration_s,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "metrics": page_metrics(catalogue, set(catalogue.names())),
    }
