"""`loadstone metrics`: every metric that a gate or a report can name."""

from __future__ import annotations

import click


@click.command("metrics")
@click.argument("part", required=False, default="")
def command(part: str) -> None:
    """List the metrics whose name contains PART, those of plug-ins included, with unit and meaning."""
    from loadstone.errors import PluginError
    from loadstone.measure.catalogue import BUILT_IN, brought
    from loadstone.plugins import installed

    known = list(BUILT_IN)
    for name in installed().names("metric"):
        try:
            known += brought(name, installed().get("metric", name))
        except PluginError as error:
            click.echo(f"loadstone: {error}", err=True)
    found = [metric for metric in known if part in metric.name]
    width = max((len(metric.name) for metric in found), default=0)
    for metric in found:
        click.echo(f"{metric.name:<{width}}  {metric.unit:<4} {metric.kind:<12}  {metric.meaning}")
    if not found:
        click.echo(f"no metric has {part!r} in its name", err=True)
