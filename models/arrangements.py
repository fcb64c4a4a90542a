"""Arrangements: promises, instalment plans, settlement offers, and cards saved for plans.

What an accepted arrangement covers is reserved as attempts reserve invoices: `blocking` with a
partial unique index makes two arrangements of one invoice impossible (decision 12).
Source: domain.md, "Arrangements" and "Statuses and their moves".
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, currency_code, digest, enum_column, minor, pk, ref_key
from models.states import (
    AttemptStatus,
    CardStatus,
    HoldStatus,
    InstalmentStatus,
    OfferStatus,
    PlanStatus,
    PromiseStatus,
)


class Promise(Base):
    """A dated promise to pay; one open for one account and currency."""

    __tablename__ = "promise"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    amount_minor: Mapped[minor]
    currency: Mapped[currency_code]
    promised_on: Mapped[date]
    status: Mapped[PromiseStatus] = enum_column(PromiseStatus, "status")
    #: The promise that this one changed; a promise is changed once.
    changes_id: Mapped[int | None] = mapped_column(ForeignKey("promise.id"))
    #: Who of the desk noted it, where the debtor gave it by word of mouth.
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    #: Sum of what came since, when it was judged.
    received_minor: Mapped[minor] = mapped_column(default=0)
    judged_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_promise_account", "account_id"),
        Index("ix_promise_status", "status", "promised_on"),
    )


Index(
    "uq_promise_open",
    Promise.account_id,
    Promise.currency,
    unique=True,
    sqlite_where=text("status = 'open'"),
    postgresql_where=text("status = 'open'"),
)


class PaysBy(StrEnum):
    CARD = "card"  # the saved card is charged on each date
    LINK = "link"  # a link comes before each date


class Every(StrEnum):
    WEEK = "week"
    FORTNIGHT = "fortnight"
    MONTH = "month"


class SavedCard(Base):
    """A card kept at the gateway with the debtor's consent; we know brand, last digits and expiry."""

    __tablename__ = "saved_card"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    status: Mapped[CardStatus] = enum_column(CardStatus, "status")
    gateway_account: Mapped[str] = mapped_column(String(40))
    #: Names at the gateway; the customer is tied to the contact who consented (decision 11).
    customer_id: Mapped[str | None]
    payment_method_id: Mapped[str | None] = mapped_column(unique=True)
    #: What it may be charged on, where the gateway keeps that as an object of its own.
    mandate_id: Mapped[str | None]
    #: The gateway has deleted the customer: its name is of no use any more.
    customer_gone_at: Mapped[datetime | None]
    brand: Mapped[str] = mapped_column(default="")
    last4: Mapped[str] = mapped_column(String(4), default="")
    expires_month: Mapped[int | None] = mapped_column(Integer)
    expires_year: Mapped[int | None] = mapped_column(Integer)
    #: Evidence of consent: what was shown, in which version and language, when and from where.
    consent_text: Mapped[str]
    consent_version: Mapped[str]
    consent_language: Mapped[str] = mapped_column(String(2))
    consent_ip_prefix: Mapped[str | None]
    consented_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index("ix_saved_card_account", "account_id"),
        Index("ix_saved_card_contact", "contact_id"),
        Index("ix_saved_card_customer", "customer_id"),
        Index("ix_saved_card_mandate", "mandate_id"),
    )


class CardSetup(Base):
    """One try to save a card: on a page of its own, or riding on a payment (then `attempt_id`).

    The row is committed before the first call, with the exact request (P-01, decision 13).
    """

    __tablename__ = "card_setup"

    id: Mapped[pk]
    #: Opaque return id, as of a payment attempt.
    ref: Mapped[ref_key]
    saved_card_id: Mapped[int] = mapped_column(ForeignKey("saved_card.id"))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("payment_attempt.id"), unique=True)
    #: The plan that the card pays from the moment it is kept.
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    status: Mapped[AttemptStatus] = enum_column(AttemptStatus, "status")
    language: Mapped[str] = mapped_column(String(2))
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    operation: Mapped[str | None]
    request_body: Mapped[str | None]
    remote_id: Mapped[str | None] = mapped_column(unique=True)
    url: Mapped[str | None]
    failure_code: Mapped[str | None]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (Index("ix_card_setup_card", "saved_card_id"),)


