"""Links, the sessions they open, opt-out links and guess counters.

A clear token is never stored: rows hold its SHA-256 (L-02). Source: decisions 6-10; L-01…L-11.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    STAFF = "staff"  # copied by a collector: view and pay only (decision 6)


class LinkScope(StrEnum):
    """What a link lets its holder do; a narrower one never widens."""

    FULL = "full"  # see, pay, dispute, promise; the rest after step-up (decision 8)
    VIEW_AND_PAY = "view_and_pay"
    ONE_INVOICE = "one_invoice"  # forwarded to a colleague: sees and pays that invoice


class Link(Base):
    """The right of one contact to open one account for a time."""

    __tablename__ = "link"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    token_digest: Mapped[digest] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    scope: Mapped[LinkScope] = enum_column(LinkScope, "scope")
    held_by_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    #: The link from whose page this one was made for another device; it ends with that one.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("link.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    #: Counted by POST only; a GET changes nothing (L-04).
    redeemed_count: Mapped[int] = mapped_column(Integer, default=0)
    redeemed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_link_account", "account_id"), Index("ix_link_parent", "parent_id"))


class LinkSession(Base):
    """What a redeemed link opened; last-seen rides in the cookie, this row ends it (decision 9)."""

    __tablename__ = "link_session"

    id: Mapped[pk]
    session_digest: Mapped[digest] = mapped_column(unique=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    #: When its holder proved himself by a one-time code (decision 8).
    proved_at: Mapped[datetime | None]
    #: Browser and system in two words, so that the debtor knows his sessions apart (L-16).
    device: Mapped[str | None] = mapped_column(String(60))

    __table_args__ = (Index("ix_link_session_link", "link_id"),)


class LinkInvoice(Base):
    """The one invoice that a forwarded link shows."""

    __tablename__ = "link_invoice"

    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))


class OneTimeCode(Base):
    """A code sent to a contact on file, bound to one session; only its digest is stored (L-08)."""

    __tablename__ = "one_time_code"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("link_session.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    #: "step_up", or "contact:<ref of a contact change>" for an address that is to be proved.
    purpose: Mapped[str] = mapped_column(String(60))
    #: Where it goes when the address is not on file yet; None for the contact's own.
    address: Mapped[str | None]
    code_digest: Mapped[digest | None]
    salt: Mapped[str | None]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    caller: Mapped[str]

    __table_args__ = (
        Index("ix_one_time_code_session", "session_id"),
        Index("ix_one_time_code_account", "account_id", "asked_at"),
        Index("ix_one_time_code_caller", "caller", "asked_at"),
    )


class OptOutLink(Base):
    """The way out of one contact's one channel, printed in every message (decision 20)."""

    __tablename__ = "opt_out_link"

    id: Mapped[pk]
    token_digest: Mapped[digest] = mapped_column(unique=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    #: Of the address that it was sent to: it says nothing of, and stops nothing at, any other.
    address_digest: Mapped[digest]
    issued_at: Mapped[datetime]


class GuessCounter(Base):
    """How often one caller tried something in one window; written by POST only (decision 9)."""

    __tablename__ = "guess_counter"

    #: What is counted and for whom, digested: "link:198.51.100.0/24".
    bucket: Mapped[str] = mapped_column(String(120), primary_key=True)
    window_started_at: Mapped[datetime] = mapped_column(primary_key=True)
    tries: Mapped[int] = mapped_column(Integer)
