"""Agreements for tests of paper: rows as the real actions freeze them, without the way there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import (
    DiscountTax,
    Every,
    Instalment,
    Offer,
    OfferInvoice,
    OfferMaker,
    PaysBy,
    Plan,
    PlanInvoice,
)
from models.base import new_ref
from models.invoices import Invoice
from models.money import Money
from models.states import InstalmentStatus, OfferStatus, PlanStatus
from receivables.arrangements import schedule
from receivables.calendar_days import business_date

RULES = {
    "retry_days": [3, 5], "missed_to_default": 2, "cure_days": 7, "moves": 1, "move_days": 14,
    "notice_days": 3, "draft_days": 7,
}  # fmt: skip


def _invoices(session: Session, account: Account, numbers: Sequence[str]) -> list[Invoice]:
    query = select(Invoice).where(Invoice.account_id == account.id, Invoice.number.in_(numbers))
    return list(session.scalars(query.order_by(Invoice.id)))


def an_agreed_plan(
    session: Session,
    account: Account,
    numbers: Sequence[str],
    *,
    parts: int = 3,
    name: str = "Helen Marsh",
    accepted: bool = True,
    now: datetime,
) -> str:
    """A plan over some invoices in equal monthly parts; returns its ref."""
    covered = _invoices(session, account, numbers)
    currency = covered[0].currency
    whole = Money(sum(i.balance_minor for i in covered), currency)
    days = schedule.dates(
        business_date(now, account.zone) + timedelta(days=14), parts, Every.MONTH, account.country
    )
    amounts = schedule.amounts(whole, parts)
    plan = Plan(
        ref=new_ref(), account_id=account.id, status=PlanStatus.ACTIVE if accepted else PlanStatus.PROPOSED,
        currency=currency, total_minor=whole.minor, parts=parts, every=Every.MONTH, pays_by=PaysBy.LINK,
        proposed_at=now, terms_digest="0" * 64,
        terms={
            "form": 1, "currency": currency, "total_minor": whole.minor,
            "parts": [
                {"seq": n, "on": day.isoformat(), "minor": amount.minor}
                for n, (day, amount) in enumerate(zip(days, amounts, strict=True), 1)
            ],
            "invoices": [
                {
                    "ref": i.ref, "number": i.number, "minor": i.balance_minor, "outside_minor": 0,
                    "credited_minor": 0,
                }
                for i in covered
            ],
            "every": "month", "pays_by": "link", "at_once": False, "outside": [], "fee_percent": 0,
            "interest": None, "rules": RULES,
        },
        accepted_name=name if accepted else None, accepted_role="Owner" if accepted else None,
        accepted_language="en" if accepted else None, accepted_at=now if accepted else None,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInvoice(plan_id=plan.id, invoice_id=i.id, covered_minor=i.balance_minor, blocking=accepted)
        for i in covered
    )
    session.add_all(
        Instalment(
            ref=new_ref(), plan_id=plan.id, seq=n, due_on=day, amount_minor=amount.minor,
            status=InstalmentStatus.SCHEDULED,
        )
        for n, (day, amount) in enumerate(zip(days, amounts, strict=True), 1)
    )  # fmt: skip
    session.flush()
    return plan.ref


def an_agreed_offer(
    session: Session, account: Account, numbers: Sequence[str], *, percent: int = 15, now: datetime
) -> str:
    """A settlement of some invoices at so many percent off; returns its ref."""
    settled = _invoices(session, account, numbers)
    currency = settled[0].currency
    balance = sum(i.balance_minor for i in settled)
    amount = balance * (100 - percent) // 100
    today = business_date(now, account.zone)
    accept_by, pay_by = today + timedelta(days=7), today + timedelta(days=14)
    offer = Offer(
        ref=new_ref(), account_id=account.id, status=OfferStatus.ACCEPTED, maker=OfferMaker.RULE,
        currency=currency, balance_minor=balance, amount_minor=amount, expires_on=accept_by, pay_by_on=pay_by,
        discount_tax=DiscountTax.NONE, proposed_at=now, content_digest="0" * 64,
        terms={
            "form": 1, "currency": currency, "balance_minor": balance, "amount_minor": amount,
            "forgiven_minor": balance - amount, "remains_minor": 0, "accept_by": accept_by.isoformat(),
            "pay_by": pay_by.isoformat(), "discount_tax": "none",
            "invoices": [
                {"ref": i.ref, "number": i.number, "balance_minor": i.balance_minor} for i in settled
            ],
        },
        accepted_name="Helen Marsh", accepted_role="Owner", accepted_language="en", accepted_at=now,
    )  # fmt: skip
    session.add(offer)
    session.flush()
    session.add_all(
        OfferInvoice(offer_id=offer.id, invoice_id=i.id, balance_minor=i.balance_minor, blocking=True)
        for i in settled
    )
    session.flush()
    return offer.ref
