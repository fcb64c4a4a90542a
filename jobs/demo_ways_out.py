"""Play the demo's ways out: disputes, plans, offers, promises, answers, a hold; all by real actions.

Each scene is one act of a debtor, of a person of the desk or of the daily work, so many days ago at
ten in the morning of a working day there. Scenes are played in the order of time. What the stand-in
takes money for is played now, since it lives by the real clock. Source: decision 27; issue of the
portal, "Done when".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select

from jobs import daily
from jobs.demo_customers import WAYS_OUT
from jobs.demo_papers import certificate
from jobs.demo_players import Player, find_player, pay_by_card, remind, send_all, start
from jobs.demo_seed import working_moment
from jobs.house import House
from models.accounts import Account
from models.answers import AnswerKind
from models.arrangements import Every, Offer, PaysBy, Plan
from models.base import Base
from models.disputes import Dispute, DisputeReason
from models.money import Money, currency_row, total
from models.staff import Role, Staff
from receivables import credit_holds, files, invoices
from receivables.answers import giving
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import offer_making, offers, plan_reads, plans, promises
from receivables.arrangements.cards import Consent
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import business_date
from receivables.disputes import opening, outcomes, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.payments.quotes import Choice
from receivables.permissions import Actor, ActorKind
from receivables.policy import current_policy
from receivables.ports import InvoiceRow

#: Where the debtors of the demo agree from: a network that is nobody's.
NETWORK = "198.51.100.0/24"


@dataclass(frozen=True, slots=True)
class Stage:
    """One scene being played: the house, the debtor, the moment."""

    house: House
    player: Player
    base_url: str
    at: datetime

    @property
    def account(self) -> Account:
        return self.player.account

    @property
    def today(self) -> date:
        return business_date(self.at, self.account.zone)

    @property
    def debtor(self) -> Actor:
        return self.player.actor

    def rows(self) -> list[InvoiceRow]:
        """What is open, oldest first."""
        with self.house.store.read() as session:
            return invoices.open_rows(session, self.account.id, self.today, currency=self.player.currency)

    def refs(self) -> tuple[str, ...]:
        return tuple(row.ref for row in self.rows())

    def part(self, percent: int) -> Money:
        """So many percent of what is open, rounded down to what can be paid."""
        currency = self.player.currency
        step = currency_row(currency).step
        whole = total([row.balance for row in self.rows()], currency)
        return Money(whole.minor * percent // 100 // step * step, currency)

    def desk(self, role: Role) -> Actor:
        """The person of a role who works in the debtor's language, else the first of that role."""
        with self.house.store.read() as session:
            people = session.scalars(select(Staff).where(Staff.role == role).order_by(Staff.id)).all()
        person = next((one for one in people if one.language == self.account.language), people[0])
        return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)

    def last[B](self, kind): ...


class Scene(NamedTuple):
    """So many days ago something was done on an account; on day 0 it is done now."""

    days_ago: int
    case: str
    act: Callable[[Stage], object]


def play(house: House, *, base_url: str, now: datetime) -> None:
    """Play every scene, the oldest first, and send what each brings."""
    with house.store.read() as session:
        cast = {customer.case: find_player(session, customer) for customer in WAYS_OUT}
    for scene in sorted(SCENES, key=lambda scene: -scene.days_ago):
        player = cast[scene.case]
        at = working_moment(now - timedelta(days=scene.days_ago), player.account.zone)
        stage = Stage(house, player, base_url, at if scene.days_ago else now)
        scene.act(stage)
        send_all(house, stage.at)
