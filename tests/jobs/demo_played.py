"""The demo with its stories played, for the tests of its cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House, assemble
from config import Settings
from jobs import demo, demo_cases, demo_gateway, demo_seed
from models.accounts import Account, Contact
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.permissions import Actor
from tests import factories as make
from tests.databases import fresh_database
from tests.mailboxes import start_mailbox
from tests.standins import API_KEY, WEBHOOK_SECRET, start_stripe


@dataclass(frozen=True, slots=True)
class Played:
    """The demo after its stories were played, with shortcuts into its books."""

    house: House
    stripe_log: Path
    mailbox: Path
    #: When it was played: the stand-in lives by the real clock.
    now: datetime

    def account(self, session: Session, case: str) -> Account:
        name = next(customer.name for customer in demo_seed.CUSTOMERS if customer.case == case)
        return session.scalars(select(Account).where(Account.name == name)).one()

    def one(self, kind: Any, case: str) -> Any:
        """The one row of a kind on the account of a case."""
        with self.house.store.read() as session:
            found = self.account(session, case)
            return session.scalars(select(kind).where(kind.account_id == found.id)).one()

    def asked(self, case: str) -> int:
        """What is asked for on the account today, in minor units."""
        with self.house.store.read() as session:
            found = self.account(session, case)
            today = business_date(self.now, found.zone)
            return sum(row.asked.minor for row in invoices.open_rows(session, found.id, today))

    def holder(self, session: Session, case: str) -> Actor:
        """Who opens the link of a case."""
        found = self.account(session, case)
        contact = session.scalars(
            select(Contact).where(Contact.account_id == found.id, Contact.forwarded_by_id.is_(None))
        ).one()
        return make.holder_actor(found, contact)

    def refs(self, session: Session, kind: Any, case: str) -> list[str]:
        """Names of the rows of a kind on the account of a case, the oldest first."""
        found = self.account(session, case)
        return list(session.scalars(select(kind.ref).where(kind.account_id == found.id).order_by(kind.id)))


@contextmanager
def play_demo(folder: Path) -> Iterator[Played]:
    """Seed and play everything once, on stand-ins of its own."""
    now = datetime.now(UTC)
    (folder / "stripe").mkdir()
    (folder / "mailbox").mkdir()
    stripe = start_stripe(folder / "stripe", clock=demo_gateway.begins(now))
    mailbox = start_mailbox(folder / "mailbox")
    try:
        with fresh_database("sqlite", folder) as url:
            settings = demo.Places(8000, folder).environment() | {
                "DATABASE_URL": url,
                "STRIPE_SECRET_KEY": API_KEY,
                "AMICABLE_STRIPE_API_BASE": stripe.url,
                "SMTP_URL": mailbox.smtp_url,
                "SMS_URL": mailbox.sms_url,
            }
            house = assemble(Settings.load(**settings))
            try:
                with house.store.write() as session:
                    demo_seed.seed(session, now=now)
                demo_gateway.play(house, stripe.url, base_url="http://127.0.0.1:8000", now=now)
                # Nobody listens there: what happened is asked for, as in a demo that is still starting.
                stripe.control(
                    "webhooks", url="http://127.0.0.1:9/webhooks/stripe/default", secret=WEBHOOK_SECRET
                )
                demo_cases.play(house, stripe.url, base_url="http://127.0.0.1:8000", now=now)
                demo_gateway.compare(house, now=datetime.now(UTC) + timedelta(seconds=1))
                yield Played(house, stripe.db_path, mailbox.db_path, now)
            finally:
                house.press.close()
                house.store.dispose()
    finally:
        stripe.stop()
        mailbox.stop()
