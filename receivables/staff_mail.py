"""Mail to people of the house: queued with the act it tells of, written when it leaves (P-25).

Debtors are written to by receivables/outbox.py and its gate; nobody here is a debtor, so no gate is
asked. The text is a source of templates/staff_mails/, in the person's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.staff import Staff
from models.work import Job
from receivables.outbox import queue_job

#: Kind of the job that carries one; jobs/staff_mails.py does it.
JOB = "staff_mail"


def queue_staff_mail(
    session: Session,
    person: Staff,
    kind: str,
    *,
    key: str,
    values: Mapping[str, Any] | None = None,
    token_ref: str | None = None,
    to: str | None = None,
    now: datetime,
) -> Job:
    """Queue one mail to a person of the house.

    Args:
        kind: folder below templates/staff_mails.
        key: names the fact that is told; the same is queued once.
        values: texts for the placeholders of the kind; nothing secret, since they are stored.
        token_ref: of the way in that the mail carries; its clear token is made when the mail leaves.
        to: another address than the person's own: the one before a change.
    """
    payload = {
        "kind": kind, "key": key, "staff": person.ref, "values": dict(values or {}), "token": token_ref,
        "to": to,
    }  # fmt: skip
    return queue_job(session, kind=JOB, key=f"{JOB}:{kind}:{key}", payload=payload, now=now)


def sender_of_house(session: Session) -> tuple[str, str]:
    """Return name and address that mails to staff come from: the first creditor's own."""
    found = session.execute(select(Creditor.name, Creditor.email_from).order_by(Creditor.id).limit(1)).first()
    return (found.name, found.email_from) if found else ("Amicable", "desk@localhost")
