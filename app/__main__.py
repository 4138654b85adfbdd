"""The command line: `python -m app --db URL` starts the browser, `python -m app report` writes a figure."""

from __future__ import annotations

import gc
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from db.address import resolved
from db.commandline import run
from db.errors import UserError

Databases = Annotated[
    list[str] | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Database; may be given several times. Default: explanations.db, else the only one in this folder.",
    ),
]

app = typer.Typer(help="Browse stored explanations.", add_completion=False)


@app.callback(
    invoke_without_command=True,
    epilog="Example: python -m app --db sqlite:///grocery.db --model score_fusion --port 7861",
)
def browse(
    context: typer.Context,
    db: Databases = None,
    model: Annotated[str | None, typer.Option(help="The model shown first.")] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 = reachable from other machines.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: the first free port from 7860 on.")
    ] = None,
    auth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Lines of `password`; only these users may enter.")
    ] = None,
    mcp: Annotated[bool, typer.Option("--mcp", help="Offer the read-only endpoints to agents as MCP tools.")] = False,
) -> None:
    """Show the explanations of one or several databases as a web page."""
    if context.invoked_subcommand is not None:
        context.obj = db
        return
    from app.databases import open_databases
    from app.web.passwords import HASHED, read_passwords, readable_by_others
    from app.web.ports import bind

    databases = open_databases(db or [resolved(None)])
    if model is not None:
        names = sorted({found.name for database in databases.values() for found in database.models()})
        if model not in names:
            raise UserError(f"--model {model}: no such model; there are {', '.join(names) or 'none yet'}")
    passwords = read_passwords(auth) if auth else None
    if auth and readable_by_others(auth):
        typer.echo(f"{auth}: other users of this machine can read these passwords; run `chmod 600 {auth}`", err=True)
    plain = [user for user, stored in (passwords or {}).items() if not stored.startswith(HASHED)]
    if plain:
        advice = f"`python -m app password {plain[0]}` prints a line with a hash instead"
        typer.echo(f"{auth}: {len(plain)} password(s) can be read by whoever gets the file; {advice}", err=True)
    listener = bind(host, port)
    gc.disable()  # until `serve` has everything that stays: looking for garbage meanwhile takes a quarter of the start
    from app.web.serving import serve

    serve(databases, listener, first_model=model, passwords=passwords, mcp=mcp)


@app.command(epilog="Example: python -m app report --db sqlite:///grocery.db --class Oatly-Oat-Milk --out oat.pdf")
def report(
    context: typer.Context,
    label: Annotated[str, typer.Option("--class", help="The class's label.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .png, .pdf or .svg file.")],
    db: Databases = None,
    model: Annotated[str | None, typer.Option(help="Default: the most accurate explained one.")] = None,
) -> None:
    """Write a figure of a class: what a model relies on, with example explanations."""
    from app.databases import Database
    from app.report import write_report

    urls = db or context.obj or [resolved(None)]
    if len(urls) > 1:
        raise UserError("report: name one --db, not several")
    write_report(Database(urls[0], "report"), model, label, out)
    typer.echo(f"wrote {out}")


@app.command(epilog="Example: python -m app password anna >> users.txt")
def password(name: Annotated[str, typer.Argument(help="The user's name.")]) -> None:
    """Ask for a user's password, and print the line of `--auth FILE` that lets them in: a salted hash."""
    from app.web.passwords import password_line

    if not sys.stdin.isatty():
        typer.echo(password_line(name, sys.stdin.readline().rstrip("\r\n")))
        return
    given = getpass("Password: ")
    if getpass("Once more: ") != given:
        raise UserError("password: the two differ; try again")
    typer.echo(password_line(name, given))


if __name__ == "__main__":
    run(app, "python -m app")
