"""One consolidated reminder per account and currency: who gets it, of which kind, about what."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import InvoiceKind
from models.links import Channel
from models.messages import Message, Purpose
from receivables import invoices, outbox, pauses
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.consents import address_of
from receivables.contact.readers import paying_contacts
from receivables.contact.rules import prefers_other
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.ports import InvoiceRow

#: What falls due so soon after another document is named with it.
TOGETHER = timedelta(days=3)


def remind(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    now: datetime,
    channels: tuple[Channel, ...] = (Channel.EMAIL, Channel.SMS),
) -> list[Message]:
    """Queue one reminder for each paying contact, channel and currency (domain.md, ladder).

    The kind follows the oldest document: overdue, due today, or a courtesy note before.

    Returns:
        The queued messages; those of the same day that were queued before are returned again.
    Raises:
        NotAllowed: the actor may not send reminders.
        Refused: `nothing_open`, `paused`, `no_contact`.
    """
    require(actor, Permission.REMINDER_SEND)
    today = business_date(now, account.zone)
    held = pauses.standing(session, account.id, today)
    rows = [row for row in invoices.open_rows(session, account.id, today) if row.asked]
    if not rows:
        raise Refused("nothing_open")
    rows = [row for row in rows if not pauses.paused_by(held, invoice_ref=row.ref, currency=row.currency)]
    if not rows:
        raise Refused("paused")
    contacts = paying_contacts(session, account)
    if not contacts:
        raise Refused("no_contact")
    queued = []
    for currency in sorted({row.currency for row in rows}):
        kind = kind_for([row for row in rows if row.currency == currency], today)
        for contact in contacts:
            for channel in channels:
                if address_of(contact, channel) is None or not has_text(kind, channel):
                    continue
                if prefers_other(session, contact, channel):
                    continue
                queued.append(
                    outbox.enqueue(
                        session,
                        actor,
                        account=account,
                        contact=contact,
                        channel=channel,
                        purpose=Purpose.REMINDER,
                        kind=kind,
                        facts={},
                        dedupe_key=f"reminder:{contact.id}:{channel.value}:{currency}:{today}",
                        currency=currency,
                        now=now,
                    )
                )
    return queued


def kind_for(rows: list[InvoiceRow], today: date) -> str:
    """The kind of reminder that these documents ask for today; a prepayment is a sale not yet closed."""
    debts = [row for row in rows if row.kind != InvoiceKind.PREPAYMENT]
    if not debts:
        return "prepayment_due" if any(row.days_late for row in rows) else "prepayment_reminder"
    if any(row.days_late for row in debts):
        return "first_reminder"
    return "due_today" if any(row.due_on == today for row in debts) else "courtesy"


def told_of(kind: str, rows: list[InvoiceRow], today: date, account: Account) -> list[InvoiceRow]:
    """The documents that a reminder of a kind is about.

    A due date on a day off counts as the next working day, and agreed longer terms move it. A courtesy
    note names those that fall due together: the next ones, and what follows within TOGETHER.
    """
    debts = [row for row in rows if row.kind != InvoiceKind.PREPAYMENT]
    if kind == "first_reminder":
        return [row for row in debts if row.days_late]
    if kind == "due_today":
        return [row for row in debts if counts_as_due(row, account) == today]
    if kind == "courtesy":
        ahead = [(day, row) for row in debts if (day := counts_as_due(row, account)) and day > today]
        last = min((day for day, _ in ahead), default=today) + TOGETHER
        return [row for day, row in ahead if day <= last]
    return rows


def counts_as_due(row: InvoiceRow, account: Account) -> date | None:
    """The day on which a document of an account counts as due; None where it names none."""
    if row.due_on is None:
        return None
    return add_business_days(row.due_on + timedelta(days=account.agreed_days), 0, account.country)


def has_text(kind: str, channel: Channel) -> bool:
    """A courtesy note before the date, and what an order says, goes by e-mail only (tone.md, the rungs)."""
    return channel is not Channel.SMS or kind in ("due_today", "first_reminder")
