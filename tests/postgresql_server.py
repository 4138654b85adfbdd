"""A private PostgreSQL server for the tests, gone when they end; also when they run as root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl: the newest Debian one, else the one on PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def serve(binaries: Path) -> Iterator[str]:
    """Run a server in a temporary folder and yield its URL up to the database's name."""
    root = os.geteuid() == 0
    ordinary = ["runuser", "-u", "nobody", "--"] if root else []  # PostgreSQL refuses to be run by root
    with tempfile.TemporaryDirectory(prefix="shelflens-postgresql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if root:
            shutil.chown(folder, "nobody")
        data = folder / "data"

        def run(program: str, *arguments: str) -> None:
            command = [*ordinary, str(binaries / program), *arguments]
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

        run("initdb", "-D", str(data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        port = _free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """Create an empty database on the server of a URL, yield its URL, and drop it."""
    server = make_url(server_url).set(drivername="postgresql")
    name = f"shelflens_{uuid.uuid4().hex}"
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
