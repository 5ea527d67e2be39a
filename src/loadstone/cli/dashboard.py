"""`loadstone dashboard`: what is kept, in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from loadstone.cli.keeping import opened, store_option

HERE = "127.0.0.1:8471"


@click.command("dashboard")
@click.option("--listen", "at", metavar="HOST:PORT", default=HERE, show_default=True, help="Where; port 0 is a free one.")
@click.option("--token", metavar="TEXT", envvar="LOADSTONE_TOKEN", help="What viewers have to know; made up where others could look.")
@click.option("--monitor", metavar="FILE", help="Also show what a monitor keeps in this file (its --store).")
@store_option
def command(at: str, *, token: str | None, monitor: str | None, store_url: str | None) -> None:
    r"""Show what is kept in a browser: runs, comparisons, trends and baselines. A run that goes on has its own: `--dashboard`.

    \b
    loadstone dashboard
    loadstone dashboard --monitor loadstone-monitor.sqlite
    loadstone dashboard --store team.db --listen 0.0.0.0:8471
    """
    from loadstone.dashboard import serve_history
    from loadstone.live.dashboard.listen import listen, read_address

    opened(store_url).close()
    if monitor is not None:
        from loadstone.store.windows import WindowStore

        WindowStore(Path(monitor), reading=True).close()
    listening = listen(read_address(at, where="flag --listen"), token or "", where="flag --listen")
    click.echo(f"dashboard: {listening.url}", err=True)
    serve_history(lambda: opened(store_url), listening, Path(monitor) if monitor is not None else None)
