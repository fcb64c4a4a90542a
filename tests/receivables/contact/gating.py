"""What the tests of the gate have in common: rules of a few words, an account anywhere, one question."""

from __future__ import annotations

import itertools
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from receivables import outbox
from receivables.contact import rules as contact_rules
from receivables.contact.consents import address_digest, address_of
from receivables.contact.rule_rows import publish_rules
from receivables.contact.rules import Decision
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

POLICY = default_policy()
_numbers = itertools.count(1)


def publish(s: Session, *asks: str, now: datetime = NOON, debtor: str = "private_person") -> None:
    """Put rules in force that bind everybody of a kind everywhere; each word of `asks` is a row."""
    rows = [
        f'[[row]]\nid = "{number}"\ntitle = "A rule"\nwhere = ["*"]\ndebtors = ["{debtor}"]\n'
        f'roles = ["first_party"]\nsource = "a test"\ngrade = "S"\non = true\n{ask}\n'
        for number, ask in enumerate(asks, 1)
    ]
    body = 'role = "first_party"\n' + "\n".join(rows)
    publish_rules(s, SYSTEM, body, reason="test", policy=POLICY, now=now)


def an_account(
    s: Session, *, zone: str = "Europe/London", country: str = "GB",
    debtor: DebtorType = DebtorType.PRIVATE_PERSON, contacts: int = 1,
) -> Account:  # fmt: skip
    """An account with contacts who have a mail address and a number each."""
    account = make.an_account(s, make.a_creditor(s), zone=zone, debtor_type=debtor, with_contact=False)
    account.country = country
    for _ in range(contacts):
        number = next(_numbers)
        make.a_contact(s, account, email=f"kim{number}@home.example", phone=f"+1555{number:07d}")
    s.flush()
    return account


def contacts_of(s: Session, account: Account) -> list[Contact]:
    return list(s.scalars(select(Contact).where(Contact.account_id == account.id).order_by(Contact.id)))


def asked(
    s: Session, account: Account, *, now: datetime = NOON, purpose: Purpose = Purpose.REMINDER,
    channel: Channel = Channel.EMAIL, currency: str = "GBP", contact: Contact | None = None,
) -> Decision:  # fmt: skip
    return contact_rules.may_contact(
        s, account, contact or contacts_of(s, account)[0], channel=channel, purpose=purpose,
        currency=currency, policy=POLICY, now=now,
    )  # fmt: skip


def queued(
    s: Session, account: Account, contact: Contact, *, now: datetime = NOON, channel: Channel = Channel.EMAIL,
    currency: str = "GBP",
) -> Message:  # fmt: skip
    number = next(_numbers)
    return outbox.enqueue(
        s, SYSTEM, account=account, contact=contact, channel=channel, purpose=Purpose.REMINDER,
        kind=f"kind-{number}", facts={}, dedupe_key=f"gate:{number}", now=now, currency=currency,
    )  # fmt: skip


def left(
    s: Session, account: Account, contact: Contact, *, now: datetime = NOON, channel: Channel = Channel.EMAIL,
    currency: str = "GBP",
) -> None:  # fmt: skip
    """Let a reminder count as sent."""
    decision = asked(s, account, now=now, channel=channel, currency=currency, contact=contact)
    message = queued(s, account, contact, now=now, channel=channel, currency=currency)
    contact_rules.claim(s, message, decision, now=now)


def said(s: Session, contact: Contact, channel: Channel, *, yes: bool, now: datetime = NOON) -> None:
    """Write a yes or no to reminders into the ledger."""
    s.add(
        ConsentEvent(
            contact_id=contact.id, channel=channel, purpose=Purpose.REMINDER, source="test", occurred_at=now,
            address_digest=address_digest(address_of(contact, channel) or ""), ip_prefix=None,
            event=ConsentEventKind.OPTED_IN if yes else ConsentEventKind.OPTED_OUT,
            text_shown="May we write to you?", text_version="1",
        )
    )  # fmt: skip
    s.flush()
