"""The one gate before anything is sent: may we contact this person now? (C-01, decision 18, v0)

Called at send time by the worker. Hours and the daily cap bind reminders; receipts, codes,
answers, fresh links and opt-out confirmations answer the reader's own act. Notices of a running
arrangement keep hours and opt-outs, not the cap. Flags bind all but receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact
from models.links import Channel
from models.messages import ContactLedger, Message, Purpose
from receivables import pauses
from receivables.calendar_days import business_date, local_time, next_local
from receivables.contact.consents import address_of, has_opted_out
from receivables.policy import Policy


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed, or why not; `next_at` when only the hour is wrong.

    Reasons are codes that the desk words: no_address, contact_inactive, flag:<kind>, opted_out,
    paused:<reason>, outside_hours, already_today, colleague_only, other_channel.
    """

    reasons: tuple[str, ...]
    next_at: datetime | None
    business_on: date

    @property
    def allowed(self) -> bool:
        return not self.reasons


def may_contact(
    session: Session,
    account: Account,
    contact: Contact,
    *,
    channel: Channel,
    purpose: Purpose,
    currency: str | None,
    policy: Policy,
    now: datetime,
    message_id: int | None = None,
    address: str | None = None,
) -> Decision:
    """Decide whether one message may leave now.

    Args:
        message_id: a message whose own earlier claim does not stand against it.
        address: where a code goes that proves an address not on file yet.
        currency: of a reminder; its cap is one a (contact, channel, currency, business date).
    Returns:
        The decision with every reason that stands against it.
    """
    today = business_date(now, account.zone)
    reasons: list[str] = []
    if address is None:
        address = address_of(contact, channel)
        if address is None:
            reasons.append("no_address")
        if not contact.is_active:
            reasons.append("contact_inactive")
    if purpose is not Purpose.RECEIPT:
        flags = session.scalars(
            select(AccountFlag.kind).where(
                AccountFlag.account_id == account.id,
                AccountFlag.from_on <= today,
                or_(AccountFlag.to_on.is_(None), AccountFlag.to_on > today),
            )
        )
        reasons += [f"flag:{kind.value}" for kind in flags]
    chasing = purpose in (Purpose.REMINDER, Purpose.ARRANGEMENT)
    colleague = contact.forwarded_by_id is not None
    if colleague and chasing:
        reasons.append("colleague_only")
    if not chasing and not (colleague and purpose is Purpose.ANSWER):
        return Decision(tuple(reasons), None, today)
    if address is not None and has_opted_out(session, address, channel):
        reasons.append("opted_out")
    if purpose is Purpose.REMINDER:
        reasons += _against_a_reminder(session, account, contact, channel, currency, today, message_id)
    if not chasing:
        return Decision(tuple(reasons), None, today)
    next_at = None
    if not in_hours(contact, local_time(now, account.zone), policy):
        if not reasons:
            next_at = _next_hour(contact, account, policy, now=now)
        reasons.append("outside_hours")
    return Decision(tuple(reasons), next_at, today)


def prefers_other(session: Session, contact: Contact, channel: Channel) -> bool:
    """Whether the contact chose another channel for reminders, and can be reached there."""
    if contact.preferred_channel in (None, channel.value):
        return False
    chosen = Channel(contact.preferred_channel)
    address = address_of(contact, chosen)
    return address is not None and not has_opted_out(session, address, chosen)


def in_hours(contact: Contact, clock: time, policy: Policy) -> bool:
    """Whether a wall-clock time is inside the house's window and outside the contact's quiet hours."""
    if not policy.contact_from <= clock < policy.contact_to:
        return False
    if contact.quiet_from is None or contact.quiet_to is None:
        return True
    start, end = time.fromisoformat(contact.quiet_from), time.fromisoformat(contact.quiet_to)
    quiet = start <= clock < end if start <= end else clock >= start or clock < end
    return not quiet


def _next_hour(contact: Contact, account: Account, policy: Policy, *, now: datetime) -> datetime | None:
    """The next moment inside the hours: the window opens, or the quiet hours end."""
    opens = [policy.contact_from]
    if contact.quiet_to is not None:
        opens.append(time.fromisoformat(contact.quiet_to))
    return min(
        (next_local(now, clock, account.zone) for clock in opens if in_hours(contact, clock, policy)),
        default=None,
    )


def _against_a_reminder(
    session: Session,
    account: Account,
    contact: Contact,
    channel: Channel,
    currency: str | None,
    today: date,
    message_id: int | None,
) -> list[str]:
    """Pauses of the whole account or of this person, and the day's cap."""
    held = pauses.standing(session, account.id, today)
    standing = pauses.paused_by(held, contact_id=contact.id, currency=currency)
    reasons = [f"paused:{pauses.spoken(reason).value}" for reason in standing]
    if prefers_other(session, contact, channel):
        reasons.append("other_channel")
    claimed = session.scalar(
        select(ContactLedger.id).where(
            ContactLedger.contact_id == contact.id,
            ContactLedger.channel == channel,
            ContactLedger.currency == currency,
            ContactLedger.business_on == today,
            ContactLedger.message_id != (message_id or 0),
        )
    )
    if claimed is not None:
        reasons.append("already_today")
    return reasons


def claim(session: Session, message: Message, decision: Decision, *, now: datetime) -> ContactLedger:
    """Claim the day for one reminder before it leaves; the claim counts whatever becomes of it (C-02).

    Returns:
        The claim; the message's own earlier one when it is tried again.
    Raises:
        IntegrityError: another worker has claimed the same day; nothing may be sent.
    """
    known = session.scalar(select(ContactLedger).where(ContactLedger.message_id == message.id))
    if known is not None:
        return known
    row = ContactLedger(
        contact_id=message.contact_id,
        account_id=message.account_id,
        channel=message.channel,
        currency=message.currency or "",
        business_on=decision.business_on,
        step=message.kind,
        cycle=decision.business_on.isoformat(),
        message_id=message.id,
        claimed_at=now,
    )
    session.add(row)
    session.flush()
    return row
