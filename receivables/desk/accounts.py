"""The whole account on one page of the desk: who, what is owed, what happened, how to reach them.

Amounts are those the debtor is asked for (`invoices.overview`), so both sides see one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import (
    Account,
    Contact,
    ContactHasRole,
    ContactRole,
    DebtorType,
)
from models.creditors import Creditor, CreditorBankAccount
from models.invoices import Invoice
from models.links import Channel, Link, LinkScope, LinkSession
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from models.money import Money, total
from models.payments import AttemptInvoice
from models.staff import Staff
from models.states import MessageStatus
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.contact import reminders
from receivables.contact import rules as contact_rules
from receivables.contact.consents import address_digest, address_of
from receivables.contact.readers import paying_contacts
from receivables.errors import NotFound
from receivables.flags import FlagState, FlagView, flags_of
from receivables.invoices import BankDetails, CurrencyGroup, Overview
from receivables.own_accounts import theirs
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy
from receivables.standing import Standing, standing_of

#: Last day of each bucket of the ageing, counted in days late; the first is "not yet due".
BUCKETS = (0, 30, 60, 90, 120)


@dataclass(frozen=True, slots=True)
class AccountHead:
    """Who the account is and who looks after it."""

    id: int
    ref: str
    number: str
    name: str
    debtor_type: DebtorType
    country: str
    zone: str
    language: str
    language_chosen_at: datetime | None
    pay_days: str | None
    required_references: str | None
    creditor: str
    collector: str | None
    salesperson: str | None
    sponsor: str | None
    payer_ref: str | None
    payer_name: str | None


@dataclass(frozen=True, slots=True)
class Ageing:
    """What is asked for in one currency by days late; the parts sum to `asked`."""

    currency: str
    parts: Sequence[Money]
    asked: Money
    processing: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """One way to reach a contact, what became of the last message, and whether reminders are refused."""

    channel: Channel
    address: str
    opted_out: bool
    last_status: MessageStatus | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactCard:
    ref: str
    name: str
    roles: Sequence[ContactRole]
    may_commit: bool
    is_active: bool
    #: Put there by us and confirmed by nobody, so no codes go to him (decision 6).
    unconfirmed: bool
    #: Stands for the account; a colleague to whom one invoice was forwarded does not.
    stands: bool
    channels: Sequence[ChannelHealth]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link and whether it still opens the account."""

    ref: str
    contact: str | None
    channel: Channel
    scope: LinkScope
    held_by: str | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    redeemed_count: int
    redeemed_at: datetime | None
    sessions: int
    state: str  # "live", "expired" or "revoked"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Everything of the account page but the timeline."""

    head: AccountHead
    overview: Overview
    ageing: Sequence[Ageing]
    contacts: Sequence[ContactCard]
    links: Sequence[LinkRow]
    #: Facts that hold or come, as far as this reader may know them.
    flags: Sequence[FlagView]
    banks: Sequence[BankDetails]
    #: What is agreed, asked, disputed or paused; of hardship only its own readers know.
    standing: Standing

    @property
    def live_links(self) -> list[LinkRow]:
        return [link for link in self.links if link.state == "live"]


def head(session: Session, actor: Actor, ref: str) -> AccountHead:
    """Return who an account is.

    Raises:
        NotAllowed: the actor may not read accounts.
        NotFound: no such account, or for a salesperson not one of his.
    """
    require(actor, Permission.ACCOUNT_READ)
    collector, sales, sponsor, payer = aliased(Staff), aliased(Staff), aliased(Staff), aliased(Account)
    r: Any = session.execute(
        select(
            Account.id, Account.ref, Account.number, Account.name, Account.debtor_type, Account.country,
            Account.zone, Account.language, Account.language_chosen_at, Account.pay_days,
            Account.required_references, Creditor.name, collector.name, sales.name, sponsor.name,
            payer.ref, payer.name,
        )
        .join(Creditor, Creditor.id == Account.creditor_id)
        .outerjoin(collector, collector.id == Account.collector_id)
        .outerjoin(sales, sales.id == Account.salesperson_id)
        .outerjoin(sponsor, sponsor.id == Account.sponsor_id)
        .outerjoin(payer, payer.id == Account.payer_id)
        .where(Account.ref == ref, theirs(actor))
    ).first()  # fmt: skip
    if r is None:
        raise NotFound("not_found")
    return AccountHead(*r)


