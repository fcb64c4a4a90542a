"""Two accounts, their people and one gateway, with the reference model that follows the books (M-23).

After every step the books are read anew: what is new in them is told to the model, which says what must be
open, unapplied and paid now.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import fault_points
from models.accounts import Account, Contact
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables.errors import GatewayDown, NotFound, Refused
from receivables.permissions import Actor
from receivables.ports import GatewayError, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.databases import fresh_database
from tests.simulation.money.bank import Bank, Mood, Page
from tests.simulation.money.books import Books
from tests.simulation.money.reference import Bill, Parts, Reference
from tests.simulation.money.workshop import Workshop, site_of

SMALL = st.integers(0, 40)
#: How often each thing happened in a whole run, so that a run over nothing is seen as one.
TALLY: Counter[str] = Counter()
#: Both accounts live here.
ZONE = ZoneInfo("Europe/London")


def day_of(moment: datetime) -> date:
    """The accounts' day at a moment; one that a database gave without a zone is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZONE).date()


@dataclass
class Person:
    """An account with its people, its documents and its model."""

    account: Account
    contact: Contact
    supervisor: Actor
    accountant: Actor
    currency: str
    refs: dict[int, str]
    model: Reference
    card_id: int | None = None

    @property
    def holder(self) -> Actor:
        return make.holder_actor(self.account, self.contact)


