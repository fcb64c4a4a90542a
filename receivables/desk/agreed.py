"""What was agreed with an account over time: promises, plans, offers and holds, however they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Date,
    Select,
    String,
    bindparam,
    cast,
    literal,
    null,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from models.arrangements import CreditHold, Offer, Plan, Promise
from models.money import Money
from models.states import HoldStatus, OfferStatus, PlanStatus, PromiseStatus
from models.store import fetch
from receivables.permissions import Actor, Permission, require

_STATES: dict[str, Any] = {
    "promise": PromiseStatus, "plan": PlanStatus, "offer": OfferStatus, "hold": HoldStatus,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgreedLine:
    """One arrangement or hold and what became of it.

    Attributes:
        kind: promise, plan, offer or hold.
        on: the day it was about: promised, accepted by, paid by; None where it had none.
        parts: of a plan.
    """

    kind: str
    ref: str
    status: Any
    amount: Money
    at: datetime
    on: date | None
    parts: int | None


def _part(kind: str, table: Any, amount: Any, at: Any, on: Any, parts: Any) -> Select[Any]:
    return select(
        literal(kind, String()).label("kind"),
        table.ref.label("ref"),
        type_coerce(table.status, String()).label("status"),
        amount.label("minor"),
        table.currency.label("currency"),
        at.label("at"),
        (on if on is not None else cast(null(), Date())).label("on_day"),
        (parts if parts is not None else literal(0)).label("parts"),
    ).where(table.account_id == bindparam("account_id"))


def history(session: Session, actor: Actor, account_id: int, *, limit: int = 12) -> list[AgreedLine]:
    """Return the newest arrangements and holds of an account, in one statement.

    Drafts that the debtor only looked at are left out.

    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    rows = fetch(session, _ALL, {"account_id": account_id, "most": limit})
    return [
        AgreedLine(
            r.kind, r.ref, _STATES[r.kind](r.status), Money(r.minor, r.currency), r.at, r.on_day,
            r.parts or None,
        )
        for r in rows
    ]  # fmt: skip


_ALL = (
    union_all(
        _part("promise", Promise, Promise.amount_minor, Promise.made_at, Promise.promised_on, None),
        _part("plan", Plan, Plan.total_minor, Plan.proposed_at, None, Plan.parts).where(
            Plan.status != PlanStatus.PROPOSED
        ),
        _part("offer", Offer, Offer.amount_minor, Offer.proposed_at, Offer.pay_by_on, None).where(
            Offer.status != OfferStatus.DRAFT
        ),
        _part("hold", CreditHold, CreditHold.release_minor, CreditHold.placed_at, None, None),
    )
    .order_by(text("at DESC"))
    .limit(bindparam("most"))
)
