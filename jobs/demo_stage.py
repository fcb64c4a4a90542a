"""The stage of the demo's stories: one scene after another, in the order of time.

Each scene is one act of a debtor, of a person of the desk or of the daily work, so many days ago at
ten in the morning of a working day there. What the stand-in takes money for is played now, since it
lives by the real clock. Source: decision 27.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from jobs.demo_cast import Customer
from jobs.demo_players import Player, find_player, queue_reminder, send_all
from jobs.demo_seed import working_moment
from jobs.house import House
from models.accounts import Account
from models.arrangements import Offer, Plan
from models.disputes import Dispute
from models.money import Money, currency_row, total
from models.staff import Role, Staff
from receivables import invoices
from receivables.calendar_days import add_business_days, at_local, business_date
from receivables.permissions import Actor, ActorKind
from receivables.ports import InvoiceRow

#: Where the debtors of the demo agree from: a network that is nobody's.
NETWORK = "198.51.100.0/24"


@dataclass(frozen=True, slots=True)
class Stage:
    """One scene being played: the house, the debtor, the moment, and the clock's."""

    house: House
    player: Player
    base_url: str
    at: datetime
    now: datetime

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
        whole = total([row.balance for row in self.rows()], currency)
        return part_of(whole, percent)

    def business_day(self, days: int) -> date:
        """The first business day that is at least so many days after the scene."""
        return add_business_days(self.today + timedelta(days=days), 0, self.account.country)

    def desk(self, role: Role) -> Actor:
        """The person of a role who works in the debtor's language, else the first of that role."""
        with self.house.store.read() as session:
            return person_of(session, role, self.account.language)

    def last(self, kind: type[Dispute | Offer | Plan]) -> Any:
        """What of a kind was begun last for the account."""
        with self.house.store.read() as session:
            query = select(kind).where(kind.account_id == self.account.id).order_by(kind.id.desc())
            return session.scalars(query.limit(1)).one()


def person_of(session: Session, role: Role, language: str = "") -> Actor:
    """The person of a role who works in a language, else the first of that role."""
    people = session.scalars(select(Staff).where(Staff.role == role).order_by(Staff.id)).all()
    person = next((one for one in people if one.language == language), people[0])
    return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)


def part_of(whole: Money, percent: int) -> Money:
    """So many percent of an amount, rounded down to what can be paid."""
    step = currency_row(whole.currency).step
    return Money(whole.minor * percent // 100 // step * step, whole.currency)


class Scene(NamedTuple):
    """So many days ago something was done on the account of a case; on day 0 it is done now."""

    days_ago: int
    case: str
    act: Callable[[Stage], object]


def remind(stage: Stage) -> None:
    """Queue what there is to remind of; it leaves with the other letters of that moment."""
    queue_reminder(stage.house, stage.player, stage.at)


def days_pass(work_names: Iterable[str], days: int) -> Callable[[Stage], object]:
    """The daily work of so many days until the moment of the scene, and the letters it brings."""
    works = [work for work in daily.DAILY if work.name in set(work_names)]

    def act(stage: Stage) -> None:
        for ago in range(days, -1, -1):
            at = at_local(stage.today - timedelta(days=ago), time(10), stage.account.zone)

            def unit(session: Any, at: datetime = at) -> None:
                for work in works:
                    daily.once(session, work, stage.account.id, now=at)

            stage.house.store.run(unit)
            send_all(stage.house, at)

    return act


def play(
    house: House, customers: Sequence[Customer], scenes: Iterable[Scene], *, base_url: str, now: datetime
) -> None:
    """Play every scene, the oldest first, and send what was brought at each moment."""
    with house.store.read() as session:
        cast = {customer.case: find_player(session, customer) for customer in customers}
    latest: dict[str, datetime] = {}
    timed: list[tuple[datetime, Scene]] = []
    for scene in sorted(scenes, key=lambda scene: -scene.days_ago):
        at = working_moment(now - timedelta(days=scene.days_ago), cast[scene.case].account.zone)
        if scene.case in latest:  # around a weekend two acts can fall on one day
            at = max(at, latest[scene.case] + timedelta(hours=2))
        latest[scene.case] = at
        timed.append((at if scene.days_ago else now, scene))
    timed.sort(key=lambda one: one[0])
    for place, (at, scene) in enumerate(timed):
        scene.act(Stage(house, cast[scene.case], base_url, at, now))
        if place + 1 == len(timed) or timed[place + 1][0] > at:
            send_all(house, at)
