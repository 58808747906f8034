"""The console script ``lorebot``: what each command takes, and how failures end.

Only the standard library, typer and our own light modules are imported here; each command imports what it
needs, so that ``lorebot --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback

import typer

from lorebot.commands import adapt, ask, demo, doctor, evaluate, index, sandbox, search, serve, status
from lorebot.commands.common import Config, Verbose

_VERBOSE = "--verbose"

app = typer.Typer(
    name="lorebot",
    help="Answers questions in Slack from Confluence and Jira, with citations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(config: Config = None, verbose: Verbose = False) -> None:
    """Answers questions in Slack from Confluence and Jira, with citations."""
    # Handed on as the environment does it, so that the option works before and after the command's name.
    if config is not None:
        os.environ["LOREBOT_CONFIG"] = str(config)
    if verbose:
        os.environ["LOREBOT_VERBOSE"] = "1"


app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("bot")(serve.bot)
app.command("worker")(serve.worker)
app.command("scheduler")(serve.scheduler)
app.command("sandbox")(sandbox.sandbox)
app.command("index")(index.index)
app.command("search")(search.search)
app.command("ask")(ask.ask)
app.command("eval")(evaluate.evaluate)
app.add_typer(adapt.app, name="adapt")
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; exit code 1 for a failure and 2 for wrong usage or configuration."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`lorebot search … | head`); keep Python from saying so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 (whatever it is, the operator gets one line and an exit code)
        if _VERBOSE in sys.argv:
            traceback.print_exc()
        line, code = _explain(error)
        typer.echo(f"lorebot: {line}", err=True)
        sys.exit(code)


def _explain(error: Exception) -> tuple[str, int]:
    """One clear line and the exit code; of what nobody foresaw, the line says how to see where it happened."""
    import psycopg  # noqa: PLC0415

    from bot.errors import BotError  # noqa: PLC0415
    from connectors.errors import ConnectorError  # noqa: PLC0415
    from indexer.errors import IndexerError  # noqa: PLC0415
    from inference.errors import InferenceError  # noqa: PLC0415
    from lorebot.errors import ConfigError, LorebotError  # noqa: PLC0415
    from sandbox.errors import SandboxError  # noqa: PLC0415
    from schedules.errors import ScheduleError  # noqa: PLC0415

    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return "The database went away; nothing that was stored is lost. Try again.", 1
    if isinstance(error, ConfigError | ScheduleError):
        return str(error), 2
    if isinstance(
        error, LorebotError | ConnectorError | IndexerError | InferenceError | SandboxError | BotError
    ):
        return str(error), 1
    name = type(error).__name__
    return f"Something went wrong ({name}). Run it again with {_VERBOSE} to see where, and report that.", 1
