"""`loadstone plugins`: what can be chosen by name, where it comes from, and what is broken."""

from __future__ import annotations

import click

from loadstone.errors import PluginError
from loadstone.plugins import Plugin, Plugins


@click.command("plugins")
@click.option("--kind", metavar="KIND", help="Only this kind, as profile or report.")
def command(kind: str | None) -> None:
    """List profiles, reports, stores and all else that can be extended; each is loaded, so that a broken one shows."""
    plugins = Plugins()
    listed = [plugin for plugin in plugins.all() if kind in {None, plugin.kind}]
    if kind and not listed:
        raise PluginError(f"no plug-ins of kind {kind!r}", hint=f"one of {', '.join(sorted({each.kind for each in plugins.all()}))}")
    wide = [max(len(text) for text in column) for column in zip(*((each.kind, each.name, each.package) for each in listed), strict=True)]
    for plugin in listed:
        texts = zip((plugin.kind, plugin.name, plugin.package), wide, strict=True)
        click.echo(f"{' '.join(f'{text:<{width}}' for text, width in texts)} {_state(plugins, plugin)}")


def _state(plugins: Plugins, plugin: Plugin) -> str:
    try:
        plugins.find(plugin.kind, plugin.name)
        plugin.load()
    except PluginError as error:
        return f"broken: {error.what}"
    return plugin.target