class World(RuleBasedStateMachine):
    """Two accounts, three late documents each, one gateway."""

    #: What a spoiled copy of the product does otherwise; the invariants must then fail (test_mistakes.py).
    spoiled: ClassVar[Callable[[], AbstractContextManager[object]] | None] = None
    #: "sqlite" or "postgres".
    database: ClassVar[str] = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._strikes = Path(self._folder.name) / "strikes"
        self._strikes.mkdir()
        self._database = fresh_database(type(self).database, Path(self._folder.name))
        self.store = Store(self._database.__enter__())
        self.books = Books(self.store)
        self.now = NOON
        self.bank = Bank(self.now)
        self.workshop = Workshop(self.store, {self.bank.name: self.bank})
        self.site = site_of(self.workshop, lambda: self.now)
        self.people: list[Person] = []
        self.credited: set[int] = set()
        self.charged: dict[str, tuple[int, int, Parts]] = {}
        self.seen_reversals: set[int] = set()
        self._nonces = itertools.count(1)
        spoiled = type(self).spoiled
        self._spoil = spoiled() if spoiled else None
        if self._spoil is not None:
            self._spoil.__enter__()

    @initialize()
    def people_owe(self) -> None:
        with self.store.write() as session:
            creditor = make.a_creditor(session)
            for currency, totals in (("GBP", (57600, 84240, 20001)), ("HUF", (4800000, 2500000, 990000))):
                self.people.append(self._person(session, creditor, currency, totals))

    def _person(self, session: Session, creditor: Any, currency: str, totals: tuple[int, ...]) -> Person:
        account = make.an_account(session, creditor, name=f"Tidewater {currency}")
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        late = (100, 90, 70)
        bills = [
            make.an_invoice(
                session, account, total=minor, currency=currency,
                due_on=self.now.date() - timedelta(days=days),
            )
            for minor, days in zip(totals, late, strict=True)
        ]  # fmt: skip
        model = Reference([Bill(b.id, b.total_minor, order) for order, b in enumerate(bills)])
        return Person(
            account, contact, make.staff_actor(make.a_person(session, Role.SUPERVISOR)),
            make.staff_actor(make.a_person(session, Role.ACCOUNTANT)), currency,
            {b.id: b.ref for b in bills}, model,
        )  # fmt: skip

    def close(self) -> None:
        """Leave nothing behind."""
        if self._spoil is not None:
            self._spoil.__exit__(None, None, None)
        self.store.dispose()
        self._database.__exit__(None, None, None)
        self._folder.cleanup()

    # ------------------------------------------------------------- doing things

    @contextmanager
    def _trying(self, what: str, strike: str | None = None) -> Iterator[None]:
        """Do something that may fairly be refused, find nobody there, or be struck."""
        moody = self.bank.mood is not Mood.WELL
        try:
            with self._armed(strike):
                yield
            TALLY[what] += 1
        except (Refused, NotFound) as refused:
            TALLY[f"{what} refused {refused.code}"] += 1
        except (GatewayDown, GatewayError):
            if not moody:
                raise  # nobody was away
            TALLY[f"{what} unheard"] += 1
        except fault_points.Struck:
            assert strike is not None
        finally:
            self.bank.mood = Mood.WELL
        self._sync()

    @contextmanager
    def _armed(self, strike: str | None) -> Iterator[None]:
        """Arm one point, once; who is struck there takes its file away, whoever swallows the error."""
        if strike is None:
            yield
            return
        file = self._strikes / strike
        file.touch()
        fault_points.arm(f"@{self._strikes}", is_sqlite=self.store.is_sqlite)
        try:
            yield
        finally:
            fault_points.arm(None)
            if file.exists():
                file.unlink()
            else:
                TALLY[f"struck {strike.partition(':')[0]}"] += 1

    def _person_of(self, index: int) -> Person:
        return self.people[index % len(self.people)]

    def _pages(self, *states: RemoteState) -> list[Page]:
        return [page for page in self.bank.pages.values() if page.state in states]

    def _advance(self, step: timedelta) -> None:
        self.now += step
        self.bank.pass_time(self.now)

    @property
    def today(self) -> date:
        return day_of(self.now)

    def _payable(self, minor: int, currency: str) -> Money:
        """So much, less a fraction that nobody can pay."""
        return Money(minor - minor % 100 if currency == "HUF" else minor, currency)

    # ------------------------------------------------------------- the model follows

    def _sync(self) -> None:
        """Tell the model what is new in the books, in the order in which it was posted."""
        by_account = {person.account.id: person for person in self.people}
        news = [
            (row.entry_id, "came", row)
            for row in self.books.booked()
            if row.charge_id not in by_account[row.account_id].model.paid
        ]
        news += [
            (row.entry_id, "back", row)
            for row in self.books.taken_back()
            if row.id not in self.seen_reversals
        ]
        refunds = self.books.own_refunds()
        news += [
            (row.undone_id, "failed", row)
            for row in refunds
            if row.undone_id and by_account[row.account_id].model.refunds[row.ref].status != "failed"
        ]
        news.sort(key=lambda found: found[0])
        for at, (_, what, row) in enumerate(news):
            then = news[at + 1][2] if at + 1 < len(news) else None
            model = by_account[row.account_id].model
            if what == "came":
                self._came(model, row)
            elif what == "failed":
                model.refunds[row.ref].status = "failed"
                TALLY["own refund failed"] += 1
            else:
                self.seen_reversals.add(row.id)
                late = then is not None and ":late:" in getattr(then, "source", "")
                self._went(model, row, settles=not late)
        for row in refunds:
            own = by_account[row.account_id].model.refunds[row.ref]
            if row.status == "paid_out" and own.status == "under_way":
                own.status = "paid_out"
                TALLY["own refund paid out"] += 1
        for plan in self.books.plans():
            model = by_account[plan.account_id].model
            if plan.id in model.plans:
                model.plans[plan.id].follow(plan.status, model)
        for offer_id, status in self.books.offers().items():
            for person in self.people:
                agreed = person.model.offers.get(offer_id)
                if agreed is not None and agreed.status == "accepted" and status == "lapsed":
                    assert self.today > agreed.pay_by, "an offer lapsed before its day"
                    assert person.model.received(agreed) < agreed.minor
                    agreed.status = "lapsed"

    def _came(self, model: Reference, row: Any) -> None:
        charge = self.bank.charges.get(row.charge_id)
        assert charge is not None, f"booked and never taken: {row.charge_id}"
        taken, booked = (charge.minor, charge.currency, charge.ref), (row.amount_minor, row.currency, row.ref)
        assert booked == taken, f"taken {taken}, and booked {booked}"
        begun = self.books.rows("SELECT started_at FROM payment_attempt WHERE id = :a", a=row.attempt_id)[0]
        started = day_of(datetime.fromisoformat(str(begun.started_at)))
        charged = self.books.charge_of(row.attempt_id)
        for_nothing = False
        if charged is not None and charged.plan_id in model.plans:
            plan = model.plans[charged.plan_id]
            for_nothing = charged.seq <= model.parts_paid(plan) or charged.instalment_id in self.credited
            if not for_nothing and plan.runs:
                self.credited.add(charged.instalment_id)
                self.charged[row.charge_id] = (charged.instalment_id, charged.seq, plan)
        model.book(
            row.charge_id, row.amount_minor, self.books.reserved(row.attempt_id),
            on=min(started, day_of(charge.at)), valued_on=day_of(charge.at), for_nothing=for_nothing,
        )  # fmt: skip
        TALLY["booked"] += 1
        TALLY["booked beyond what was open"] += bool(model.paid[row.charge_id].free)

    def _went(self, model: Reference, row: Any, *, settles: bool) -> None:
        first, late, _ = row.source.partition(":late:")
        if late and row.undoes_id is None:
            completes = next(r.id for r in self.books.taken_back() if r.source == first)
            model.take_late(row.id, completes, row.amount_minor)
            TALLY["taken late"] += 1
        elif row.undoes_id is None:
            model.take_back(row.id, row.charge_id, row.amount_minor)
            TALLY["taken back"] += 1
            if row.charge_id in self.charged:
                # A part whose money went back may be charged anew.
                instalment_id, seq, plan = self.charged[row.charge_id]
                if seq > model.parts_paid(plan):
                    self.credited.discard(instalment_id)
        else:
            model.give_back(row.undoes_id, row.amount_minor, settles=settles)
            TALLY["given back"] += 1
