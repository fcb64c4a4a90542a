"""Agencies and lawyers who take cases, with their terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import new_ref
from models.handovers import Handler, HandlerKind
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.texts import clean_words, one_line

#: Longest terms, characters.
TERMS_MOST = 2000


@dataclass(frozen=True, slots=True)
class HandlerFacts:
    """What is known of a handler.

    Attributes:
        phone: as the debtor reads it.
        countries: codes of the countries that it works in, apart by blanks; "" for all.
        commission_percent: of what it collects, a decimal string from 0 to 100.
    """

    kind: HandlerKind
    name: str
    address: str
    phone: str
    email: str
    countries: str
    commission_percent: str
    terms: str
    is_active: bool = True


def add_handler(session: Session, actor: Actor, facts: HandlerFacts, *, now: datetime) -> Handler:
    """Put an agency or a lawyer on file.

    Raises:
        NotAllowed.
        Refused: handler_incomplete, percent_unreadable, words_too_long, handler_known.
    """
    require(actor, Permission.HANDLER_EDIT)
    handler = Handler(ref=new_ref(), created_at=now)
    _write(session, handler, facts)
    session.add(handler)
    session.flush()
    record(session, actor, "handler.added", handler, account_id=None, now=now, facts=_audited(handler))
    return handler


def change_handler(
    session: Session, actor: Actor, ref: str, facts: HandlerFacts, *, now: datetime
) -> Handler:
    """Correct what is known of a handler; cases that were placed keep the commission they were placed on.

    Raises:
        NotAllowed, NotFound; Refused as for a new one.
    """
    require(actor, Permission.HANDLER_EDIT)
    handler = handler_of(session, ref, lock=True)
    _write(session, handler, facts)
    record(session, actor, "handler.changed", handler, account_id=None, now=now, facts=_audited(handler))
    session.flush()
    return handler


def handler_of(session: Session, ref: str, *, lock: bool = False) -> Handler:
    """Return a handler by its ref.

    Raises: NotFound.
    """
    query = select(Handler).where(Handler.ref == ref)
    handler = session.scalar(query.with_for_update() if lock else query)
    if handler is None:
        raise NotFound("not_found")
    return handler


def percent_of(typed: str) -> str:
    """Return a commission in percent as its decimal string.

    Raises:
        Refused: percent_unreadable, also below 0, above 100 or finer than hundredths.

    >>> percent_of(" 12,50 ")
    '12.5'
    """
    try:
        percent = Decimal(typed.strip().replace(",", "."))
    except InvalidOperation:
        raise Refused("percent_unreadable") from None
    if not percent.is_finite() or not 0 <= percent <= 100 or percent != percent.quantize(Decimal("0.01")):
        raise Refused("percent_unreadable")
    return f"{percent.normalize():f}"


def _write(session: Session, handler: Handler, facts: HandlerFacts) -> None:
    handler.kind = facts.kind
    handler.name, handler.phone = one_line(facts.name).strip(), one_line(facts.phone).strip()
    handler.address = clean_words(facts.address, most=500)
    handler.email = one_line(facts.email).strip() or None
    handler.countries = " ".join(one_line(facts.countries).upper().replace(",", " ").split())
    handler.commission_percent = percent_of(facts.commission_percent)
    handler.terms = clean_words(facts.terms, most=TERMS_MOST)
    handler.is_active = facts.is_active
    # The debtor is sent to them: without a name, a phone and an address there is nowhere to go.
    if not (handler.name and handler.phone and handler.address):
        raise Refused("handler_incomplete")
    with session.no_autoflush:
        same = session.scalar(select(Handler.id).where(Handler.name == handler.name))
    if same not in (None, handler.id):
        raise Refused("handler_known")


def _audited(handler: Handler) -> dict[str, object]:
    return {
        "kind": handler.kind.value,
        "name": handler.name,
        "commission_percent": handler.commission_percent,
        "active": handler.is_active,
    }
