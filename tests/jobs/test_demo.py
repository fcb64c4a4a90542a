"""The demo's parts: ports, what it writes down, what it forgets (decision 27)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from assembly import House, assemble
from config import Settings
from jobs import demo, demo_seed
from models.accounts import Account, Contact
from models.links import Link
from models.staff import Staff
from receivables import links
from receivables.desk.staff import CODE_ROLES
from tests.databases import fresh_database

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def four_ports() -> int:
    """The first of four ports in a row that nobody listens on."""
    for first in range(20000, 60000, 4):
        if not demo.busy_ports(demo.Places(first, Path())):
            return first
    raise AssertionError("no four free ports in a row")


def never(*_: object) -> Any:
    raise AssertionError("a demo on busy ports starts nothing")


@pytest.mark.parametrize("which", range(4))
def test_a_busy_port_is_said_in_one_line(tmp_path: Path, four_ports: int, which: int) -> None:
    """The user is told which, and what to type; nothing was started or written."""
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", four_ports + which))
        taken.listen()
        places = demo.Places(four_ports, tmp_path / "var")
        assert demo.run(places, never, never, say=said.append) == 1
    [line] = said
    assert f"port {four_ports + which} is in use" in line
    assert f"make demo DEMO_PORT={four_ports + 100}" in line
    assert not (tmp_path / "var").exists()


def test_the_command_says_it_too(tmp_path: Path, four_ports: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", four_ports))
        taken.listen()
        command = [sys.executable, "-m", "jobs.commands", "demo", "--port", str(four_ports)]
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "--folder", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=60, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("\n") == 1
    assert f"port {four_ports} is in use" in done.stdout


def test_its_settings_are_good(tmp_path: Path) -> None:
    """They load, everything is on loopback, and the signing key outlives a restart, readable by its owner."""
    places = demo.Places(8000, tmp_path)
    first, second = places.environment(), places.environment()
    settings = Settings.load(**first)
    assert first == second
    assert (tmp_path / "demo.key").stat().st_mode & 0o777 == 0o600
    addresses = [settings.BASE_URL, settings.SMTP_URL, settings.SMS_URL, settings.AMICABLE_STRIPE_API_BASE]
    assert {urlsplit(a or "").hostname for a in addresses} == {"127.0.0.1"}
    assert len({urlsplit(a or "").port for a in addresses}) == 4


def test_a_demo_ended_while_it_was_filled_begins_afresh(tmp_path: Path) -> None:
    """Half a story would stay half for ever; a whole one is kept."""
    said: list[str] = []
    books = tmp_path / "amicable.db"
    books.touch()
    demo.forget_unfinished(tmp_path, said.append)
    assert (books.exists(), said) == (True, [])
    (tmp_path / demo.UNFINISHED).touch()
    demo.forget_unfinished(tmp_path, said.append)
    assert [p.name for p in tmp_path.iterdir()] == []
    assert "filled afresh" in said[0]


def test_it_forgets_its_own_only(tmp_path: Path) -> None:
    """`make demo-reset` takes databases, logs and demo.json; not the key, not a neighbour's file."""
    (tmp_path / "logs").mkdir()
    own = ["amicable.db", "amicable.db-wal", "stripe.db", "mailbox.db-shm", "demo.json", "logs/web.log"]
    others = ["demo.key", "notes.txt", "logs/notes.txt", "amicable.sqlite"]
    for name in own + others:
        (tmp_path / name).write_text("x")
    demo.forget(tmp_path)
    demo.forget(tmp_path / "never-there")
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == set(others)


