"""Messages on their way out, the right to send them, and what people said about it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.links import Channel
from models.states import MessageStatus


class Purpose(StrEnum):
    """Why we write; caps and hours bind reminders only (decision 18)."""

    REMINDER = "reminder"
    RECEIPT = "receipt"
    #: Tells the end of the reader's own act, or our answer to it: a dispute, a plan, an offer.
    ANSWER = "answer"
    #: A date of an arrangement that runs: instalment due, promise due tomorrow.
    ARRANGEMENT = "arrangement"
    CODE = "code"
    FRESH_LINK = "fresh_link"
    OPT_OUT_CONFIRMED = "opt_out_confirmed"


class Message(Base):
    """One message to one contact: queued in the transaction of the fact it tells (P-25).

    The body is rendered at the last moment and kept with `[link]` in place of the clear link.
    """

    __tablename__ = "message"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    purpose: Mapped[Purpose] = enum_column(Purpose, "purpose")
    #: Folder below templates/messages.
    kind: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str | None] = mapped_column(String(3))
    #: Ids and codes the text is made from; amounts are read again at send time.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: One fact is told once: "receipt:payment:17:email".
    dedupe_key: Mapped[str] = mapped_column(String(160), unique=True)
    status: Mapped[MessageStatus] = enum_column(MessageStatus, "status")
    #: RFC 5322 Message-ID, fixed at the queue so that a re-sent receipt keeps it (decision 19).
    wire_id: Mapped[str] = mapped_column(unique=True)
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    #: Why it was not sent, in codes a template words.
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    subject: Mapped[str | None]
    body: Mapped[str | None]
    body_digest: Mapped[digest | None]
    template_version: Mapped[str | None] = mapped_column(String(16))
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("ix_message_due", "status", "not_before"),
        Index("ix_message_account", "account_id", "queued_at"),
        Index("ix_message_contact", "contact_id"),
    )


class ContactLedger(Base):
    """Each reminder claimed for a person, a channel, a currency and a day; append-only (C-02).

    A reminder that could not leave on its day claims the next one too: both days count as used.
    """

    __tablename__ = "contact_ledger"

    id: Mapped[pk]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    currency: Mapped[str] = mapped_column(String(3))
    #: Account-local day of the claim.
    business_on: Mapped[date]
    step: Mapped[str] = mapped_column(String(40))
    cycle: Mapped[str] = mapped_column(String(40))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    claimed_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("contact_id", "channel", "currency", "business_on"),
        UniqueConstraint("contact_id", "step", "cycle", "channel", "currency"),
        UniqueConstraint("message_id", "business_on"),
        Index("ix_contact_ledger_account", "account_id", "business_on"),
    )


class ConsentEventKind(StrEnum):
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"


class ConsentEvent(Base):
    """What a person said about being written to; append-only, the latest counts (C-06)."""

    __tablename__ = "consent_event"

    id: Mapped[pk]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    channel: Mapped[Channel] = enum_column(Channel, "channel")
    #: SHA-256 of the address at that time: an opt-out follows the address, not the row.
    address_digest: Mapped[digest]
    purpose: Mapped[Purpose] = enum_column(Purpose, "purpose")
    event: Mapped[ConsentEventKind] = enum_column(ConsentEventKind, "event")
    text_shown: Mapped[str]
    text_version: Mapped[str]
    source: Mapped[str]
    #: Network prefix, not the whole address.
    ip_prefix: Mapped[str | None]
    occurred_at: Mapped[datetime]

    __table_args__ = (Index("ix_consent_event_address", "address_digest", "channel"),)


class ContactDecision(Base):
    """One answer of the gate about one message or call, with everything it looked at (C-04); append-only."""

    __tablename__ = "contact_decision"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    #: None for a call.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    channel: Mapped[str] = mapped_column(String(8))
    purpose: Mapped[str] = mapped_column(String(24))
    allowed: Mapped[bool] = mapped_column(Boolean)
    reasons: Mapped[list[str]] = mapped_column(JSON)
    #: What the rules were given: place, kind of debtor, local time, flags, counts; no address.
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON)
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    decided_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_contact_decision_message", "message_id"),
        Index("ix_contact_decision_contact", "contact_id", "decided_at"),
    )


class Spoken(StrEnum):
    """How people spoke, or tried to."""

    PHONE = "phone"
    VISIT = "visit"
    #: A messenger of the debtor's choice; what was written there is noted by hand.
    MESSENGER = "messenger"


class Direction(StrEnum):
    OUT = "out"  # we rang, went or wrote
    IN = "in"  # they did


class CallAttempt(Base):
    """One call, visit or talk by messenger that was tried, whatever came of it; append-only.

    A call of ours counts against the caps (C-02); what the debtor began does not, though a talk is a talk.
    """

    __tablename__ = "call_attempt"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: Whether somebody was spoken to: quiet days begin with it (policy row 2).
    talked: Mapped[bool] = mapped_column(Boolean)
    outcome: Mapped[str] = mapped_column(String(40))
    #: The task that asked for it, where one did.
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    made_at: Mapped[datetime]
    #: One of Direction, one of Spoken.
    direction: Mapped[str] = mapped_column(String(8), default="out", server_default="out")
    channel: Mapped[str] = mapped_column(String(12), default="phone", server_default="phone")
    #: The number or messenger name that was used; None where nobody said.
    number: Mapped[str | None] = mapped_column(String(80))
    #: What was gone through on a visit: codes of the checklist.
    checks: Mapped[list[str] | None] = mapped_column(JSON)

    __table_args__ = (
        Index("ix_call_attempt_account", "account_id", "made_at"),
        Index("ix_call_attempt_contact", "contact_id", "made_at"),
    )


class CallFileKind(StrEnum):
    RECORDING = "recording"
    PHOTO = "photo"


class CallFile(Base):
    """A recording of a call or a photo of a visit; a recording says why it may be kept; append-only."""

    __tablename__ = "call_file"

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("call_attempt.id"))
    kind: Mapped[CallFileKind] = enum_column(CallFileKind, "kind")
    #: The basis that was stated, and the row of the table of bases that asked for it: "announced", "GB".
    basis: Mapped[str | None] = mapped_column(String(20))
    rule: Mapped[str | None] = mapped_column(String(12))

    __table_args__ = (
        CheckConstraint("kind <> 'recording' OR (basis IS NOT NULL AND rule IS NOT NULL)", name="basis"),
        Index("ix_call_file_call", "call_id"),
    )