def account_row(session: Session, ref: str, *, lock: bool = False) -> Account:
    """Return the mapped account behind a ref, for an action.

    Raises:
        NotFound: no such account.
    """
    query = select(Account).where(Account.ref == ref)
    account = session.scalar(query.with_for_update() if lock else query)
    if account is None:
        raise NotFound("not_found")
    return account


def page(session: Session, actor: Actor, ref: str, *, now: datetime) -> AccountPage:
    """Return the account page.

    Raises:
        NotAllowed: the actor may not read accounts.
        NotFound: no such account.
    """
    who = head(session, actor, ref)
    overview = invoices.overview(session, actor, account_id=who.id, zone=who.zone, now=now)
    return AccountPage(
        head=who,
        overview=overview,
        ageing=[_ageing(group) for group in overview.groups],
        contacts=_contacts(session, who.id),
        links=links(session, who.id, now=now),
        flags=[
            flag
            for flag in flags_of(session, actor, who.id, today=overview.today)
            if flag.state is not FlagState.OVER
        ],
        banks=_banks(session, who, [group.currency for group in overview.groups]),
        standing=standing_of(session, who.id, overview.today),
    )


def _ageing(group: CurrencyGroup) -> Ageing:
    parts: list[list[Money]] = [[] for _ in range(len(BUCKETS) + 1)]
    for row in group.rows:
        place = next((i for i, last in enumerate(BUCKETS) if row.days_late <= last), len(BUCKETS))
        parts[place].append(row.asked)
    return Ageing(
        currency=group.currency,
        parts=[total(part, group.currency) for part in parts],
        asked=group.asked,
        processing=group.processing,
        credit=group.credit,
    )


def _contacts(session: Session, account_id: int) -> list[ContactCard]:
    people = session.scalars(
        select(Contact).where(Contact.account_id == account_id).order_by(Contact.id)
    ).all()
    ids = [person.id for person in people]
    roles: dict[int, list[ContactRole]] = {}
    for r in session.execute(
        select(ContactHasRole.contact_id, ContactHasRole.role).where(ContactHasRole.contact_id.in_(ids))
    ):
        roles.setdefault(r.contact_id, []).append(r.role)
    refused, last = _refusals(session, people), _last_messages(session, ids)

    def health(person: Contact, channel: Channel) -> ChannelHealth | None:
        address = address_of(person, channel)
        if address is None:
            return None
        status, at = last.get((person.id, channel), (None, None))
        return ChannelHealth(channel, address, (address_digest(address), channel) in refused, status, at)

    return [
        ContactCard(
            ref=person.ref,
            name=person.name,
            roles=sorted(roles.get(person.id, ())),
            may_commit=person.may_commit,
            is_active=person.is_active,
            unconfirmed=person.is_active and person.confirmed_at is None,
            stands=person.is_active and person.forwarded_by_id is None,
            channels=[h for c in (Channel.EMAIL, Channel.SMS) if (h := health(person, c)) is not None],
        )
        for person in sorted(people, key=lambda p: (not p.is_active, p.id))
    ]


def _refusals(session: Session, people: Sequence[Contact]) -> set[tuple[str, Channel]]:
    """Return (address digest, channel) pairs whose last word about reminders is no."""
    addresses = [a for p in people for a in (p.email, p.phone) if a is not None]
    events = session.execute(
        select(ConsentEvent.address_digest, ConsentEvent.channel, ConsentEvent.event)
        .where(
            ConsentEvent.address_digest.in_([address_digest(a) for a in addresses]),
            ConsentEvent.purpose == Purpose.REMINDER,
        )
        .order_by(ConsentEvent.id)
    )
    latest = {(e.address_digest, e.channel): e.event for e in events}
    return {key for key, event in latest.items() if event is ConsentEventKind.OPTED_OUT}


def _last_messages(
    session: Session, contact_ids: Sequence[int]
) -> dict[tuple[int, Channel], tuple[MessageStatus, datetime]]:
    newest = (
        select(func.max(Message.id))
        .where(Message.contact_id.in_(contact_ids), Message.sent_at.is_not(None))
        .group_by(Message.contact_id, Message.channel)
    )
    rows = session.execute(
        select(Message.contact_id, Message.channel, Message.status, Message.sent_at).where(
            Message.id.in_(newest)
        )
    )
    return {(r.contact_id, r.channel): (r.status, r.sent_at) for r in rows}


