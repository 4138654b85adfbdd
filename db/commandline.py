"""The edge of every command line: what a user can fix becomes one line, never a traceback."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from db import interruption
from db.errors import UserError

BAD_INPUT = 2
INTERRUPTED = 130


def run(app: typer.Typer, prog: str) -> NoReturn:
    """Run a command line and exit: 0, a command's own code, 2 on bad input, 130 on Ctrl-C, 143 on SIGTERM.

    Args:
        prog: how the program is called, `python -m db`, for messages and usage.
    """
    app.pretty_exceptions_enable = False
    try:
        code = app(prog_name=prog, standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else prog
        code = _complain(prog, f"{error.format_message()} (see `{command} --help`)")
    except UserError as error:
        code = _complain(prog, str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went: nothing more to flush
        code = 1
    except (DBAPIError, sqlite3.Error, OSError) as error:
        from db.database_errors import (
            explained_error,  # takes the drivers to import: not for the start of every command
        )

        code = _complain(prog, str(explained_error(error)))
    except interruption.Interrupted as error:
        interruption.leave(error)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    interruption.finish()
    sys.exit(code if isinstance(code, int) else 0)


def _complain(prog: str, message: str) -> int:
    print(f"{prog}: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
