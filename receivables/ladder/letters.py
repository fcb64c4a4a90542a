"""What the messages of the ladder's rungs say at the moment they leave, and whether they still may.

Amounts are those of that moment, after payments, pauses and disputes; dates and the next step are the
step's own, as it was decided. Who is of another kind hears of the same rung in other words (`spoken`).
Source: domain.md, "Six kinds of debtor"; tone.md, sections 2 and 5; decision 19.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Segment
from models.handovers import Handler, Handover
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.messages import Message
from models.money import Money, total
from models.states import HandoverStatus
from receivables import invoices, pauses
from receivables.ladder.rungs import Act, Ladder, preset
from receivables.letter_kinds import LetterKind
from receivables.ports import InvoiceRow

#: Longer orders are named by their documents, so that a message never shows half of one.
ORDER_LINES_MOST = 30
#: The languages that every text must be written in.
LANGUAGES = ("en", "he", "hu", "ru")
#: (kind of debtor, text) -> the text he gets instead (domain.md, six kinds of debtor).
VARIANTS: Mapping[tuple[Segment, str], str] = {
    (Segment.OPEN_PROBLEM, "due_today"): "open_problem_contact",
    (Segment.OPEN_PROBLEM, "first_reminder"): "open_problem_contact",
    (Segment.HARDSHIP, "due_today"): "hardship_contact",
    (Segment.HARDSHIP, "first_reminder"): "hardship_contact",
}
#: What an act says to the debtor when a person does it, beside what its rung names.
SAID_BY: Mapping[Act, frozenset[tuple[str, str]]] = {
    Act.CALL: frozenset({("email", "callback_invitation"), ("sms", "callback_invitation")}),
    Act.HOLD: frozenset({("email", "credit_hold_placed"), ("sms", "credit_hold_placed")}),
    Act.OFFER: frozenset({("email", "offer_made"), ("sms", "offer_made")}),
    Act.EXPIRE: frozenset({("email", "prepayment_expired"), ("sms", "prepayment_expired")}),
    Act.HAND_OVER: frozenset({("email", "handover_notice"), ("letter", "handover_notice")}),
}


def spoken(kind: str, account: Account) -> str:
    """Return the text in which an account hears a rung's text: its own, where its kind has one.

    Agreed longer terms are named as what was agreed; of terms only observed nothing is said.
    """
    if account.segment is Segment.OWN_TERMS and account.agreed_days and kind == "first_reminder":
        return "own_terms_reminder"
    return VARIANTS.get((account.segment, kind), kind)


# --------------------------------------------------------------------------- what publishing asks


@dataclass(frozen=True, slots=True)
class MissingText:
    """A text that a rung sends and that nobody wrote in a language; `channel` is email, sms or letter."""

    rung: str
    channel: str
    kind: str
    language: str


def missing_texts(
    ladder: Ladder,
    known: Mapping[tuple[str, str], Collection[str]],
    *,
    languages: Collection[str] = LANGUAGES,
) -> list[MissingText]:
    """Return every text that a ladder needs and that is not written, in the order of its rungs.

    Args:
        known: (channel, kind) -> the languages that it is written in.
    """
    return [
        MissingText(rung.code, channel, kind, language)
        for rung in ladder.rungs
        for channel, kind in sorted(_said_by(rung.effects))
        for language in languages
        if language not in known.get((channel, kind), ())
    ]


def _said_by(effects: Collection[Any]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for effect in effects:
        if effect.act is Act.MESSAGE:
            own = {effect.detail} | {text for (_, kind), text in VARIANTS.items() if kind == effect.detail}
            if effect.detail == "first_reminder":
                own.add("own_terms_reminder")
            found |= {(channel, kind) for channel in effect.channels for kind in own}
        elif effect.act is Act.LETTER:
            found.add(("letter", effect.detail))
            if effect.detail in LETTERS:
                found.add(("email", effect.detail))
        found |= SAID_BY.get(effect.act, frozenset())
    return found


# --------------------------------------------------------------------------- what they say


def due_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What is late and asked for now, its documents, and the dates and steps that were decided."""
    rows = _late(session, message, account, today)
    currency = message.currency or rows[0].currency
    oldest = min((row.due_on for row in rows if row.due_on), default=today)
    said: dict[str, Any] = {
        "amount": total([row.asked for row in rows], currency),
        "due_date": oldest,
        "agreed_date": oldest + timedelta(days=account.agreed_days),
        "invoice_list": rows,
    }
    if deadline := _day(message, "deadline_on"):
        said["deadline"] = deadline
    if step := message.facts.get("next_step"):
        said["next_step"] = step
    return said


