"""What reaches us: replies, bounces, words of opting out; and whether an address still works."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.links import Channel


class InboundKind(StrEnum):
    REPLY = "reply"
    BOUNCE = "bounce"
    #: A carrier's word about an SMS of ours.
    STATUS = "status"
    #: An automatic answer: out of office. Nobody has to read it.
    AUTOMATIC = "automatic"


class InboundMessage(Base):
    """One message to us, taken once however often the carrier brings it."""

    __tablename__ = "inbound_message"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    kind: Mapped[InboundKind] = enum_column(InboundKind, "kind")
    #: The carrier's own name for it: Message-ID, or the provider's id.
    external_id: Mapped[str] = mapped_column(String(255), unique=True)
    #: SHA-256 of who sent it; the address itself stays with the contact.
    from_digest: Mapped[digest]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    #: Our message that it answers, where that is known.
    answers_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    subject: Mapped[str | None]
    #: Cleaned and shortened; card-like digits are masked.
    words: Mapped[str | None]
    #: What a rule made of it: "stop", "stop_and_ask", "bounced", "task", "unknown_sender".
    outcome: Mapped[str] = mapped_column(String(40))
    received_at: Mapped[datetime]

    __table_args__ = (Index("ix_inbound_message_account", "account_id", "received_at"),)


class ReachEventKind(StrEnum):
    #: For ever: no such address or number.
    DEAD = "dead"
    #: For now: full, away, try again.
    SOFT = "soft"
    #: Delivered, answered, or its link was opened.
    REACHED = "reached"


class ReachEvent(Base):
    """What was learned about an address: the latest of it counts; append-only."""

    __tablename__ = "reach_event"

    id: Mapped[pk]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    #: An address that was replaced takes its history along.
    address_digest: Mapped[digest]
    event: Mapped[ReachEventKind] = enum_column(ReachEventKind, "event")
    #: In codes the desk words, with the carrier's own: "dsn:5.1.1", "sms:unreachable", "call:wrong_number".
    why: Mapped[str] = mapped_column(String(60))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    occurred_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_reach_event_address", "address_digest", "channel"),
        Index("ix_reach_event_contact", "contact_id"),
    )
