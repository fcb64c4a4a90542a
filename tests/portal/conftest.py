"""The portal on a fresh SQLite database, with the real gateway code on a stand-in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import create_app
from config import Settings
from models.accounts import Account, Contact
from models.links import Channel
from models.payments import PaymentAttempt
from models.store import Store
from receivables import links
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import Clock
from tests.databases import fresh_database
from tests.portal.visitor import Visitor
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, start_stripe


@pytest.fixture(scope="session")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    stand_in = start_stripe(tmp_path_factory.mktemp("stripe"))
    yield stand_in
    stand_in.stop()


@dataclass
class Portal:
    """The application, its books and its clock, with shortcuts for what tests set up."""

    app: Flask
    store: Store
    clock: Clock
    accounts: list[Account] = field(default_factory=list)

    @property
    def today(self) -> date:
        return business_date(self.clock.at, "Europe/London")

    def day(self, days: int) -> date:
        """So many days after today."""
        return self.today + timedelta(days=days)

    def account(self, fill: Callable[[Session, Account], None] | None = None, **more: object) -> Account:
        """An account of a new creditor; `fill` adds its invoices."""
        creditor = more.pop("creditor", {})
        with self.store.write() as session:
            account = make.an_account(
                session,
                make.a_creditor(session, **creditor),  # type: ignore[arg-type]
                now=self.clock.at,
                **more,  # type: ignore[arg-type]
            )
            if fill:
                fill(session, account)
        self.accounts.append(account)
        return account

    def link(self, account: Account, channel: Channel = Channel.EMAIL) -> str:
        """A live link as a message would carry it."""
        with self.store.write() as session:
            contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
            return links.issue(
                session, SYSTEM, session.get_one(Account, account.id), contact=contact, channel=channel,
                policy=default_policy(), now=self.clock.at,
            )[1]  # fmt: skip

    def visitor(self, account: Account | None = None) -> Visitor:
        """A browser; with an account, one that has opened its link."""
        visitor = Visitor(self.app)
        if account is not None:
            visitor.open(self.link(account))
        return visitor

    def invoice(self, session: Session, account: Account, total: int, due: int, **more: object) -> str:
        """An open invoice that is due so many days from today; returns its ref."""
        return make.an_invoice(
            session, account, total=total, due_on=self.day(due), now=self.clock.at, **more,  # type: ignore[arg-type]
        ).ref  # fmt: skip

    def attempts(self) -> list[PaymentAttempt]:
        with self.store.read() as session:
            return list(session.scalars(select(PaymentAttempt).order_by(PaymentAttempt.id)))


def portal_on(
    folder: Path, stripe: StandIn | None, *, base_url: str = "http://localhost", database: str = "sqlite"
) -> Iterator[Portal]:
    """Put the application together on a database of its own; without a stand-in, without keys."""
    keys = (
        {
            "STRIPE_SECRET_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "AMICABLE_STRIPE_API_BASE": stripe.url,
        }
        if stripe
        else {}
    )
    # The stand-in lives by the real clock; ours starts there and moves only when told.
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    with fresh_database(database, folder) as url:
        settings = Settings.load(
            AMICABLE_ENV="test", DATABASE_URL=url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=folder,
            BASE_URL=base_url, **keys,
        )  # fmt: skip
        app = create_app(settings, CLOCK=clock)
        store: Store = app.extensions["amicable"].store
        yield Portal(app, store, clock)
        app.extensions["amicable"].press.close()
        store.dispose()


@pytest.fixture
def portal(tmp_path: Path, stripe: StandIn) -> Iterator[Portal]:
    yield from portal_on(tmp_path, stripe)


@pytest.fixture
def portal_without_keys(tmp_path: Path) -> Iterator[Portal]:
    yield from portal_on(tmp_path, None)


@pytest.fixture
def tidewater(portal: Portal) -> Account:
    """Two invoices overdue (£576.00, £842.40), one due today (£288.00), one later (£612.00)."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -29, number="2026-1131")
        portal.invoice(session, account, 84240, -8, number="2026-1184", lines=3)
        portal.invoice(session, account, 28800, 0, number="2026-1207")
        portal.invoice(session, account, 61200, 20, number="2026-1262")

    return portal.account(fill)