def still_due(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether anything that is late is asked for yet, and the deadline that is named has not passed."""
    deadline = _day(message, "deadline_on")
    return (deadline is None or deadline >= today) and bool(_late(session, message, account, today))


def still_agreed(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the day that was agreed is past, and the terms are still agreed."""
    return bool(account.agreed_days) and still_due(session, message, account, today)


def handover_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What is late, and who takes the case when."""
    said = due_values(session, message, account, today)
    _, handler = _handed_over(session, message)
    if handler is not None:
        said |= {"handover_to": handler.name, "handover_contact": handler.phone}
    if day := _day(message, "handover_on"):
        said["handover_date"] = day
    return said


def still_to_hand_over(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the case is about to be handed over yet, and something is asked for."""
    handover, _ = _handed_over(session, message)
    day = _day(message, "handover_on")
    if handover is None or handover.status not in (HandoverStatus.PROPOSED, HandoverStatus.PREPARED):
        return False
    return (day is None or day > today) and still_due(session, message, account, today)


def order_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What was ordered, what of it is still to be paid, and until when it is kept."""
    ordered = _orders(session, message, account, today)
    asked = {row.ref: row.asked for row in _prepayments(session, message, account, today)}
    currency = message.currency or ordered[0].currency
    said: dict[str, Any] = {
        "amount": total([asked[one.ref] for one in ordered if one.ref in asked], currency),
        "order": ", ".join(one.purchase_order or one.number for one in ordered),
        "order_list": _order_rows(session, ordered),
    }
    if deadline := _day(message, "kept_until_on") or kept_until(ordered):
        said["deadline"] = deadline
    return said


def still_kept(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether an order waits for its payment yet, and has not been kept for longer than was said."""
    ordered = _orders(session, message, account, today)
    until = _day(message, "kept_until_on") or kept_until(ordered)
    return bool(ordered) and (until is None or until >= today)


def still_released(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether an order that is no longer kept is neither paid nor in question in the meantime.

    Of what is disputed, said to be paid or paused nobody hears that it is released: a person decides.
    """
    ordered = _orders(session, message, account, today)
    whole = {row.ref for row in _prepayments(session, message, account, today) if row.asked == row.balance}
    return bool(ordered) and all(one.ref in whole for one in ordered)


def kept_until(ordered: Collection[Invoice]) -> date | None:
    """Return the last day on which orders are kept: the first that expires on the shipped ladder."""
    days = next(
        rung.day for rung in preset("prepayment").rungs if any(e.act is Act.EXPIRE for e in rung.effects)
    )
    due = [one.due_on for one in ordered if one.due_on is not None]
    return min(due) + timedelta(days=days) if due else None


def _day(message: Message, fact: str) -> date | None:
    said = message.facts.get(fact)
    return date.fromisoformat(said) if said else None


def _asked(session: Session, message: Message, account: Account, today: date) -> list[InvoiceRow]:
    """The documents of the message's currency that are asked for and not paused."""
    held = pauses.standing(session, account.id, today)
    return [
        row
        for row in invoices.open_rows(session, account.id, today, currency=message.currency)
        if row.asked and not pauses.paused_by(held, invoice_ref=row.ref, currency=row.currency)
    ]


def _late(session: Session, message: Message, account: Account, today: date) -> list[InvoiceRow]:
    """What is due by today, or by the agreed day, without prepayments: a sale not closed is no debt."""
    since = today - timedelta(days=account.agreed_days)
    by_today = message.kind in ("open_problem_contact", "hardship_contact", "callback_invitation")
    return [
        row
        for row in _asked(session, message, account, today)
        if row.kind != InvoiceKind.PREPAYMENT
        and row.due_on is not None
        and (row.due_on < since or (by_today and row.due_on == since))
    ]


def _prepayments(session: Session, message: Message, account: Account, today: date) -> list[InvoiceRow]:
    return [row for row in _asked(session, message, account, today) if row.kind == InvoiceKind.PREPAYMENT]


def _orders(session: Session, message: Message, account: Account, today: date) -> list[Invoice]:
    """The prepayments that a message is about: those it names, else those that are asked for."""
    named = message.facts.get("invoice_ids")
    if named:
        wanted = Invoice.id.in_(named)
    else:
        rows = _prepayments(session, message, account, today)
        wanted = Invoice.ref.in_([row.ref for row in rows])
    mine = (Invoice.account_id == account.id, Invoice.kind == InvoiceKind.PREPAYMENT)
    return list(session.scalars(select(Invoice).where(wanted, *mine).order_by(Invoice.due_on, Invoice.id)))


def _order_rows(session: Session, ordered: Collection[Invoice]) -> list[InvoiceRow]:
    """The lines of orders as a message lists them; of very long ones the documents."""
    by_id = {one.id: one for one in ordered}
    lines = session.scalars(
        select(InvoiceLine)
        .where(InvoiceLine.invoice_id.in_(by_id))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
        .limit(ORDER_LINES_MOST + 1)
    ).all()
    if not lines or len(lines) > ORDER_LINES_MOST:
        return [_row(one, one.description or one.number, one.total_minor) for one in ordered]
    return [_row(by_id[line.invoice_id], _in_words(line), line.net_minor + line.tax_minor) for line in lines]


def _in_words(line: InvoiceLine) -> str:
    """A line as somebody would say it: its quantity where it is not one, and what it is."""
    quantity = Decimal(line.quantity).normalize()
    return line.description if quantity == 1 else f"{quantity:f} × {line.description}"


def _row(document: Invoice, words: str, minor: int) -> InvoiceRow:
    amount = Money(minor, document.currency)
    return InvoiceRow(
        ref=document.ref, number=words, kind=document.kind.value, issued_on=document.issued_on, due_on=None,
        total=amount, balance=amount, days_late=0, description="", processing=Money(0, document.currency),
        currency=document.currency,
    )  # fmt: skip


def _handed_over(session: Session, message: Message) -> tuple[Handover | None, Handler | None]:
    handover = session.get(Handover, message.facts.get("handover_id", 0))
    if handover is None or handover.handler_id is None:
        return handover, None
    return handover, session.get_one(Handler, handover.handler_id)


_DUE = LetterKind(due_values, still_due)
_KEPT = LetterKind(order_values, still_kept)
LETTERS = {
    "callback_invitation": _DUE,
    "first_letter_strict": _DUE,
    "formal_warning": _DUE,
    "handover_notice": LetterKind(handover_values, still_to_hand_over),
    "hardship_contact": _DUE,
    "official_letter": _DUE,
    "open_problem_contact": _DUE,
    "own_terms_reminder": LetterKind(due_values, still_agreed),
    "prepayment_due": _KEPT,
    "prepayment_expired": LetterKind(order_values, still_released),
    "prepayment_expiring": _KEPT,
    "prepayment_reminder": _KEPT,
}
