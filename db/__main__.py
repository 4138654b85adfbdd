"""python -m db: figures, integrity, exports, search, shrinking and moving of a database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from db import address, commandline
from db.errors import UserError
from db.session import open_read_only, upgrade
from db.values import json_text

app = typer.Typer(add_completion=False, help="Inspect, check, export and copy a Shelf Lens database.")

Url = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="sqlite:///FILE or postgresql://USER@HOST/DATABASE. Default: explanations.db, else the only database in"
        " this folder.",
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another program that is writing to the database.")]


@app.command(epilog="Example: python -m db info --db sqlite:///explanations.db --json")
def info(
    db: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object in place of a table.")] = False,
) -> None:
    """Show samples, classes, models with their accuracy, explanations, runs and problems."""
    from db.commands.info import describe, summary

    figures = describe(open_read_only(address.resolved(db)))
    typer.echo(json_text(figures) if as_json else summary(figures))


@app.command(epilog="Example: python -m db check --db sqlite:///explanations.db --upgrade")
def check(
    db: Url = None,
    upgrade_: Annotated[bool, typer.Option("--upgrade", help="First bring an older schema up to date.")] = False,
    wait: Wait = False,
) -> None:
    """Check that a database is sound; one line a fault, and exit code 1 if there are any."""
    from db.commands.check import faults

    url = address.resolved(db)
    if upgrade_:
        before, after = upgrade(url, wait)
        typer.echo(f"schema {after}: up to date" if before == after else f"schema {before} upgraded to {after}")
    count = 0
    for fault in faults(open_read_only(url)):
        typer.echo(fault)
        count += 1
    if count:
        raise typer.Exit(1)
    typer.echo("ok")


@app.command(epilog="Example: python -m db export explanations --format parquet --out explanations.parquet")
def export(
    what: Annotated[
        Literal["explanations", "global", "modality", "evaluation", "activation"],
        typer.Argument(
            help="One record each: of explanations, an explained class of a sample and model; of global, a group of a"
            " class; of modality, an explained prediction with its image share; of evaluation, a set of measured"
            " figures; of activation, an activation map. docs/exports.md has the fields.",
            show_choices=True,
        ),
    ],
    db: Url = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="In CSV, lists are JSON.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write, in place of the terminal.")] = None,
) -> None:
    """Write results to a file or to the terminal, with all their digits."""
    from db.commands.formats import write

    url = address.resolved(db)
    engine = open_read_only(url)
    path = address.sqlite_path(url)
    if out is not None and path is not None and out.exists() and out.samefile(path):
        raise UserError(f"{out}: is the database itself; name another file with --out")
    write(engine, what, form, out)


@app.command(epilog="Example: python -m db search 'laktosfri mjölk' --db sqlite:///explanations.db")
def search(
    words: Annotated[str, typer.Argument(help="All of them are in each entry found, in any order.")],
    db: Url = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 50,
) -> None:
    """Find samples by the words on the package: path, class and entry, tab-separated."""
    from db.read.reader import Reader

    for hit in Reader(open_read_only(address.resolved(db))).search.entries(words, limit):
        fields = (hit.sample, hit.label, hit.text)
        typer.echo("\t".join("".join(c if c.isprintable() else " " for c in field) for field in fields))


@app.command(epilog="Example: python -m db compact --db sqlite:///explanations.db")
def compact(db: Url = None, wait: Wait = False) -> None:
    """Give freed space back; also repairs the SQLite file of a run that was killed, for use in a read-only folder."""
    from db.commands.compact import compact_database

    before, after = compact_database(address.resolved(db), wait)
    typer.echo(f"{before:,} bytes before, {after:,} after")


@app.command(epilog="Example: python -m db copy --db sqlite:///explanations.db --to postgresql://me@server/shelflens")
def copy(
    to: Annotated[str, typer.Option(metavar="URL", help="A new or empty database.")],
    db: Url = None,
    wait: Wait = False,
) -> None:
    """Copy everything into another database, of the same engine or the other."""
    from db.commands.copy import copy_database

    typer.echo(f"{copy_database(address.resolved(db), to, wait):,} rows copied to {address.shown(to)}")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    commandline.run(app, "python -m db")
