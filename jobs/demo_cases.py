"""Play the demo's stories through the real actions: reminders sent, payments made and left.

The stand-in's hosted page is used as a debtor uses it, by posting its form.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import outbox as postbox
from jobs.demo_seed import CUSTOMERS, working_moment
from jobs.house import House
from models.accounts import Account, Contact
from models.invoices import Invoice
from models.links import Channel, LinkScope
from models.money import Money
from receivables import credit_notes
from receivables.contact import consents, reminders
from receivables.errors import Refused
from receivables.payments import attempts, settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor, ActorKind
from receivables.policy import current_policy

#: The gateway account of every demo creditor.
GATEWAY = "default"


@dataclass(frozen=True, slots=True)
class Player:
    """The debtor of one case and the currency of his papers."""

    account: Account
    contact: Contact
    currency: str

    @property
    def actor(self) -> Actor:
        return Actor(
            ActorKind.LINK_HOLDER,
            account_id=self.account.id,
            contact_id=self.contact.id,
            scope=LinkScope.FULL,
        )


def play(house: House, stripe_url: str, *, base_url: str, now: datetime) -> None:
    """Send the reminders, then let some debtors pay, wait, leave or opt out."""
    with house.store.read() as session:
        cast = {
            customer.case: _player(session, customer.name, customer.papers[0].currency)
            for customer in CUSTOMERS
            if customer.papers
        }
    for player in cast.values():
        _remind(house, player)
    paid = _start(house, cast["paid"], base_url, now)
    _post(f"{paid.url}", number="4242424242424242", expiry="12 / 34", cvc="123", name="Ada Lindqvist")
    _settle(house, paid, now)
    debit = _start(house, cast["bank debit on its way"], base_url, now)
    _post(f"{debit.url}", debit="debit_settles")
    _settle(house, debit, now)
    left = _start(house, cast["left the card page"], base_url, now)
    with house.store.read() as session:
        attempt = attempts.find_attempt(session, left.ref)
    house.gateways[GATEWAY].expire(attempt.remote_id or "")
    _settle(house, left, now)
    _control(stripe_url, "faults", op="checkout.sessions.create", kind="timeout_after", count=3)
    _start(house, cast["payment being checked"], base_url, now)
    _opt_out(house, cast["left the card page"], now)
    # He had the card page open while the credit note came: what is too much waits for a person.
    juniper = _start(house, cast["credit note, credit in favour"], base_url, now)
    _credit(house, cast["credit note, credit in favour"], now)
    _post(f"{juniper.url}", number="4242424242424242", expiry="12 / 34", cvc="123", name="Mabel Hart")
    _settle(house, juniper, now)
    postbox.send_due(house, worker="demo", now=now)


def _player(session: Session, name: str, currency: str) -> Player:
    account = session.scalars(select(Account).where(Account.name == name)).one()
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    return Player(account, contact, currency)


def _remind(house: House, player: Player) -> None:
    """Queue and send with `now` = 10:00 of the last weekday there (decision 27)."""
    moment = working_moment(player.account.created_at, player.account.zone)

    def queue(session: Session) -> None:
        try:
            reminders.remind(session, SYSTEM, session.get_one(Account, player.account.id), now=moment)
        except Refused:
            return

    house.store.run(queue)
    while postbox.send_due(house, worker="demo", now=moment):
        pass


def _start(house: House, player: Player, base_url: str, now: datetime) -> starting.Started:
    return starting.start(
        house.store,
        house.gateways[GATEWAY],
        player.actor,
        Choice("all", player.currency),
        account_id=player.account.id,
        zone=player.account.zone,
        nonce=secrets.token_urlsafe(16),
        language=player.account.language,
        title="Northgate Paper & Print Ltd",
        note=None,
        base_url=base_url,
        now=now,
    )


def _settle(house: House, started: starting.Started, now: datetime) -> None:
    settling.settle(house.store, house.gateways[GATEWAY], started.ref, now=now)


def _opt_out(house: House, player: Player, now: datetime) -> None:
    """This contact wants no e-mail; the next reminder to it is suppressed by name."""

    def unit(session: Session) -> str:
        contact = session.get_one(Contact, player.contact.id)
        return consents.issue_opt_out(
            session, contact, Channel.EMAIL, policy=current_policy(session, now), now=now
        )

    token = house.store.run(unit)
    house.store.run(
        lambda s: consents.opt_out(
            s,
            token,
            text_shown="No more e-mails of this kind",
            text_version="demo",
            source="portal",
            ip_prefix=None,
            now=now,
        )
    )


def _credit(house: House, player: Player, now: datetime) -> None:
    with house.store.read() as session:
        ref = session.scalars(
            select(Invoice.ref).where(Invoice.account_id == player.account.id, Invoice.number == "2026-1107")
        ).one()
    house.store.run(
        lambda s: credit_notes.record_credit_note(
            s,
            SYSTEM,
            ref,
            number="CN-2026-051",
            amount=Money(2600, player.currency),
            reason="200 labels came torn",
            now=now,
        )
    )


def _post(url: str, **fields: str) -> None:
    """Post a form of the stand-in's page as a debtor's browser does."""
    request = urllib.request.Request(url, data=urlencode(fields).encode())  # noqa: S310 - loopback
    opener = urllib.request.build_opener(_Stay())
    try:
        with opener.open(request, timeout=20):
            pass
    except urllib.error.HTTPError as error:
        error.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _control(stripe_url: str, lever: str, **wish: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{stripe_url}/_sandbox/{lever}",
        data=json.dumps(wish).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass
