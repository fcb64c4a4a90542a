"""The desk on a fresh SQLite database, with people of every role and a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from pyotp import TOTP
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app import create_app
from config import Settings
from models.accounts import Account
from models.audit import AuditEntry
from models.staff import Role, Staff
from models.store import Store
from receivables.desk.staff import CODE_ROLES
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON, Clock
from tests.databases import fresh_database
from tests.portal.visitor import Visitor

PASSWORD = "correct horse battery staple"  # noqa: S105 - of tests
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of tests


@cache
def password_hash() -> str:
    """A hash that is quick to check: its own parameters say how."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@dataclass
class Desk:
    """The application, its books and its clock, with shortcuts for what tests set up."""

    app: Flask
    store: Store
    clock: Clock

    def person(self, role: Role = Role.COLLECTOR, **more: object) -> Staff:
        """A person who can sign in, with a code where the role needs one."""
        secret = SECRET if role in CODE_ROLES else None
        with self.store.write() as session:
            return make.a_person(
                session, role, **{"password_hash": password_hash(), "totp_secret": secret, **more}
            )

    def code(self) -> str:
        return TOTP(SECRET).at(self.clock.at)

    def sign_in(self, person: Staff, visitor: Visitor | None = None, **fields: str) -> TestResponse:
        """Send the sign-in form."""
        visitor = visitor or Visitor(self.app)
        visitor.get("/desk/login")
        code = self.code() if person.totp_secret else ""
        return visitor.post(
            "/desk/login", {"email": person.email, "password": PASSWORD, "code": code, "next": ""} | fields
        )

    def at(self, role: Role = Role.COLLECTOR, **more: object) -> Visitor:
        """A browser of somebody who is signed in."""
        visitor = Visitor(self.app)
        answer = self.sign_in(self.person(role, **more), visitor)
        assert answer.status_code == 303, answer.text
        visitor.get("/desk/")
        return visitor

    def seller_of(self, account: Account, **more: object) -> Visitor:
        """A browser of the salesperson whose account it is."""
        person = self.person(Role.SALESPERSON, **more)
        with self.store.write() as session:
            session.get_one(Account, account.id).salesperson_id = person.id
        visitor = Visitor(self.app)
        assert self.sign_in(person, visitor).status_code == 303
        visitor.get("/desk/")
        return visitor

    def account(self, fill: Callable[[Session, Account], None] | None = None, **more: object) -> Account:
        """An account of a new creditor; `fill` adds what it owes."""
        with self.store.write() as session:
            account = make.an_account(session, make.a_creditor(session), **more)  # type: ignore[arg-type]
            if fill:
                fill(session, account)
            return account

    def invoice(self, account: Account, total: int = 10000, *, late: int = 20, **more: object) -> str:
        """An open invoice so many days late; returns its ref."""
        with self.store.write() as session:
            return make.an_invoice(
                session, account, total=total, due_on=NOON.date() - timedelta(days=late), **more,  # type: ignore[arg-type]
            ).ref  # fmt: skip

    def codes(self) -> list[str]:
        """Audit codes in the order they were chained."""
        with self.store.read() as session:
            return list(session.scalars(select(AuditEntry.code).order_by(AuditEntry.id)))

    def actor(self, role: Role) -> Actor:
        return make.staff_actor(self.person(role))


def desk_at(database_url: str, folder: Path, **config: object) -> Iterator[Desk]:
    """Put the application together on a migrated database."""
    clock = Clock(NOON)
    settings = Settings.load(
        AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=folder,
        BASE_URL="http://localhost",
    )  # fmt: skip
    app = create_app(settings, CLOCK=clock, **config)
    store: Store = app.extensions["amicable"].store
    yield Desk(app, store, clock)
    app.extensions["amicable"].press.close()
    store.dispose()


def desk_on(folder: Path, **config: object) -> Iterator[Desk]:
    """The desk on a fresh SQLite database."""
    with fresh_database("sqlite", folder) as url:
        yield from desk_at(url, folder, **config)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from desk_on(tmp_path)


@pytest.fixture
def tidewater(desk: Desk) -> Account:
    """£576.00 29 and £842.40 8 days late, £288.00 due today, £612.00 in 20 days; €215.00 7 days late."""

    def fill(session: Session, account: Account) -> None:
        for number, total, late in (
            ("2026-1131", 57600, 29), ("2026-1184", 84240, 8), ("2026-1207", 28800, 0),
            ("2026-1262", 61200, -20),
        ):  # fmt: skip
            make.an_invoice(session, account, total=total, number=number, lines=2,
                            due_on=NOON.date() - timedelta(days=late))  # fmt: skip
        make.an_invoice(session, account, total=21500, currency="EUR", number="2026-E087",
                        due_on=NOON.date() - timedelta(days=7))  # fmt: skip

    return desk.account(fill)