class Agreement:
    """What plans and offers share: proposed, decided by a second person, accepted with a typed name.

    Whoever proposes does not decide: `four_eyes` says so in both tables (A-02).
    """

    #: Of a debtor: why more than the policy gives is asked for; shown to who decides.
    reason: Mapped[str | None]
    proposed_by_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime]
    #: Account-local day by which a person answers a request.
    answer_by_on: Mapped[date | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    #: Decided by its proposer himself, in a house of one person.
    is_alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_version.id"))
    #: What was agreed, word for word and figure for figure.
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    accepted_name: Mapped[str | None]
    accepted_role: Mapped[str | None]
    accepted_language: Mapped[str | None] = mapped_column(String(2))
    accepted_ip_prefix: Mapped[str | None]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


def four_eyes() -> CheckConstraint:
    """The check that nobody decides what he proposed himself, unless he is alone and marked as such."""
    return CheckConstraint(
        "is_alone OR decided_by_id IS NULL OR proposed_by_staff_id IS NULL"
        " OR decided_by_id <> proposed_by_staff_id",
        name="four_eyes",
    )


class Plan(Agreement, Base):
    """An arrangement in parts over one or several invoices of one currency."""

    __tablename__ = "plan"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    status: Mapped[PlanStatus] = enum_column(PlanStatus, "status")
    currency: Mapped[currency_code]
    total_minor: Mapped[minor]
    parts: Mapped[int] = mapped_column(Integer)
    every: Mapped[Every] = enum_column(Every, "every")
    pays_by: Mapped[PaysBy] = enum_column(PaysBy, "pays_by")
    saved_card_id: Mapped[int | None] = mapped_column(ForeignKey("saved_card.id"))
    #: Of the terms that are agreed.
    terms_digest: Mapped[digest]
    #: The running plan that ends when this one is signed.
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    missed_in_row: Mapped[int] = mapped_column(Integer, default=0)
    moves: Mapped[int] = mapped_column(Integer, default=0)
    #: While defaulted: paying what is late by this day cures it.
    cure_until_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("total_minor > 0 AND parts > 0", name="size"),
        four_eyes(),
        Index("ix_plan_account", "account_id"),
        Index("ix_plan_status", "status"),
        Index("ix_plan_card", "saved_card_id"),
        Index("ix_plan_replaces", "replaces_id"),
    )


class PlanInvoice(Base):
    """What of one invoice a plan covers; an invoice is in one active plan only."""

    __tablename__ = "plan_invoice"

    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    #: What was open of it when the plan was made.
    covered_minor: Mapped[minor]
    #: What stood beside it then (a contested part), with all that was credited before: less what is
    #: credited by now it is what of the balance is not the plan's.
    beside_minor: Mapped[minor] = mapped_column(default=0)
    #: Follows the plan's status: true while active, or defaulted and still to be cured.
    blocking: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        CheckConstraint("covered_minor > 0", name="covered"),
        Index("ix_plan_invoice_invoice", "invoice_id"),
    )


Index(
    "uq_plan_invoice_blocking",
    PlanInvoice.invoice_id,
    unique=True,
    sqlite_where=text("blocking"),
    postgresql_where=text("blocking"),
)


class Instalment(Base):
    """One part of a plan; the row is the only source of what is charged (M-15)."""

    __tablename__ = "instalment"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    seq: Mapped[int] = mapped_column(Integer)
    due_on: Mapped[date]
    #: The day agreed first, when it was moved.
    moved_from_on: Mapped[date | None]
    amount_minor: Mapped[minor]
    status: Mapped[InstalmentStatus] = enum_column(InstalmentStatus, "status")
    #: Tries by card or link since its day; the day of the next one.
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_on: Mapped[date | None]
    #: Why the last try did not bring money, in our codes.
    last_failure: Mapped[str | None] = mapped_column(String(40))
    settled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("plan_id", "seq"),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_instalment_due", "status", "due_on"),
    )


class InstalmentCharge(Base):
    """A payment attempt that pays one instalment; at most one of them is credited to it."""

    __tablename__ = "instalment_charge"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("payment_attempt.id"), primary_key=True)
    instalment_id: Mapped[int] = mapped_column(ForeignKey("instalment.id"))
    try_number: Mapped[int] = mapped_column(Integer)
    #: Set with the attempt's success; a second success is booked and left for a person.
    credited: Mapped[bool] = mapped_column(Boolean, default=False)

    __table_args__ = (UniqueConstraint("instalment_id", "try_number"),)


Index(
    "uq_instalment_charge_credited",
    InstalmentCharge.instalment_id,
    unique=True,
    sqlite_where=text("credited"),
    postgresql_where=text("credited"),
)


class OfferMaker(StrEnum):
    STAFF = "staff"
    RULE = "rule"
    DEBTOR = "debtor"  # a counter-offer


class DiscountTax(StrEnum):
    """How the forgiven part stands towards tax (decision 5)."""

    NONE = "none"
    CREDIT_NOTE = "credit_note"
    #: Posted whole; a person decides about its tax.
    ASK = "ask"


