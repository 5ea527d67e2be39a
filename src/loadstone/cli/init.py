"""`loadstone init [FILE]`: a commented suite that runs against `loadstone serve`."""

from __future__ import annotations

from pathlib import Path

import click

from loadstone.cli.new_file import write_new


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--python", is_flag=True, help="A Python suite (suite.py) instead of suite.yaml.")
@click.option(
    "--from", "copied", metavar="SUITE", help="A copy of a suite that comes with Loadstone, to change: chat, llm, workflow, demo."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(file: Path | None, python: bool, copied: str | None, force: bool) -> None:
    """Write a first suite to FILE (suite.yaml, or suite.py with --python; with --from chat a copy of that suite to chat.py)."""
    if copied:
        path = file or Path(f"{copied}.py")
        write_new(path, _source_of(copied), force=force)
        click.echo(f"wrote {path}\n\n  loadstone run {path} --help     the options that it takes")
        return
    from loadstone.plan.starter import starter

    path = file or Path("suite.py" if python else "suite.yaml")
    write_new(path, starter(str(path), path.stem, python=python or path.suffix == ".py"), force=force)
    click.echo(f"wrote {path}\n\n  loadstone serve --port 8000     a backend to try it on, in another terminal\n  loadstone run {path}")


def _source_of(name: str) -> str:
    from loadstone.errors import UsageError
    from loadstone.plugins import installed

    file = getattr(installed().get("suite", name), "__file__", None)
    if file is None:
        raise UsageError(f"the suite {name!r} is not in a file of its own", where="--from", hint="loadstone plugins --kind suite")
    return Path(file).read_text(encoding="utf-8")
