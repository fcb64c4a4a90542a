"""Work that waits: outside effects, tasks for people, alerts, hosts, and the policy in force."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, digest, enum_column, pk, ref_key
from models.states import JobStatus


class Job(Base):
    """One outside effect, queued in the transaction that wants it and done at least once (P-25)."""

    __tablename__ = "job"

    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    #: Names the effect, so that it is queued once: "expire_session:17".
    key: Mapped[str] = mapped_column(String(160), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[JobStatus] = enum_column(JobStatus, "status")
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    error: Mapped[str | None]
    queued_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_job_due", "status", "run_at"),)


class TaskKind(StrEnum):
    """What a person is asked to do; more kinds come with the desk."""

    UNAPPLIED_MONEY = "unapplied_money"
    CALL_BACK = "call_back"
    DISPUTE = "dispute"
    APPROVAL = "approval"
    REQUEST = "request"
    HARDSHIP = "hardship"
    PROMISE_BROKEN = "promise_broken"
    PLAN_TROUBLE = "plan_trouble"
    REFUND_ASKED = "refund_asked"
    DISCOUNT_TAX = "discount_tax"
    #: What rungs ask people to do.
    LADDER_CALL = "ladder_call"
    SALES = "sales"
    MANAGEMENT = "management"
    MAKE_OFFER = "make_offer"
    HOLD_CREDIT = "hold_credit"
    PREPAYMENT_OVER = "prepayment_over"
    HAND_OVER = "hand_over"
    #: Nobody answers on any channel: visit, register look-up.
    TRACE = "trace"
    #: Somebody wrote to us: a reply that no rule understands.
    READ_REPLY = "read_reply"
    CONFIRM_SEGMENT = "confirm_segment"
    #: A colleague named you in a note.
    MENTION = "mention"
    #: The day after his pay run: has it come? Or what somebody who spoke with him will do next.
    FOLLOW_UP = "follow_up"
    #: A refund was approved; the accountant sends it and notes when.
    PAY_REFUND = "pay_refund"
    #: A credit hold is to be looked at again.
    HOLD_REVIEW = "hold_review"
    #: A salesperson is asked what he promised.
    STATEMENT = "statement"
    #: A payer contests a payment with his bank: answer with evidence, or accept it.
    CHARGEBACK = "chargeback"
    #: The card network warns of fraud before a chargeback comes.
    FRAUD_WARNING = "fraud_warning"
    #: The gateway could not send a refund: find another way.
    REFUND_FAILED = "refund_failed"
    #: Money of a payment went back: say what becomes of what is owed again.
    PAYMENT_RETURNED = "payment_returned"
    #: Money came for what was written off: the accountant says what follows in the books.
    RECOVERED_MONEY = "recovered_money"


class Task(Base):
    """Something a person has to decide or do about an account."""

    __tablename__ = "task"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    kind: Mapped[TaskKind] = enum_column(TaskKind, "kind")
    key: Mapped[str] = mapped_column(String(160), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    __table_args__ = (Index("ix_task_open", "done_at", "due_at"), Index("ix_task_account", "account_id"))


class Alert(Base):
    """Something that needs a look and may not be forgotten; one open row for one cause (INV-13)."""

    __tablename__ = "alert"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    code: Mapped[str] = mapped_column(String(60))
    #: Names the cause: "attempt:17"; unique while open.
    key: Mapped[str] = mapped_column(String(160))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    raised_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


Index(
    "uq_alert_open",
    Alert.code,
    Alert.key,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
    postgresql_where=text("closed_at IS NULL"),
)


class Interaction(Base):
    """One thing that happened between us and an account, for the timeline; append-only."""

    __tablename__ = "interaction"

    id: Mapped[pk]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    #: "portal.opened", "payment.succeeded", "message.sent": worded by the desk.
    kind: Mapped[str] = mapped_column(String(60))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    occurred_at: Mapped[datetime]

    __table_args__ = (Index("ix_interaction_account", "account_id", "occurred_at"),)


class PolicyKind(StrEnum):
    HOUSE = "house"
    CONTACT = "contact"


class PolicyVersion(Base):
    """The rules of the house as data; every decision names the version it used (C-04)."""

    __tablename__ = "policy_version"

    id: Mapped[pk]
    #: Which rules: those of the house, or those of contact by place and kind of debtor.
    kind: Mapped[PolicyKind] = enum_column(PolicyKind, "kind", default=PolicyKind.HOUSE)
    effective_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    #: TOML, as in receivables/policy_default.toml and receivables/contact/rules.toml.
    body: Mapped[str]
    body_digest: Mapped[digest]


class Heartbeat(Base):
    """A live host; on SQLite a second one is refused (decision 17)."""

    __tablename__ = "heartbeat"

    host: Mapped[str] = mapped_column(String(120), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
