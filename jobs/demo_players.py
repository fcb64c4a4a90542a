"""Who plays in the demo, and what every player does: read a reminder, pay on the stand-in's page.

The stand-in's hosted page is used as a debtor uses it, by posting its form.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import outbox as postbox
from jobs.demo_cast import HOUSES, Customer
from jobs.house import House
from models.accounts import Account, Contact
from models.links import LinkScope
from receivables.arrangements import card_setups
from receivables.arrangements.cards import Consent
from receivables.contact import reminders
from receivables.errors import Refused
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor, ActorKind

#: The gateway account of every demo creditor.
GATEWAY = "default"
_CREDITORS = {house.code: house.name for house in HOUSES}


@dataclass(frozen=True, slots=True)
class Player:
    """The debtor of one case, the currency of his papers and the name of whom he owes."""

    account: Account
    contact: Contact
    currency: str
    creditor: str

    @property
    def actor(self) -> Actor:
        return Actor(
            ActorKind.LINK_HOLDER,
            account_id=self.account.id,
            contact_id=self.contact.id,
            scope=LinkScope.FULL,
        )


def find_player(session: Session, customer: Customer) -> Player:
    """Return who plays a customer's case."""
    account = session.scalars(select(Account).where(Account.name == customer.name)).one()
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    return Player(account, contact, customer.papers[0].currency, _CREDITORS[customer.house])


def queue_reminder(house: House, player: Player, at: datetime) -> None:
    """Queue what there is to remind of at that moment; nothing where nothing is late."""

    def queue(session: Session) -> None:
        try:
            reminders.remind(session, SYSTEM, session.get_one(Account, player.account.id), now=at)
        except Refused:
            return

    house.store.run(queue)


def send_all(house: House, at: datetime) -> None:
    """Send what may leave at a moment."""
    while postbox.send_due(house, worker="demo", now=at):
        pass


def start(
    house: House,
    player: Player,
    base_url: str,
    now: datetime,
    *,
    choice: Choice | None = None,
    consent: Consent | None = None,
) -> starting.Started:
    """Open a payment page, for everything that is asked unless a choice is given."""
    return starting.start(
        house.store,
        house.gateways[GATEWAY],
        player.actor,
        choice or Choice("all", player.currency),
        account_id=player.account.id,
        zone=player.account.zone,
        nonce=secrets.token_urlsafe(16),
        language=player.account.language,
        title=player.creditor,
        note=None,
        base_url=base_url,
        now=now,
        consent=consent,
    )


def settle(house: House, started: starting.Started, now: datetime) -> None:
    """Learn from the stand-in what became of a payment page."""
    settling.settle(house.store, house.gateways[GATEWAY], started.ref, now=now)


def pay_by_card(house: House, player: Player, started: starting.Started, now: datetime) -> None:
    """Pay on an open page with the test card that is always taken."""
    post(f"{started.url}", number="4242424242424242", expiry="12 / 34", cvc="123", name=player.contact.name)
    settle(house, started, now)


def save_card(
    house: House, player: Player, consent: Consent, number: str, base_url: str, now: datetime
) -> None:
    """Name a card on the page that keeps it, as a debtor does for a plan he agreed to before."""
    gateway = house.gateways[GATEWAY]
    begun = card_setups.begin_saving(
        house.store,
        gateway,
        player.actor,
        consent,
        account_id=player.account.id,
        currency=player.currency,
        language=player.account.language,
        note=None,
        base_url=base_url,
        now=now,
    )
    place = post(f"{begun.url}", number=number, expiry="12 / 34", cvc="123", name=player.contact.name)
    if "/3ds/" in place:  # his bank asks him
        post(place, answer="pass")
    card_setups.settle_setup(house.store, gateway, begun.ref, now=now)


def pull(stripe_url: str, lever: str, **wish: object) -> dict[str, Any]:
    """Pull a lever of the stand-in: what Stripe or a bank does of itself; returns its answer."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{stripe_url}/_sandbox/{lever}",
        data=json.dumps(wish).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        said: dict[str, Any] = json.load(answer)
    return said


def post(url: str, **fields: str) -> str:
    """Post a form of the stand-in's page as a debtor's browser does; returns where it leads."""
    request = urllib.request.Request(url, data=urlencode(fields).encode())  # noqa: S310 - loopback
    opener = urllib.request.build_opener(_Stay())
    try:
        with opener.open(request, timeout=20):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return error.headers.get("Location") or ""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None