def links(session: Session, account_id: int, *, now: datetime, limit: int = 20) -> list[LinkRow]:
    """Return the newest links of an account, live ones first, with their holders and open sessions."""
    sessions = (
        select(func.count())
        .where(LinkSession.link_id == Link.id, LinkSession.revoked_at.is_(None), LinkSession.ends_at > now)
        .correlate(Link)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Link.ref, Contact.name.label("contact"), Link.channel, Link.scope, Staff.name.label("held_by"),
            Link.issued_at, Link.expires_at, Link.revoked_at, Link.redeemed_count, Link.redeemed_at,
            sessions.label("sessions"),
        )
        .outerjoin(Contact, Contact.id == Link.contact_id)
        .outerjoin(Staff, Staff.id == Link.held_by_staff_id)
        .where(Link.account_id == account_id)
        .order_by(Link.id.desc())
        .limit(limit)
    )  # fmt: skip

    def state(r: Any) -> str:
        return "revoked" if r.revoked_at else "live" if r.expires_at > now else "expired"

    return sorted((LinkRow(*r, state=state(r)) for r in rows), key=lambda link: link.state != "live")


def link_row(session: Session, account_id: int, ref: str) -> Link:
    """Return the mapped link behind a ref of one account, for an action.

    Raises:
        NotFound: no such link at this account.
    """
    link = session.scalar(
        select(Link).where(Link.ref == ref, Link.account_id == account_id).with_for_update()
    )
    if link is None:
        raise NotFound("not_found")
    return link


def _banks(session: Session, who: AccountHead, currencies: Sequence[str]) -> list[BankDetails]:
    rows = session.execute(
        select(
            CreditorBankAccount.currency, CreditorBankAccount.holder, CreditorBankAccount.bank_name,
            CreditorBankAccount.iban, CreditorBankAccount.bic, CreditorBankAccount.local_number,
        )
        .join(Account, Account.creditor_id == CreditorBankAccount.creditor_id)
        .where(Account.id == who.id, CreditorBankAccount.currency.in_(currencies))
        .order_by(CreditorBankAccount.currency)
    )  # fmt: skip
    return [BankDetails(*r, reference=who.number) for r in rows]


# --------------------------------------------------------------------------- before something is done


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """One message that a reminder would queue, and what stands against it now."""

    contact: str
    channel: Channel
    address: str
    kind: str
    amount: Money
    decision: contact_rules.Decision


def reminder_plan(
    session: Session, actor: Actor, account: Account, *, policy: Policy, now: datetime
) -> list[PlannedReminder]:
    """Return what `reminders.remind` would queue now and what would become of it; writes nothing.

    Raises:
        NotAllowed: the actor may not send reminders.
    """
    require(actor, Permission.REMINDER_SEND)
    today = business_date(now, account.zone)
    rows = invoices.open_rows(session, account.id, today)
    planned = []
    for currency in sorted({row.currency for row in rows}):
        mine = [row for row in rows if row.currency == currency]
        kind = reminders.kind_for(mine, today)
        told = reminders.told_of(kind, mine, today, account)
        for contact in paying_contacts(session, account):
            for channel in (Channel.EMAIL, Channel.SMS):
                address = address_of(contact, channel)
                if address is None or not reminders.has_text(kind, channel):
                    continue
                planned.append(
                    PlannedReminder(
                        contact=contact.name,
                        channel=channel,
                        address=address,
                        kind=kind,
                        amount=total([row.asked for row in told], currency),
                        decision=contact_rules.may_contact(
                            session, account, contact, channel=channel, purpose=Purpose.REMINDER,
                            currency=currency, policy=policy, now=now,
                        ),
                    )
                )  # fmt: skip
    return planned


@dataclass(frozen=True, slots=True)
class InvoiceOwner:
    """Whose document it is, and what is open at the gateway for it."""

    account_id: int
    account_ref: str
    account_name: str
    account_number: str
    zone: str
    open_pages: int


def invoice_owner(session: Session, actor: Actor, ref: str) -> InvoiceOwner:
    """Return whose document it is and how many payment pages are open for it.

    Raises:
        NotAllowed: the actor may not read invoices.
        NotFound: no such document.
    """
    require(actor, Permission.INVOICE_READ)
    pages = (
        select(func.count())
        .where(AttemptInvoice.invoice_id == Invoice.id, AttemptInvoice.blocking)
        .correlate(Invoice)
        .scalar_subquery()
    )
    r: Any = session.execute(
        select(Account.id, Account.ref, Account.name, Account.number, Account.zone, pages)
        .join(Invoice, Invoice.account_id == Account.id)
        .where(Invoice.ref == ref, theirs(actor))
    ).first()
    if r is None:
        raise NotFound("not_found")
    return InvoiceOwner(*r)
