"""What stands in a letter: worked out once, when it is queued, and kept as values.

receivables/documents/letters.py makes the paper of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.creditors import Creditor, CreditorBankAccount
from models.invoices import InvoiceKind
from models.messages import Message, Purpose
from models.money import total
from models.post import PostLetter
from models.states import MessageStatus, PostStatus
from receivables import invoices, links, pauses
from receivables.calendar_days import business_date
from receivables.documents.parties import parties
from receivables.errors import Refused
from receivables.ports import InvoiceRow
from receivables.texts import one_line

#: Kinds of letters, each with a text in every language (templates/documents/letters).
KINDS = ("first_letter_strict", "official_letter", "formal_warning", "claim_letter", "handover_notice")
#: What a kind cannot do without: given by who queues it.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "handover_notice": ("handover_to", "handover_contact", "handover_on")
}
#: Days on which we wrote before, named in a letter: the latest of them.
MOST_PREVIOUS = 6
_REACHED = (MessageStatus.SENT, MessageStatus.DELIVERED)
_OUT = (PostStatus.POSTED, PostStatus.RETURNED)


def asked_rows(
    session: Session, account: Account, today: date, *, currency: str | None = None
) -> list[InvoiceRow]:
    """Return the documents that a letter may ask for: late by the account's terms and not paused.

    Prepayments never reach a letter (domain.md, "The ladder").
    """
    held = pauses.standing(session, account.id, today)
    return [
        row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.asked
        and row.days_late > account.agreed_days
        and row.kind != InvoiceKind.PREPAYMENT.value
        and not pauses.paused_by(held, invoice_ref=row.ref, currency=row.currency)
    ]


def forbidden_by(session: Session, account_id: int, today: date) -> FlagKind | None:
    """Return a fact about an account that no letter may overrule; None when there is none (C-05)."""
    found = select(AccountFlag.kind).where(
        AccountFlag.account_id == account_id,
        AccountFlag.kind != FlagKind.LEGAL_HOLD,
        AccountFlag.from_on <= today,
        AccountFlag.to_on.is_(None) | (AccountFlag.to_on > today),
    )
    return session.scalar(found.order_by(AccountFlag.id).limit(1))


def content(
    session: Session,
    account: Account,
    contact: Contact | None,
    kind: str,
    currency: str,
    *,
    given: Mapping[str, Any],
    next_step: str,
    enclosures: Collection[str],
    registered: bool,
    now: datetime,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return all that a letter of today says, as JSON values.

    Args:
        given: what the caller knows and the books do not; kept as it is.
        only: refs of documents; no other is asked for.
    Raises:
        Refused: flagged (facts: flag), no_address, nothing_asked, fact_missing (facts: fact), day_past.
    """
    today = business_date(now, account.zone)
    flag = forbidden_by(session, account.id, today)
    if flag is not None:
        raise Refused("flagged", flag=flag.value)
    if not (account.postal_address or "").strip():
        raise Refused("no_address")
    for fact in NEEDED.get(kind, ()):
        if not given.get(fact):
            raise Refused("fact_missing", fact=fact)
    if given.get("handover_on") and date.fromisoformat(given["handover_on"]) <= today:
        raise Refused("day_past")
    rows = asked_rows(session, account, today, currency=currency)
    if only is not None:
        rows = [row for row in rows if row.ref in only]
    if not rows:
        raise Refused("nothing_asked")
    warning_on = _last_warning(session, account.id, currency)
    return {
        "made_on": today.isoformat(),
        "name": contact.name if contact else account.name,
        "amount_minor": total([row.asked for row in rows], currency).minor,
        "due_on": min(row.due_on for row in rows if row.due_on).isoformat(),
        "rows": [_kept_row(row) for row in rows],
        "parties": asdict(parties(session, account.id)),
        "hours": dict(links.sender_for(session, account.id, account.language, now=now).hours_in),
        "bank": _bank(session, account, currency),
        "previous": [day.isoformat() for day in _previous(session, account)],
        "next_step": next_step,
        "enclosures": sorted(enclosures),
        "registered": registered,
        "given": dict(given),
        "warning_on": warning_on.isoformat() if warning_on else None,
    }


def _kept_row(row: InvoiceRow) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "number": row.number,
        "kind": row.kind,
        "issued_on": row.issued_on.isoformat(),
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "asked_minor": row.asked.minor,
    }


def _bank(session: Session, account: Account, currency: str) -> str:
    """Where a transfer goes, on one line; no word of it needs another language."""
    bank = session.scalar(
        select(CreditorBankAccount).where(
            CreditorBankAccount.creditor_id == account.creditor_id, CreditorBankAccount.currency == currency
        )
    )
    if bank is None:
        return ""
    number = f"IBAN {bank.iban}" if bank.iban else bank.local_number or ""
    parts = (bank.holder, bank.bank_name, number, f"BIC {bank.bic}" if bank.bic else "")
    return one_line(" · ".join(part for part in parts if part))


def _previous(session: Session, account: Account) -> list[date]:
    """Days on which we asked before and it went out, the latest of them, in order."""
    written = session.scalars(
        select(Message.sent_at)
        .where(
            Message.account_id == account.id,
            Message.purpose == Purpose.REMINDER,
            Message.status.in_(_REACHED),
            Message.sent_at.is_not(None),
        )
        .order_by(Message.sent_at.desc())
        .limit(10 * MOST_PREVIOUS)
    )
    posted = session.scalars(
        select(PostLetter.posted_on).where(PostLetter.account_id == account.id, PostLetter.status.in_(_OUT))
    )
    days = {business_date(moment, account.zone) for moment in written if moment}
    return sorted(days | {day for day in posted if day})[-MOST_PREVIOUS:]


def _last_warning(session: Session, account_id: int, currency: str) -> date | None:
    return session.scalar(
        select(PostLetter.posted_on)
        .where(
            PostLetter.account_id == account_id,
            PostLetter.currency == currency,
            PostLetter.kind.in_(("formal_warning", "claim_letter")),
            PostLetter.status.in_(_OUT),
        )
        .order_by(PostLetter.posted_on.desc())
        .limit(1)
    )


def contract_language(session: Session, account: Account) -> str:
    """Return the language that binds: the creditor's, in which its agreements are made too."""
    return session.execute(select(Creditor.language).where(Creditor.id == account.creditor_id)).scalar_one()
