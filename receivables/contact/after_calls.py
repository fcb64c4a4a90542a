"""What follows a call: an invitation to talk where nobody answered, and no more calls where he asked for it.

Source: C-01, C-06; domain.md, "The ladder"; tone.md, the rungs.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.invoices import InvoiceKind
from models.links import Channel
from models.messages import CallAttempt, Message, Purpose
from receivables import invoices, outbox, pauses, switches
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.consents import address_of
from receivables.contact.rules import may_contact
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

INVITATION = "callback_invitation"


def invite(
    session: Session,
    actor: Actor,
    contact: Contact,
    call: CallAttempt,
    *,
    currency: str | None = None,
    now: datetime,
) -> Message | None:
    """Queue one invitation to talk after a call that reached nobody, once a contact and day.

    Args:
        currency: what the call was about; None is what is late longest.
    Returns:
        The message; None where nothing is late, there is no address, sending is stopped, or the gate
        would not let it leave.
    """
    account = session.get_one(Account, contact.account_id)
    today = business_date(now, account.zone)
    about = _late(session, account, currency, now=now)
    if about is None or switches.sending_stopped(session):
        return None
    for channel in _channels(contact):
        decision = may_contact(
            session, account, contact, channel=channel, purpose=Purpose.REMINDER, currency=about,
            policy=current_policy(session, now), now=now,
        )  # fmt: skip
        if decision.allowed or decision.next_at is not None:
            return outbox.enqueue(
                session, actor, account=account, contact=contact, channel=channel,
                purpose=Purpose.REMINDER, kind=INVITATION, facts={"call": call.id}, currency=about,
                dedupe_key=f"callback:{contact.id}:{today.isoformat()}", not_before=decision.next_at, now=now,
            )  # fmt: skip
    return None


def _channels(contact: Contact) -> list[Channel]:
    """Where the contact has an address, the channel he prefers first, then e-mail."""
    known = [c for c in (Channel.EMAIL, Channel.SMS) if address_of(contact, c) is not None]
    return sorted(known, key=lambda channel: channel.value != contact.preferred_channel)


def _late(session: Session, account: Account, currency: str | None, *, now: datetime) -> str | None:
    """The currency of what is due and asked for longest, in one currency or any; None: there is nothing."""
    today = business_date(now, account.zone)
    held = pauses.standing(session, account.id, today)
    late = [
        row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.asked
        and row.kind != InvoiceKind.PREPAYMENT
        and row.due_on is not None
        and row.due_on <= today
        and not pauses.paused_by(held, invoice_ref=row.ref, currency=row.currency)
    ]
    return max(late, key=lambda row: row.days_late).currency if late else None


def wish(
    session: Session,
    actor: Actor,
    contact: Contact,
    *,
    calls: bool,
    instead: Channel | None = None,
    now: datetime,
) -> Contact:
    """Note that somebody wants no more calls, or wants them again, as he said it to us.

    Args:
        calls: whether he may be rung up; what he asks for himself he still gets.
        instead: where he wants to be written to; None leaves that as it is.
    Raises:
        NotAllowed: the actor may not make calls.
        NotFound: he has no address there.
    """
    require(actor, Permission.CALL_LOG, account_id=contact.account_id)
    if instead is not None and address_of(contact, instead) is None:
        raise NotFound("not_found")
    before = (contact.no_calls_at is None, contact.preferred_channel)
    if calls is not before[0]:
        contact.no_calls_at = None if calls else now
    if instead is not None:
        contact.preferred_channel = instead.value
    if (calls, contact.preferred_channel) == before:
        return contact
    session.flush()
    record(
        session, actor, "contact.wishes_noted", contact, account_id=contact.account_id, now=now,
        facts={"calls": calls, "channel": contact.preferred_channel},
    )  # fmt: skip
    if calls is not before[0]:
        outbox.note(
            session, contact.account_id, "call.wanted_again" if calls else "call.unwanted",
            contact_id=contact.id, staff_id=actor.id, now=now,
        )  # fmt: skip
    return contact
