"""Pauses: one small engine of dated, reasoned, scoped reasons to stand still.

A pause starts in the transaction that causes it. Reminders and the contact gate honour it at send
time; the ladder subtracts the union of all pauses from the age it sees. Days are account-local.
Source: domain.md, "Arrangements" (Pauses); C-05.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.pauses import Pause, PauseReason
from models.store import fetch
from receivables import waking
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.permissions import Actor
from receivables.reading_ahead import read_already


@dataclass(frozen=True, slots=True)
class Standing:
    """One pause as readers see it; `to_on` is the first day on which it no longer holds."""

    reason: PauseReason
    invoice_ref: str | None
    contact_id: int | None
    from_on: date
    to_on: date | None
    currency: str | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it holds on an account-local day."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)

    def covers(self, invoice_ref: str | None, contact_id: int | None, currency: str | None) -> bool:
        """Whether its scope takes in an invoice, a contact, a currency; None asks for the account itself."""
        return (
            self.invoice_ref in (None, invoice_ref)
            and self.contact_id in (None, contact_id)
            and self.currency in (None, currency)
        )


def spoken(reason: PauseReason) -> PauseReason:
    """Return a reason as it may stand where many read: of hardship only that an answer of ours is due."""
    return PauseReason.AWAITING_OUR_ANSWER if reason is PauseReason.HARDSHIP else reason


def pause(
    session: Session,
    actor: Actor,
    account: Account,
    reason: PauseReason,
    *,
    key: str,
    now: datetime,
    to_on: date | None = None,
    invoice_id: int | None = None,
    contact_id: int | None = None,
    currency: str | None = None,
    why: str | None = None,
) -> Pause:
    """Stand still for a reason, from today on; the same cause pauses once.

    Args:
        key: names the cause, "dispute:17"; a second call with it returns the first pause as it is.
        to_on: first day on which it no longer holds; None until `resume`.
        invoice_id, contact_id, currency: a narrower scope than the account.
        why: words of the person who placed it, for the audit.
    """
    known = session.scalar(select(Pause).where(Pause.key == key))
    if known is not None:
        return known
    row = Pause(
        account_id=account.id,
        invoice_id=invoice_id,
        contact_id=contact_id,
        currency=currency,
        reason=reason,
        key=key,
        from_on=business_date(now, account.zone),
        to_on=to_on,
        started_at=now,
    )
    session.add(row)
    session.flush()
    waking.wake(session, account.id, row.from_on)
    record(
        session,
        actor,
        "pause.started",
        row,
        account_id=account.id,
        now=now,
        facts={"reason": spoken(reason).value, "to_on": to_on.isoformat() if to_on else None},
        reason=why,
    )
    return row


def resume(
    session: Session, actor: Actor, account: Account, key: str, *, now: datetime, why: str | None = None
) -> Pause | None:
    """End the pause of a cause today; None when there is none. A second call changes nothing."""
    row = session.scalar(select(Pause).where(Pause.key == key, Pause.account_id == account.id))
    if row is None or row.ended_at is not None:
        return row
    today = business_date(now, account.zone)
    if row.to_on is None or row.to_on > today:
        row.to_on = max(today, row.from_on)
    row.ended_at = now
    waking.wake(session, account.id, today)
    record(session, actor, "pause.ended", row, account_id=account.id, now=now, reason=why)
    return row


_PAUSES = (
    select(
        Pause.reason,
        Invoice.ref.label("invoice_ref"),
        Pause.contact_id,
        Pause.from_on,
        Pause.to_on,
        Pause.currency,
    )
    .outerjoin(Invoice, Invoice.id == Pause.invoice_id)
    .where(Pause.account_id == bindparam("account_id"))
    .order_by(Pause.id)
)
_STANDING = _PAUSES.where(
    Pause.from_on <= bindparam("today"),
    or_(Pause.to_on.is_(None), Pause.to_on > bindparam("today")),
)
_STANDING_OF = (
    select(
        Pause.account_id,
        Pause.reason,
        Invoice.ref.label("invoice_ref"),
        Pause.contact_id,
        Pause.from_on,
        Pause.to_on,
        Pause.currency,
    )
    .outerjoin(Invoice, Invoice.id == Pause.invoice_id)
    .where(
        Pause.account_id.in_(bindparam("account_ids", expanding=True)),
        Pause.from_on <= bindparam("last"),
        or_(Pause.to_on.is_(None), Pause.to_on > bindparam("first")),
    )
    .order_by(Pause.id)
)


def standing(session: Session, account_id: int, today: date) -> list[Standing]:
    """Return the pauses that hold on a day, of whatever scope."""
    known = read_already(session, "pauses", (account_id, today))
    if known is not None:
        return list(known)
    rows = fetch(session, _STANDING, {"account_id": account_id, "today": today})
    return [Standing(r.reason, r.invoice_ref, r.contact_id, r.from_on, r.to_on, r.currency) for r in rows]


def standing_of(session: Session, days: Mapping[int, date]) -> dict[tuple[int, date], list[Standing]]:
    """Return for several accounts, each on its own day, what `standing` returns; one statement.

    Args:
        days: account id -> its own date of today.
    """
    found: dict[tuple[int, date], list[Standing]] = {key: [] for key in days.items()}
    asked = {"account_ids": list(days), "first": min(days.values()), "last": max(days.values())}
    for r in fetch(session, _STANDING_OF, asked):
        held = Standing(r.reason, r.invoice_ref, r.contact_id, r.from_on, r.to_on, r.currency)
        today = days[r.account_id]
        if held.holds_on(today):
            found[r.account_id, today].append(held)
    return found


def of_account(session: Session, account_id: int) -> list[Standing]:
    """Return every pause the account has had, for its age."""
    rows = fetch(session, _PAUSES, {"account_id": account_id})
    return [Standing(r.reason, r.invoice_ref, r.contact_id, r.from_on, r.to_on, r.currency) for r in rows]


def paused_by(
    held: Iterable[Standing],
    *,
    invoice_ref: str | None = None,
    contact_id: int | None = None,
    currency: str | None = None,
) -> list[PauseReason]:
    """Return the reasons that keep one invoice, contact and currency from being chased, each once.

    Of a disputed invoice the uncontested part is still asked for, so a dispute is no reason here:
    its contested amount has left what is asked for.
    """
    found = [
        pause.reason
        for pause in held
        if pause.covers(invoice_ref, contact_id, currency) and pause.reason is not PauseReason.DISPUTE
    ]
    return list(dict.fromkeys(found))


def paused_days(pauses: Sequence[Standing], since: date, today: date) -> int:
    """Return how many days from `since` up to, not with, `today` were paused: the union, never twice.

    >>> a = Standing(PauseReason.PROMISE, None, None, date(2026, 11, 2), date(2026, 11, 6))
    >>> b = Standing(PauseReason.SAYS_PAID, None, None, date(2026, 11, 4), None)
    >>> paused_days([a, b], date(2026, 11, 1), date(2026, 11, 10))
    8
    """
    counted, upto = 0, since
    for held in sorted(pauses, key=lambda p: p.from_on):
        start = max(held.from_on, upto)
        end = min(held.to_on or today, today)
        if end > start:
            counted += (end - start) // timedelta(days=1)
            upto = end
    return counted
