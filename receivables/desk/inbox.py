"""What the desk sees of what reached us, and of what did not leave: lists with filters.

Source: issue C, part 6 and "Bad input" ("nothing is silently not sent").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import InboundKind, InboundMessage
from models.links import Channel
from models.messages import Message
from models.states import MessageStatus
from receivables.calendar_days import at_local
from receivables.permissions import Actor, Permission, require

#: Rows of one page; there is no count, the last page is the one that is not full.
PAGE = 50
#: What the list of messages from outside may be narrowed to.
SHOWS = ("all", "unmatched", "asked", "replies", "bounces", "automatic")
#: Outcomes that say something about being written to or rung up.
ASKED = ("stop", "stop_and_ask", "no_calls", "start")
#: Messages that did not leave, and those that came back or were refused.
NOT_SENT = (MessageStatus.SUPPRESSED, MessageStatus.FAILED)
#: Contacts that are offered when somebody says who wrote.
_MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class InboundRow:
    """One message from outside; without an account nobody knows who wrote."""

    ref: str
    channel: Channel
    kind: InboundKind
    outcome: str
    subject: str | None
    words: str | None
    received_at: datetime
    account_ref: str | None
    account_name: str | None
    contact: str | None
    answers: str | None

    @property
    def unmatched(self) -> bool:
        """Whether a person may still say who wrote it."""
        return self.kind is InboundKind.REPLY and self.contact is None


def inbound_messages(
    session: Session, actor: Actor, *, show: str = "all", account: str = "", page: int = 0
) -> list[InboundRow]:
    """Return messages from outside, newest first.

    Args:
        show: one of SHOWS; anything else is "all".
        account: number or part of the name; empty is every one.
        page: from 0.
    Raises:
        NotAllowed: the actor may not read messages.
    """
    require(actor, Permission.MESSAGE_READ)
    query = (
        select(
            InboundMessage.ref, InboundMessage.channel, InboundMessage.kind, InboundMessage.outcome,
            InboundMessage.subject, InboundMessage.words, InboundMessage.received_at,
            Account.ref.label("account_ref"), Account.name.label("account_name"), Contact.name,
            Message.kind.label("answers"),
        )
        .outerjoin(Account, Account.id == InboundMessage.account_id)
        .outerjoin(Contact, Contact.id == InboundMessage.contact_id)
        .outerjoin(Message, Message.id == InboundMessage.answers_id)
        .order_by(InboundMessage.received_at.desc(), InboundMessage.id.desc())
    )  # fmt: skip
    if show in _SHOWN:
        query = query.where(*_SHOWN[show])
    return [InboundRow(*r) for r in session.execute(_page(_of_account(query, account), page))]


_SHOWN: dict[str, tuple[ColumnElement[bool], ...]] = {
    "unmatched": (InboundMessage.kind == InboundKind.REPLY, InboundMessage.contact_id.is_(None)),
    "asked": (InboundMessage.outcome.in_(ASKED),),
    "replies": (InboundMessage.kind == InboundKind.REPLY,),
    "bounces": (InboundMessage.kind.in_((InboundKind.BOUNCE, InboundKind.STATUS)),),
    "automatic": (InboundMessage.kind == InboundKind.AUTOMATIC,),
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody who may have written."""

    ref: str
    name: str
    address: str
    account_name: str
    account_number: str


def possible_writers(session: Session, actor: Actor, text: str) -> list[Writer]:
    """Return contacts by part of their name or address, or by their account's number or name.

    Args:
        text: as typed; fewer than two characters find nobody.
    Raises:
        NotAllowed: the actor may not assign messages.
    """
    require(actor, Permission.INBOUND_ASSIGN)
    wanted = text.strip()
    if len(wanted) < 2:
        return []
    digits = "".join(c for c in wanted if c.isdigit()).lstrip("0")
    fits = [
        Contact.name.icontains(wanted, autoescape=True),
        Contact.email.istartswith(wanted, autoescape=True),
        Account.number == wanted,
        Account.name.icontains(wanted, autoescape=True),
    ]
    if len(digits) >= 4:
        fits.append(Contact.phone.endswith(digits, autoescape=True))
    rows = session.execute(
        select(Contact.ref, Contact.name, Contact.email, Contact.phone, Account.name, Account.number)
        .join(Account, Account.id == Contact.account_id)
        .where(or_(*fits), Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(Account.name, Contact.id)
        .limit(_MOST_FOUND)
    )
    return [Writer(r[0], r[1], r[2] or r[3] or "", r[4], r[5]) for r in rows]


@dataclass(frozen=True, slots=True)
class UnsentRow:
    """One message that did not leave or was refused, and why."""

    kind: str
    channel: Channel
    status: MessageStatus
    reasons: Sequence[str]
    queued_at: datetime
    account_ref: str
    account_name: str
    contact: str


def not_sent(
    session: Session,
    actor: Actor,
    *,
    zone: str,
    account: str = "",
    reason: str = "",
    from_on: date | None = None,
    to_on: date | None = None,
    page: int = 0,
) -> list[UnsentRow]:
    """Return messages that were held back or refused, newest first.

    Args:
        zone: whose days `from_on` and `to_on` are, both included.
        account: number or part of the name; reason: a code, or its beginning up to the colon.
    Raises:
        NotAllowed: the actor may not read messages.
    """
    require(actor, Permission.MESSAGE_READ)
    query = (
        select(
            Message.kind, Message.channel, Message.status, Message.reasons, Message.queued_at,
            Account.ref, Account.name, Contact.name,
        )
        .join(Account, Account.id == Message.account_id)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.status.in_(NOT_SENT))
        .order_by(Message.queued_at.desc(), Message.id.desc())
    )  # fmt: skip
    if reason:
        # The codes stand in a JSON list, each in quotation marks; a group of codes ends with its colon.
        ending = "" if reason.endswith(":") else '"'
        query = query.where(cast(Message.reasons, String).contains(f'"{reason}{ending}', autoescape=True))
    if from_on is not None:
        query = query.where(Message.queued_at >= at_local(from_on, time.min, zone))
    if to_on is not None:
        query = query.where(Message.queued_at < at_local(to_on + timedelta(days=1), time.min, zone))
    return [UnsentRow(*r) for r in session.execute(_page(_of_account(query, account), page))]


def _of_account(query: Any, text: str) -> Any:
    wanted = text.strip()
    if not wanted:
        return query
    return query.where(or_(Account.number == wanted, Account.name.icontains(wanted, autoescape=True)))


def _page(query: Any, page: int) -> Any:
    return query.limit(PAGE).offset(PAGE * max(page, 0))
