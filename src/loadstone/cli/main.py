"""The command `loadstone`: finds the sub-command, imports only that, and turns errors into exit codes."""

from __future__ import annotations

import errno
import signal
import sys
import threading
import traceback
from importlib import import_module
from typing import NoReturn

import click

from loadstone.cli.streams import silence_stdout
from loadstone.errors import ExitCode, LoadstoneError

# name -> one line of help, so that `loadstone --help` imports none of them
COMMANDS = {
    "demo": "Start the reference backend, put realistic load on it, print a verdict.",
    "run": "Run suites: files, or one that comes with Loadstone (chat, llm, workflow, bot, voice).",
    "load": "Put only the load of a suite on a target (llm, workflow).",
    "hit": "Put load on one URL.",
    "ws": "Put load on a WebSocket server.",
    "llm": "Put load on a language model and time its tokens.",
    "voice": "Hold many calls with a voice agent and measure what a caller hears.",
    "capacity": "Find the largest load that meets every objective.",
    "duet": "Compare two targets, loaded in turns: is one slower?",
    "profile": "Run a suite once more under a sampling profiler, for a flame graph.",
    "monitor": "Probe a target at a low rate for days, and tell what is wrong.",
    "watch": "Watch a process without making load: does it leak, and why?",
    "compare": "Compare runs with a run, with several, or with a baseline.",
    "dashboard": "Show kept runs in a browser: search, compare, trends, baselines.",
    "trend": "Show what became of a figure over all runs that are kept.",
    "report": "Tell a run as a page or as files: html, json, csv, junit, md, txt.",
    "runs": "Show, hand on and forget the runs that are kept.",
    "rerun": "Run once more what a kept run did.",
    "baseline": "Keep named sets of runs to compare with.",
    "check": "Print what a suite would do, and send nothing.",
    "init": "Write a commented starter suite.",
    "serve": "Start the reference backend.",
    "probe": "Stand beside a target on another machine and tell what it takes.",
    "config": "Show each setting and where it came from; print the schema of plan files.",
    "selftest": "Measure what duets on this machine can see, and how often they are wrong.",
    "doctor": "Measure what this machine can be trusted with.",
    "metrics": "List the metrics that gates and reports can name.",
    "plugins": "List what is installed, and what of it is broken.",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
VERBOSE = ("-v", "--verbose")


class LazyGroup(click.Group):
    """Sub-commands by name; `loadstone.cli.NAME` is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's call
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's call
        """The command object of its module; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"loadstone.cli.{cmd_name}").command
        if command.help:  # click wants the character for "keep these lines as they are", and raw docstrings have two
            command.help = command.help.replace("\\b", "\b")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's call
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for one that is mistyped."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {near[0]!r}?' if near else ''}")
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from loadstone.probes.provenance import own_version

        click.echo(f"loadstone {own_version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, callback=_print_version, expose_value=False, is_eager=True, help="Print the version.")
def cli() -> None:
    """Performance testing for AI backends: true numbers, verdicts you can trust, answers in one command.

    Try `loadstone demo`, then `loadstone hit URL`. Every command takes -v for details of an error.
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the program."""
    _hear_interrupts()
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = any(word in VERBOSE for word in words)
    words = [word for word in words if word not in VERBOSE]
    try:
        code = cli.main(words, prog_name="loadstone", standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk behind it can still be told
    except click.exceptions.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        sys.exit(ExitCode.PASS)
    except OSError as error:
        if error.errno not in FULL:
            _bug(error, verbose=verbose)
        _tell(f"standard output could not be written: {error.strerror}")
        silence_stdout()
        sys.exit(ExitCode.USAGE)
    except LoadstoneError as error:
        if verbose:
            traceback.print_exc()
        _tell(str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  the last line of defence
        _bug(error, verbose=verbose)
    sys.exit(code if isinstance(code, int) else ExitCode.PASS)


def _hear_interrupts() -> None:
    # Shells start the background jobs of a script with SIGINT ignored. Commands end by it and must tell what they know by then.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _bug(error: Exception, *, verbose: bool) -> NoReturn:
    if verbose:
        traceback.print_exception(error)
    _tell(f"{type(error).__name__}: {error}\nThis is a bug in Loadstone. Run again with -v and report what it prints.")
    sys.exit(ExitCode.BUG)


def _tell(text: str) -> None:
    lines = text.splitlines() or [""]
    click.echo("\n".join(f"loadstone: {line}" if number == 0 or len(lines) < 9 else line for number, line in enumerate(lines)), err=True)
