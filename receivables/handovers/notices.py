"""The debtor is told who takes his case and when, before it goes: by post and e-mail, or by e-mail alone.

Nobody is told where nobody can be found: then the case goes at once (domain.md, "hand over").
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.accounts import Account, Segment
from models.handovers import Handler, Handover
from models.links import Channel
from models.messages import Purpose
from receivables import outbox
from receivables.calendar_days import business_date
from receivables.contact.consents import address_of
from receivables.contact.readers import paying_contacts
from receivables.errors import Refused
from receivables.permissions import Actor
from receivables.policy import current_policy
from receivables.post import queueing

KIND = "handover_notice"


def announce(
    session: Session, actor: Actor, account: Account, case: Handover, handler: Handler, *, now: datetime
) -> date | None:
    """Tell the debtor of an approved case; said once, whatever is approved anew.

    Returns:
        The day named as that of the hand-over, account-local; None where nobody can be told.
    Source: policy letters.deadline_days.handover_notice.
    """
    if case.notice_on is not None or account.segment is Segment.UNTRACEABLE:
        return case.notice_on
    on = queueing.deadline(account, KIND, business_date(now, account.zone), current_policy(session, now))
    facts = {
        "handover_id": case.id, "handover_on": on, "handover_to": handler.name,
        "handover_contact": handler.phone,
    }  # fmt: skip
    try:
        with session.begin_nested():
            queueing.queue_letter(
                session, actor, account, kind=KIND, currency=case.currency, facts=facts, now=now
            )
    except Refused as refused:
        if refused.code == "flagged":  # a fact about the debtor forbids writing to him
            return None
        if refused.code != "no_address":
            raise
        return on if _by_mail(session, actor, account, case, on, now=now) else None
    return on


def _by_mail(
    session: Session, actor: Actor, account: Account, case: Handover, on: date, *, now: datetime
) -> bool:
    """Queue the notice for everybody who pays and has an e-mail address."""
    told = [c for c in paying_contacts(session, account) if address_of(c, Channel.EMAIL) is not None]
    for contact in told:
        outbox.enqueue(
            session, actor, account=account, contact=contact, channel=Channel.EMAIL,
            purpose=Purpose.REMINDER, kind=KIND,
            facts={"handover_id": case.id, "handover_on": on.isoformat()},
            dedupe_key=f"{KIND}:{case.id}:{contact.id}", currency=case.currency, now=now,
        )  # fmt: skip
    return bool(told)