class Offer(Agreement, Base):
    """A settlement offer: less than the whole, full and final, by a day."""

    __tablename__ = "offer"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    status: Mapped[OfferStatus] = enum_column(OfferStatus, "status")
    maker: Mapped[OfferMaker] = enum_column(OfferMaker, "maker")
    currency: Mapped[currency_code]
    #: Open balance of its invoices when it was made; another balance voids it.
    balance_minor: Mapped[minor]
    amount_minor: Mapped[minor]
    #: Last account-local day to accept.
    expires_on: Mapped[date]
    #: Last account-local day to pay, once accepted.
    pay_by_on: Mapped[date]
    discount_tax: Mapped[DiscountTax] = enum_column(DiscountTax, "discount_tax")
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("offer.id"))
    #: Digest of amounts, invoices and days: what was approved and accepted (A-02).
    content_digest: Mapped[digest]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND amount_minor < balance_minor", name="amount"),
        CheckConstraint("pay_by_on >= expires_on", name="days"),
        four_eyes(),
        Index("ix_offer_account", "account_id"),
        Index("ix_offer_status", "status", "expires_on"),
        Index("ix_offer_supersedes", "supersedes_id"),
    )


class OfferInvoice(Base):
    """An invoice that an offer settles; in one accepted offer only (INV-11)."""

    __tablename__ = "offer_invoice"

    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    balance_minor: Mapped[minor]
    #: Follows the offer's status: true while accepted.
    blocking: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        CheckConstraint("balance_minor > 0", name="balance"),
        Index("ix_offer_invoice_invoice", "invoice_id"),
    )


Index(
    "uq_offer_invoice_blocking",
    OfferInvoice.invoice_id,
    unique=True,
    sqlite_where=text("blocking"),
    postgresql_where=text("blocking"),
)


class HoldCause(StrEnum):
    """Why an account gets no new credit; the debtor reads it in words."""

    BROKEN_PROMISE = "broken_promise"
    OVER_LIMIT = "over_limit"
    OVERDUE = "overdue"
    OTHER = "other"


class HoldRelease(StrEnum):
    """What is asked for to be released."""

    AMOUNT = "amount"  # so much of what was overdue on its day
    INVOICES = "invoices"  # those named, each of them


class HoldEnd(StrEnum):
    """How a hold ended."""

    PAID = "paid"
    ARRANGED = "arranged"  # a plan for it is active and its first part paid
    EARLY = "early"  # by two persons, before its condition
    UNDONE = "undone"  # by who placed it, before anybody was told


class CreditHold(Base):
    """No new credit for an account, since a day and for a reason that the debtor may read."""

    __tablename__ = "credit_hold"

    id: Mapped[pk]
    ref: Mapped[ref_key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    status: Mapped[HoldStatus] = enum_column(HoldStatus, "status")
    reason: Mapped[str]
    since_on: Mapped[date]
    #: What has to be paid to be released, while the hold stands.
    release_minor: Mapped[minor]
    currency: Mapped[currency_code]
    placed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    placed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    cause: Mapped[HoldCause] = enum_column(
        HoldCause, "cause", default=HoldCause.OTHER, server_default=text("'other'")
    )
    releases_by: Mapped[HoldRelease] = enum_column(
        HoldRelease, "releases_by", default=HoldRelease.AMOUNT, server_default=text("'amount'")
    )
    #: Whether a plan for what is asked, active and with its first part paid, releases it too.
    plan_releases: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    #: Whether the order system still takes orders that are paid in advance.
    prepaid_allowed: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    #: What was seen that led to it: kinds and figures of the day (receivables.credit_hold_facts).
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default=text("'[]'"))
    #: For the desk only.
    note: Mapped[str | None]
    #: Account-local day on which a person looks at it again; None: nobody named one.
    review_on: Mapped[date | None]
    #: Until then nobody is told, and who placed it may take it back alone.
    undo_until: Mapped[datetime | None]
    ended_as: Mapped[HoldEnd | None] = enum_column(HoldEnd, "ended_as")
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("release_minor > 0", name="release"),
        CheckConstraint("ended_as IS NULL OR status = 'released'", name="ended"),
        Index("ix_credit_hold_review", "status", "review_on"),
    )


Index(
    "uq_credit_hold_active",
    CreditHold.account_id,
    unique=True,
    sqlite_where=text("status = 'active'"),
    postgresql_where=text("status = 'active'"),
)


class CreditHoldInvoice(Base):
    """A document that was overdue when a hold was placed, and what was asked of it then."""

    __tablename__ = "credit_hold_invoice"

    hold_id: Mapped[int] = mapped_column(ForeignKey("credit_hold.id"), primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    asked_minor: Mapped[minor]

    __table_args__ = (
        CheckConstraint("asked_minor > 0", name="asked"),
        Index("ix_credit_hold_invoice_invoice", "invoice_id"),
    )


class DailyRun(Base):
    """Daily work done once for an account and a business date (decision 22)."""

    __tablename__ = "daily_run"

    work: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    business_on: Mapped[date] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]

    __table_args__ = (Index("ix_daily_run_day", "work", "business_on"),)