class TestDescription:
    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        with fresh_database("sqlite", tmp_path) as url:
            house = assemble(
                Settings.load(**demo.Places(8000, tmp_path).environment() | {"DATABASE_URL": url})
            )
            with house.store.write() as s:
                demo_seed.seed(s, now=datetime.now(UTC))
            yield house
            house.store.dispose()

    def test_its_shape(self, house: House, tmp_path: Path) -> None:
        """Decision 27: what programs and people find in var/demo.json."""
        places, now = demo.Places(8000, tmp_path), datetime.now(UTC)
        told = json.loads(json.dumps(demo.describe(house, places, now=now)))
        assert set(told) == {"portal_url", "admin_url", "mailbox_url", "sandbox_url", "staff", "links"}
        assert (told["portal_url"], told["admin_url"]) == (
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/desk/",
        )
        assert told["mailbox_url"] == "http://127.0.0.1:8002"
        assert told["sandbox_url"] == "http://127.0.0.1:8001/_sandbox/"
        assert {tuple(sorted(person)) for person in told["staff"]} == {
            ("email", "password", "role", "totp_secret")
        }
        assert {tuple(sorted(link)) for link in told["links"]} == {
            ("account", "case", "currency", "email", "language", "number", "url")
        }
        assert {link["language"] for link in told["links"]} >= {"en", "he", "ru", "hu"}
        assert {p["role"] for p in told["staff"] if p["totp_secret"]} == {r.value for r in CODE_ROLES} & {
            p["role"] for p in told["staff"]
        }
        with house.store.read() as s:
            assert len(told["staff"]) == s.scalar(select(func.count()).select_from(Staff))
            assert len(told["links"]) == s.scalar(select(func.count()).select_from(Contact))

    def test_its_links_open_their_accounts(self, house: House, tmp_path: Path) -> None:
        """A restart issues new ones; the clear token is in the description only."""
        places, now = demo.Places(8000, tmp_path), datetime.now(UTC)
        first = demo.describe(house, places, now=now)["links"]
        second = demo.describe(house, places, now=now)["links"]
        assert not {link["url"] for link in first} & {link["url"] for link in second}
        with house.store.read() as s:
            accounts = {(a.number, a.name) for a in s.scalars(select(Account))}
            for link in first + second:
                token = link["url"].removeprefix("http://127.0.0.1:8000/l/")
                assert links.look(s, token, now=now).account_name == link["account"]
                assert (link["number"], link["account"]) in accounts
            assert s.scalar(select(func.count()).select_from(Link)) == len(first) + len(second)

    def test_its_table(self, house: House, tmp_path: Path) -> None:
        """Everything that is needed is on the screen, each link beside its case, under its title."""
        told = demo.describe(house, demo.Places(8000, tmp_path), now=datetime.now(UTC))
        lines = [line.strip() for line in demo.table(told).splitlines()]
        for link in told["links"]:
            [line] = [line for line in lines if line.endswith(link["url"])]
            assert line.removesuffix(link["url"]).strip() == f"{link['language']}  {link['case']}"
        assert [line for line in lines if line in demo_seed.ROOMS] == list(demo_seed.ROOMS)
        assert max(map(len, demo.table(told).splitlines())) < 140
        text = "\n".join(lines)
        for word in (told["mailbox_url"], told["admin_url"], told["sandbox_url"], "4242 4242 4242 4242",
                     demo_seed.PASSWORD, *(p["email"] for p in told["staff"])):  # fmt: skip
            assert word in text


class TestCrew:
    def start(self, crew: demo.Crew, folder: Path, **programs: str) -> None:
        for name, program in programs.items():
            crew.start(name, [sys.executable, "-c", program], {}, folder / f"{name}.log")

    def test_they_end_together(self, tmp_path: Path) -> None:
        crew = demo.Crew()
        self.start(crew, tmp_path, one="import time; time.sleep(60)", two="import time; time.sleep(60)")
        assert crew.fallen() is None
        crew.stop()
        assert [p.poll() is not None for p in crew.members.values()] == [True, True]

    def test_one_that_falls_is_named(self, tmp_path: Path, free_port: Callable[[], int]) -> None:
        """The demo says which part did not start, and where its log is."""
        crew = demo.Crew()
        with ExitStack() as stack:
            stack.callback(crew.stop)
            self.start(crew, tmp_path, one="import time; time.sleep(60)", two="raise SystemExit('no port')")
            with pytest.raises(RuntimeError, match="two did not start"):
                demo.await_answer(f"http://127.0.0.1:{free_port()}/", crew)
        assert (tmp_path / "two.log").read_text().strip() == "no port"
