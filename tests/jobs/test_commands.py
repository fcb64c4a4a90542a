"""The command line: examples, exit codes, and a first day on a database of one file (decision 30)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from jobs import commands
from models.accounts import Account
from models.messages import Message
from models.staff import Role, Staff
from models.store import Store
from receivables.desk.passwords import verify_password
from tests import factories as make

ROOT = Path(__file__).resolve().parents[2]
LONG_PASSWORD = "correct horse battery"  # noqa: S105 - a test's


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Settings of one file, and the process's logs as they were before."""
    for name in list(os.environ):
        if name.startswith(("AMICABLE_", "STRIPE_", "SMTP_", "SMS_")):
            monkeypatch.delenv(name)
    for name, value in settings(tmp_path).items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


def settings(folder: Path) -> dict[str, str]:
    return {
        "AMICABLE_ENV": "test",
        "AMICABLE_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/books/amicable.db",
        "SECRET_KEY": "k" * 40,
        "BASE_URL": "http://127.0.0.1:8000",
    }


def amicable(*words: str, folder: Path, said: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "jobs.commands", *words], cwd=ROOT, input=said, capture_output=True, text=True,
        check=False, timeout=120, env={"PATH": os.environ["PATH"], **settings(folder), **more},
    )  # fmt: skip


class TestHelp:
    def test_it_shows_examples_of_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as left:
            commands.main(["--help"])
        text = capsys.readouterr().out
        assert left.value.code == 0
        for command in ("demo", "db upgrade", "import invoices", "remind", "worker", "daily", "user add"):
            assert f"amicable {command}" in text.partition("examples:")[2], command

    def test_every_example_is_understood(self) -> None:
        """An example that the parser refuses would be worse than none."""
        import shlex

        lines = [line.strip() for line in commands.EXAMPLES.splitlines()[1:]]
        for line in lines:
            words = shlex.split(line.partition("   ")[0])[1:]
            assert commands._parser().parse_args(words).run is not None, line

    def test_no_command_is_wrong_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert commands.main([]) == 2
        assert "examples:" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "words",
        [["dance"], ["remind"], ["remind", "--account", "1", "--overdue"], ["db", "downgrade"],
         ["user", "add", "a@b.example", "--name", "A", "--role", "king"]],
    )  # fmt: skip
    def test_wrong_use(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as left:
            commands.main(words)
        assert left.value.code == 2
        assert "usage:" in capsys.readouterr().err


class TestRefusals:
    def test_settings_by_name(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """One line for each, and exit code 2."""
        monkeypatch.setenv("SECRET_KEY", "short")
        monkeypatch.setenv("SMTP_URL", "mail.example")
        assert commands.main(["daily"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(":")[:2] for line in lines] == [
            ["amicable", " SECRET_KEY"],
            ["amicable", " SMTP_URL"],
        ]

    @pytest.mark.parametrize("words", [["daily"], ["remind", "--overdue"], ["db", "check"]])
    def test_a_database_that_is_not_there_yet(
        self, words: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No trace: one line that says what to do, and exit code 1."""
        assert commands.main(words) == 1
        said = capsys.readouterr()
        lines = (said.err + said.out).splitlines()
        assert len(lines) == 1
        assert "amicable db upgrade" in lines[0]

    def test_a_database_that_does_not_answer(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The address is named by its setting, its password is not shown."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://app:s3cret@127.0.0.1:9/amicable")
        assert commands.main(["db", "upgrade"]) == 1
        error = capsys.readouterr().err
        assert error.startswith("amicable: DATABASE_URL: ")
        assert len(error.splitlines()) == 1
        assert "s3cret" not in error


def test_the_first_day(tmp_path: Path) -> None:
    """From an empty folder to a reminder, by processes of their own."""
    check = amicable("db", "check", folder=tmp_path)
    assert (check.returncode, check.stdout) == (1, "The database is behind: run `amicable db upgrade`.\n")
    for _ in range(2):
        assert amicable("db", "upgrade", folder=tmp_path).returncode == 0
    assert amicable("db", "check", folder=tmp_path).returncode == 0

    add = ("user", "add", "Priya@Northgate.example", "--name", "Priya Shah", "--role")
    short = amicable(*add, "collector", folder=tmp_path, said="too short\n")
    assert short.returncode == 1
    assert "password_short" in short.stderr
    done = amicable(*add, "collector", folder=tmp_path, said=LONG_PASSWORD + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    again = amicable(*add, "collector", folder=tmp_path, said=LONG_PASSWORD + "\n")
    assert again.returncode == 1
    assert "email_taken" in again.stderr
    boss = amicable("user", "add", "sam@northgate.example", "--name", "Sam Okoro", "--role", "supervisor",
                    folder=tmp_path, said="twelve or more\n")  # fmt: skip
    assert boss.returncode == 0

    store = Store(settings(tmp_path)["DATABASE_URL"])
    with store.read() as s:
        priya, sam = s.scalars(select(Staff).order_by(Staff.id))
    assert (priya.email, priya.role, priya.totp_secret) == ("priya@northgate.example", Role.COLLECTOR, None)
    assert verify_password(priya.password_hash, LONG_PASSWORD)
    assert LONG_PASSWORD not in done.stdout + priya.password_hash
    assert sam.totp_secret
    assert sam.totp_secret in boss.stdout

    with store.write() as s:
        creditor = make.a_creditor(s)
        number = make.an_account(s, creditor).number
        make.an_invoice(s, s.scalars(select(Account)).one())
        make.an_account(s, creditor, name="Owes Nothing Ltd")
    for _ in range(2):  # the same day again queues nothing new
        told = amicable("remind", "--overdue", "--json", folder=tmp_path)
        assert (told.returncode, json.loads(told.stdout)) == (
            0,
            {"accounts": 1, "messages": 1, "refused": {}},
        )
    with store.read() as s:
        assert len(s.scalars(select(Message)).all()) == 1
    store.dispose()

    by_number = amicable("remind", "--account", number, folder=tmp_path)
    assert (by_number.returncode, by_number.stdout) == (0, "1 accounts, 1 messages queued\n")
    nobody = amicable("remind", "--account", "no-such-number", folder=tmp_path)
    assert (nobody.returncode, nobody.stderr) == (1, "amicable: no account has the number no-such-number\n")

    daily = amicable("daily", "--json", folder=tmp_path)
    said = json.loads(daily.stdout)
    said["work"] = {"trouble": said["work"].pop("trouble")}  # which work there is says jobs/daily.py
    assert (daily.returncode, said) == (
        0,
        {"unbalanced": [], "balances": [], "audit": [], "work": {"trouble": 0}},
    )


class TestFindings:
    @pytest.fixture
    def store(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Store]:
        assert commands.main(["db", "upgrade"]) == 0
        capsys.readouterr()
        store = Store(settings(tmp_path)["DATABASE_URL"])
        yield store
        store.dispose()

    def test_what_is_found_wrong_is_exit_code_one(
        self, store: Store, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """M-20: a program can tell."""
        with store.write() as s:
            invoice = make.an_invoice(s, make.an_account(s, make.a_creditor(s)), total=57600)
        with store.writer.connect() as connection:
            connection.exec_driver_sql("UPDATE invoice SET balance_minor = 1")
            connection.commit()
        assert commands.main(["daily", "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["balances"] == [[invoice.id, 1, 57600]]
        assert commands.main(["daily"]) == 0
        assert capsys.readouterr().out == "The books hold.\n"

    def test_nothing_to_remind_of(self, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
        """Refused by name for one account; nothing wrong for all."""
        with store.write() as s:
            number = make.an_account(s, make.a_creditor(s)).number
        assert commands.main(["remind", "--account", number, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["refused"] == {"nothing_open": 1}
        assert commands.main(["remind", "--overdue"]) == 0
        assert capsys.readouterr().out == "0 accounts, 0 messages queued\n"
